"""Histograms of durations: prometheus_client's for /metrics, and their figures for Server.stats()."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Histogram

__all__ = ["Durations"]


class Durations:
    """Counts durations in seconds by upper bounds, which are included; beyond the last there is one more bucket."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float]) -> None:
        self.metric = Histogram(name, documentation, registry=None, buckets=bounds)
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.metric.observe(seconds)
        self._longest = max(self._longest, seconds)

    def summary(self) -> dict[str, float]:
        """Return `count`, and in seconds `mean`, `p50`, `p99` (both no finer than the buckets) and `max`; 0 of none."""
        (metric,) = self.metric.collect()
        totals = [(float(one.labels["le"]), one.value) for one in metric.samples if one.name.endswith("_bucket")]
        (seconds,) = [one.value for one in metric.samples if one.name.endswith("_sum")]
        count = totals[-1][1]
        return {
            "count": int(count),
            "mean": seconds / count if count else 0.0,
            "p50": self._quantile(totals, 0.5 * count),
            "p99": self._quantile(totals, 0.99 * count),
            "max": self._longest,
        }

    def _quantile(self, totals: list[tuple[float, float]], rank: float) -> float:
        """The upper bound of the bucket that has the duration of a rank, or the longest one if that is less."""
        return next(min(bound, self._longest) for bound, total in totals if total >= rank)
