"""Counts of durations by upper bounds, as Prometheus has its histograms."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["Histogram"]


class Histogram:
    """Seconds; `bounds` are the buckets' upper bounds, included, and beyond the last there is one more."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.count = 0
        self.seconds = self.longest = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.count += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound."""
        bounds = (*map(str, self._bounds), "+Inf")
        return [(bound, float(total)) for bound, total in zip(bounds, accumulate(self._counts), strict=True)]

    def quantile(self, share: float) -> float:
        """The upper bound of the bucket that `share` of all reaches into, or the longest if that is less; 0 of none."""
        for bound, total in zip(self._bounds, accumulate(self._counts), strict=False):
            if total >= share * self.count:
                return min(bound, self.longest)
        return self.longest

    def summary(self) -> dict[str, float]:
        """`count`, and in seconds `mean`, `p50`, `p99` (both no finer than the buckets) and `max`."""
        mean = self.seconds / self.count if self.count else 0.0
        return {
            "count": self.count,
            "mean": mean,
            "p50": self.quantile(0.5),
            "p99": self.quantile(0.99),
            "max": self.longest,
        }
