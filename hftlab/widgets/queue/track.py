"""The estimated place of one order in its queue over time, in a bounded number of points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hftlab.market.queue_estimate import QueueEstimate
from hftlab.trading.order_record import OrderRecord

__all__ = ["POINTS", "Point", "Track"]

POINTS: Final = 120
FIRST_STEP: Final = 100_000_000
"""Nanoseconds between two points, at first: it doubles whenever there are too many."""


class Point(NamedTuple):
    """Bounds of the size ahead at `time` (ns), the estimate between them, and the order's own open size."""

    time: int
    most: float
    likely: float
    least: float
    own: float


@dataclass(slots=True)
class Track:
    """One order from when it was first seen at its price to its end."""

    record: OrderRecord
    estimate: QueueEstimate
    points: list[Point] = field(default_factory=list)
    step: int = FIRST_STEP
    is_settled: bool = False
    """True if the level has been seen again since the order was first seen there: its first bounds are wide."""
    is_provisional: bool = False
    """True until the market's next message: it is known of the order alone, and of the level what was so before."""
    ended: int | None = None
    """Time (ns) at which it was filled, cancelled, or changed so that it lost its place."""

    def add(self, time: int) -> None:
        """Add a point at `time`, or move the newest one there if it is very near the one before."""
        estimate = self.estimate
        own = self.record.remaining_quantity
        point = Point(time, estimate.risk_averse, estimate.pro_rata, estimate.optimistic, own)
        if len(self.points) > 1 and time - self.points[-2].time < self.step:
            self.points[-1] = point
        else:
            self.points.append(point)
        if len(self.points) > POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self.step *= 2
