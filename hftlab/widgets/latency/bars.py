"""The bars of a latency histogram: differences between two of its states, and their percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from hftlab.widgets.core.interfaces import Histogram

__all__ = ["EMPTY", "PERCENTILES", "Bars", "read_bars"]

PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


class Bars(NamedTuple):
    """Counts of latencies: `counts[i]` between `edges[i]` and `edges[i + 1]` ns, equally wide on a log scale."""

    edges: Sequence[float] = ()
    counts: Sequence[int] = ()

    @property
    def total(self) -> int:
        """Number of latencies that they hold."""
        return sum(self.counts)

    @property
    def ratio(self) -> float:
        """Upper edge over lower edge, the same for all bars; 1 without bars."""
        return self.edges[1] / self.edges[0] if self.counts else 1.0

    def since(self, before: Bars) -> Bars:
        """Return what was added since an earlier state of the same histogram; all of it if that was started anew."""
        earlier = dict(zip(before.edges, before.counts, strict=False))
        added = [number - earlier.get(edge, 0) for edge, number in zip(self.edges, self.counts, strict=False)]
        if any(number < 0 for number in added) or self.total < before.total:
            return self
        return _trimmed(self.edges, added)

    def quantile(self, share: float) -> float:
        """The latency in ns that this share does not exceed, interpolated within its bar; NaN without latencies."""
        wanted, passed = share * self.total, 0
        for low, high, number in zip(self.edges, self.edges[1:], self.counts, strict=False):
            if number and passed + number >= wanted:
                return float(low * (high / low) ** ((wanted - passed) / number))
            passed += number
        return math.nan

    def summary(self) -> dict[str, float]:
        """PERCENTILES in ns, as near as the bars are narrow."""
        return {name: self.quantile(share) for name, share in PERCENTILES.items()} if self.total else {}


EMPTY: Final = Bars()


def read_bars(histogram: Histogram) -> Bars:
    """Read a histogram's bars, without the empty ones at both ends."""
    return _trimmed(*histogram.bars()) if histogram.count else EMPTY


def _trimmed(edges: Sequence[float], counts: Sequence[int]) -> Bars:
    filled = [index for index, number in enumerate(counts) if number]
    return Bars(edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]) if filled else EMPTY
