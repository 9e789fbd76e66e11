"""Recorded venues: trading venues whose market is known to its end, so that time can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

from hftlab.trading.venue import TradingVenue

__all__ = ["Fills", "NamedModel", "RecordedVenue"]


class NamedModel(Protocol):
    """Fill model: see hftlab.backtest.FillModel."""

    @property
    def name(self) -> str:
        """Its name, such as "risk_averse"."""
        ...

    @property
    def impact(self) -> bool:
        """True if recorded orders are matched again against what own ones have left."""
        ...


Fills: TypeAlias = str | NamedModel | Mapping[str, Any]
"""Fills of orders in a recorded market: a fill model or its name, or a dict of `fill`, `latency` and `impact`."""


@runtime_checkable
class RecordedVenue(TradingVenue, Protocol):
    """Trading venue over a recorded market: it goes on to any time, and back to a checkpoint.

    What happens depends on the requests and their times alone, and not on the times that it is asked to go on to.
    """

    def run(self, until: int) -> int:
        """Let time go on to `until`, or to the first report that is due by then; returns the time reached (ns).

        Reports of that time are in take_updates(); where it is `until` itself, the next call may find more.
        """
        ...

    def next_time(self) -> int | None:
        """Return the next time at which something may be reported (ns); None while nothing will be."""
        ...

    def checkpoint(self) -> Any:
        """Copy everything that changes, for restore()."""
        ...

    def restore(self, checkpoint: Any) -> None:
        """Go back, or on, to a checkpoint of this venue, which can be used any number of times."""
        ...
