"""The server's state over HTTP: /health, /ready and /metrics (Prometheus' text format)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from websockets.http11 import Response

from hftlab.server.http.answers import answer, json_answer, text_answer

__all__ = ["report"]

_GAUGES: Final = {
    "connections": "Open connections",
    "channels": "Channels with at least one reader",
    "lag_seconds": "Seconds that the stream is behind its clock",
}
_COUNTERS: Final = {
    "published": "Messages taken from the source",
    "messages_sent": "Frames of streamed messages sent",
    "bytes_sent": "Bytes of those frames",
    "messages_received": "Requests received",
    "bytes_received": "Bytes of those requests",
    "conflated": "State messages that slow readers have skipped",
    "gaps": "Gaps declared to slow readers",
    "invalid": "Messages of the source that were left out because the wire cannot carry them",
}
_LABELLED: Final = {
    "aborted": ("reason", "Connections ended by the server"),
    "refused": ("reason", "Opening requests refused"),
    "errors": ("type", "ERROR and AUTH_FAILED messages sent"),
    "failed_taps": ("type", "Recorders and other taps that have raised an exception and were removed"),
}


class _Collector(Collector):
    def __init__(self, stats: Mapping[str, Any], further: dict[str, str]) -> None:
        self._stats, self._further = stats, further

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of Server.stats() that are gauges and counters."""
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"hftlab_{name}", text, value=self._stats[name])
        failed = self._stats["failure"] is not None
        yield GaugeMetricFamily("hftlab_failed", "1 if the source has failed and sends nothing more", value=failed)
        problems = len(self._stats["problems"])
        yield GaugeMetricFamily("hftlab_problems", "Recordings that wait for their disk, and the like", value=problems)
        for name, text in (_COUNTERS | self._further).items():
            yield CounterMetricFamily(f"hftlab_{name}", text, value=self._stats[name])
        for name, (label, text) in _LABELLED.items():
            family = CounterMetricFamily(f"hftlab_{name}", text, labels=[label])
            for value, count in self._stats[name].items():
                family.add_metric([value], count)
            yield family


def report(
    path: str,
    stats: Callable[[], Mapping[str, Any]],
    further: dict[str, str],
    histograms: Iterable[Histogram],
    *,
    trusted: bool,
) -> Response | None:
    """Answer a monitoring path; None for any other. /health says that the loop turns, /ready that the server streams.

    `further` are counts of `stats` that other servers do not have, with their descriptions.

    What is wrong beside the stream, such as a recording that waits for its disk, leaves the server ready.

    Clients that are not `trusted` get the status of these alone, as a load balancer has no token, and no /metrics.
    """
    match path.partition("?")[0]:
        case "/health":
            return json_answer(200, {"status": "ok"} | ({"connections": stats()["connections"]} if trusted else {}))
        case "/ready":
            current = stats()
            failure, problems = current["failure"] or current["unready"], current["problems"]
            if failure is None:
                told = {"problems": problems} if trusted and problems else {}
                return json_answer(200, {"status": "ready"} | told)
            return json_answer(503, {"status": "not ready"} | ({"reason": failure} if trusted else {}))
        case "/metrics" if not trusted:
            sentence = "send an access token, as in `Authorization: Bearer ...`: hftlab token makes one"
            return text_answer(401, sentence, WWW_Authenticate="Bearer")
        case "/metrics":
            registry = CollectorRegistry()
            registry.register(_Collector(stats(), further))
            for histogram in histograms:
                registry.register(histogram)
            return answer(200, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)
        case _:
            return None
