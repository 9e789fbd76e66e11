"""Histogram of latencies in logarithmic buckets."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from typing import Final

from hftlab.clock import NANOSECONDS

__all__ = ["LatencyHistogram", "LatencySummary"]

_PERCENTILES: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
_PER_DECADE: Final = 20
_LONGEST: Final = 3600 * NANOSECONDS
_BITS: Final = 11


class LatencySummary(dict[str, float]):
    """Statistics of latencies by name, in nanoseconds; shown in microseconds, with the unit."""

    def __repr__(self) -> str:
        return f"LatencySummary({', '.join(f'{name} {ns / 1000:,.1f}' for name, ns in self.items())} µs)"


class LatencyHistogram:
    """Histogram of latencies from 1 ns to 1 h with three significant digits; safe to read from another thread.

    Each power of two has 1024 equal buckets, the layout of HdrHistogram (hdrhistogram.org). Used buckets
    are kept in a dictionary: the library's `record_value` takes over a microsecond, on the path of each message.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._lock = threading.Lock()

    def record(self, ns: int) -> None:
        """Count one latency; one below 1 ns (clocks that disagree) counts as 1 ns, one above an hour as an hour."""
        if not 0 < ns <= _LONGEST:
            ns = 1 if ns < 1 else _LONGEST
        shift = ns.bit_length() - _BITS
        place = (shift << _BITS) + (ns >> shift) if shift > 0 else ns
        with self._lock:
            self._counts[place] += 1
            self._sum += ns
            self.count += 1

    @property
    def mean(self) -> float:
        """Mean in nanoseconds; 0 before the first value."""
        with self._lock:
            return self._sum / self.count if self.count else 0.0

    def summary(self) -> LatencySummary:
        """Return min, mean, p50, p95, p99, p99.9 and max in nanoseconds; zeros before the first value.

        It is a dictionary of nanoseconds, which is shown in microseconds.
        """
        with self._lock:
            values = sorted((_middle(place), count) for place, count in self._counts.items())
            count, mean = self.count, self._sum / max(self.count, 1)
        if not count:
            return LatencySummary(dict.fromkeys(("min", "mean", *_PERCENTILES, "max"), 0.0))
        ranks = {name: max(math.ceil(count * percent / 100), 1) for name, percent in _PERCENTILES.items()}
        quantiles = {name: _ranked(values, rank) for name, rank in ranks.items()}
        return LatencySummary({"min": values[0][0], "mean": mean, **quantiles, "max": values[-1][0]})

    def __repr__(self) -> str:
        summary = self.summary()
        micro = ", ".join(f"{name} {summary[name] / 1000:,.1f} µs" for name in ("p50", "p99", "max"))
        return f"LatencyHistogram({self.count:,} values, {micro})" if self.count else "LatencyHistogram(no values)"

    def bars(self) -> tuple[list[float], list[int]]:
        """Return n + 1 edges in ns and n counts, in twenty buckets a decade; both empty before the first value."""
        buckets: Counter[int] = Counter()
        with self._lock:
            for place, count in self._counts.items():
                buckets[int(math.log10(_middle(place)) * _PER_DECADE)] += count
        if not buckets:
            return [], []
        first, last = min(buckets), max(buckets)
        edges = [10 ** (edge / _PER_DECADE) for edge in range(first, last + 2)]
        return edges, [buckets[place] for place in range(first, last + 1)]


def _middle(place: int) -> int:
    """Return the value in the middle of a bucket."""
    shift = place >> _BITS
    return ((place & ((1 << _BITS) - 1)) << shift) + (1 << shift) // 2


def _ranked(values: list[tuple[int, int]], rank: int) -> int:
    """Return the value that `rank` of all values do not exceed."""
    for value, count in values:
        rank -= count
        if rank <= 0:
            return value
    raise AssertionError("a rank is at most the count")
