"""What a client has measured: counts, and latencies as HDR histograms."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from hftlab.clock import NANOSECONDS

__all__ = ["LatencyHistogram", "Metrics"]

_PERCENTILES: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
_PER_DECADE: Final = 20
_LONGEST: Final = 3600 * NANOSECONDS


class LatencyHistogram:
    """Latencies of 1 ns to 1 h with three significant digits; safe to read from another thread."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, _LONGEST, 3)
        self._buckets: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._sum = 0

    def record(self, ns: int) -> None:
        """Count one latency; those below 1 ns (clocks that disagree) count as 1 ns, above an hour as an hour."""
        ns = min(max(ns, 1), _LONGEST)
        with self._lock:
            self._histogram.record_value(ns)
            self._buckets[int(math.log10(ns) * _PER_DECADE)] += 1
            self._sum += ns

    @property
    def count(self) -> int:
        return int(self._histogram.total_count)

    def summary(self) -> dict[str, float]:
        """min, mean, p50, p95, p99, p99.9 and max in nanoseconds; zeros before the first value."""
        with self._lock:
            count = self._histogram.total_count
            if not count:
                return dict.fromkeys(("min", "mean", *_PERCENTILES, "max"), 0)
            quantiles = self._histogram.get_percentile_to_value_dict(list(_PERCENTILES.values()))
            named = {name: quantiles[percent] for name, percent in _PERCENTILES.items()}
            extremes = {"min": self._histogram.get_min_value(), "mean": self._sum / count}
            return {**extremes, **named, "max": self._histogram.get_max_value()}

    def bars(self) -> tuple[list[float], list[int]]:
        """Counts in twenty buckets a decade: n + 1 edges in ns and n counts; both empty before the first value."""
        with self._lock:
            buckets = dict(self._buckets)
        if not buckets:
            return [], []
        first, last = min(buckets), max(buckets)
        edges = [10 ** (edge / _PER_DECADE) for edge in range(first, last + 2)]
        return edges, [buckets.get(place, 0) for place in range(first, last + 1)]


class Metrics:
    """The reference document's PerformanceMetrics in snake case, and the latencies by component.

    `latency["network"]` is the time between the server's send (ts_out) and our receive, `latency["feed"]` that between
    the venue's time (ts_event) and the server's send. Both compare two clocks; on one machine they are the same.
    """

    def __init__(self) -> None:
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.reconnection_count = 0
        self.error_count = 0
        self.gaps = 0
        self.messages_lost = 0
        self.conflated = 0
        self.dropped = 0
        self.connected_at: int | None = None
        self.latency = {"feed": LatencyHistogram(), "network": LatencyHistogram()}

    def as_dict(self) -> dict[str, Any]:
        counts = {name: value for name, value in vars(self).items() if name != "latency"}
        return {**counts, "latency": {name: histogram.summary() for name, histogram in self.latency.items()}}

    def __repr__(self) -> str:
        p50, p99 = (self.latency["network"].summary()[name] / 1000 for name in ("p50", "p99"))
        return (
            f"Metrics({self.messages_received} messages, {self.bytes_received} bytes, {self.messages_lost} lost, "
            f"network p50 {p50:.0f} µs, p99 {p99:.0f} µs)"
        )
