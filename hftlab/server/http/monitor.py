"""What the server tells about itself over HTTP: /health, /ready and /metrics (Prometheus' text format)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from websockets.http11 import Response

from hftlab.log import get_logger
from hftlab.server.histogram import Histogram
from hftlab.server.http.messages import answer, json_answer, text_answer

__all__ = ["Broadcasts", "report"]

_SLOW: Final = 0.001
"""Seconds; the reference document's target for one broadcast."""
_QUIET: Final = 1.0
"""Seconds between two lines about slow broadcasts."""
_BOUNDS: Final = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

_GAUGES: Final = {
    "connections": "Open connections",
    "channels": "Channels with at least one member",
    "lag_seconds": "How far the stream is behind its clock",
}
_COUNTERS: Final = {
    "published": "Messages taken from the source",
    "messages_sent": "Frames of streamed messages sent",
    "bytes_sent": "Bytes of those frames",
    "messages_received": "Requests received",
    "bytes_received": "Bytes of those requests",
    "conflated": "Messages that slow readers were spared",
    "gaps": "Gaps declared to slow readers",
}
_LABELLED: Final = {
    "aborted": ("reason", "Connections ended by the server"),
    "refused": ("reason", "Opening requests refused"),
    "errors": ("type", "ERROR and AUTH_FAILED messages sent"),
    "failed_taps": ("type", "Recorders and other taps that have raised an exception, and are called no more"),
}
_HISTOGRAMS: Final = {
    "broadcast_seconds": "Time to project and encode one batch of messages and hand it to all its readers",
    "queue_seconds": "Time that a message waits in its connection's buffer before the kernel takes it (sampled)",
}

_log = get_logger("hftlab.monitor")


class Broadcasts:
    """How long it takes to project and encode one batch of messages and to hand it to all its readers."""

    def __init__(self) -> None:
        self.histogram = Histogram(_BOUNDS)
        self._slow = 0
        self._warned_at = -_QUIET

    def add(self, seconds: float) -> None:
        self.histogram.add(seconds)
        if seconds > _SLOW:
            self._warn(seconds)

    def _warn(self, seconds: float) -> None:
        """Say so, but not for each of a thousand: a line costs more than a frame."""
        self._slow += 1
        now = time.monotonic()
        if now - self._warned_at >= _QUIET:
            _log.info("slow broadcast", milliseconds=round(seconds * 1000, 3), since_last_line=self._slow)
            self._slow, self._warned_at = 0, now


class _Collector(Collector):
    def __init__(self, stats: Mapping[str, Any], histograms: Mapping[str, Histogram]) -> None:
        self._stats, self._histograms = stats, histograms

    def collect(self) -> Iterator[Metric]:
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"hftlab_{name}", text, value=self._stats[name])
        failed = self._stats["failure"] is not None
        yield GaugeMetricFamily(
            "hftlab_failed", "1 if the source has failed and nothing more comes of it", value=failed
        )
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"hftlab_{name}", text, value=self._stats[name])
        for name, (label, text) in _LABELLED.items():
            family = CounterMetricFamily(f"hftlab_{name}", text, labels=[label])
            for value, count in self._stats[name].items():
                family.add_metric([value], count)
            yield family
        for name, histogram in self._histograms.items():
            yield HistogramMetricFamily(
                f"hftlab_{name}", _HISTOGRAMS[name], buckets=histogram.buckets(), sum_value=histogram.seconds
            )


def report(
    path: str, stats: Callable[[], Mapping[str, Any]], histograms: Mapping[str, Histogram], *, trusted: bool
) -> Response | None:
    """The answer to a monitoring path, None to any other: /health says that the loop turns, /ready that it streams.

    Who is not `trusted` gets their status alone, as a load balancer has no token, and no /metrics. `histograms` are
    "broadcast_seconds" and "queue_seconds".
    """
    match path.partition("?")[0]:
        case "/health":
            return json_answer(200, {"status": "ok"} | ({"connections": stats()["connections"]} if trusted else {}))
        case "/ready":
            failure = stats()["failure"]
            if failure is None:
                return json_answer(200, {"status": "ready"})
            return json_answer(503, {"status": "not ready"} | ({"reason": failure} if trusted else {}))
        case "/metrics" if not trusted:
            sentence = "send an access token, as in `Authorization: Bearer ...`: hftlab token makes one"
            return text_answer(401, sentence, WWW_Authenticate="Bearer")
        case "/metrics":
            registry = CollectorRegistry()
            registry.register(_Collector(stats(), histograms))
            return answer(200, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)
        case _:
            return None
