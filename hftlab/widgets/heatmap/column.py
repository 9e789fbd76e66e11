"""One column of a heat map: the book of one moment, and the trades since the column before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hftlab.widgets.core.interfaces import Level
from hftlab.widgets.core.market_tape import Print

__all__ = ["NO_PRICE", "Column", "Ticks"]

Ticks: TypeAlias = npt.NDArray[np.int32]

NO_PRICE: Final = np.iinfo(np.int32).min
"""The best price of an empty side."""
MOST_ORDERS: Final = np.iinfo(np.uint16).max
FARTHEST: Final = 2**30
"""Ticks from the origin up to which prices are kept."""


def _none(kind: Any) -> Any:
    return lambda: np.empty(0, kind)


@dataclass(frozen=True, slots=True)
class Column:
    """State of a book from `time` (ns) to the time of the next column; `step` is how long that usually is.

    `ticks` are prices in ticks from an origin that all columns share, bids first, with their `sizes` and numbers of
    `orders`. Of each trade: its tick, its size (negative where a seller took) and the ns since `time`. Where the book
    is not `known` there are no levels.
    """

    time: int
    step: int
    known: bool = True
    bid: int = NO_PRICE
    ask: int = NO_PRICE
    ticks: Ticks = field(default_factory=_none(np.int32))
    sizes: npt.NDArray[np.float32] = field(default_factory=_none(np.float32))
    orders: npt.NDArray[np.uint16] = field(default_factory=_none(np.uint16))
    trade_ticks: Ticks = field(default_factory=_none(np.int32))
    trade_sizes: npt.NDArray[np.float32] = field(default_factory=_none(np.float32))
    trade_times: npt.NDArray[np.float64] = field(default_factory=_none(np.float64))

    @classmethod
    def of_book(
        cls,
        time: int,
        step: int,
        sides: tuple[Sequence[Level], Sequence[Level]],
        trades: Sequence[Print],
        tick: float,
        origin: int,
    ) -> Column:
        """Make a column of the bids and asks, best first. Levels too far from the origin are left out."""
        levels = np.array([level[:3] for side in sides for level in side], np.float64).reshape(-1, 3)
        ticks, near = _offsets(levels[:, 0], tick, origin)
        firsts = [len(sides[0]) * place for place in range(2)]
        best = [
            int(ticks[first]) if side and near[first] else NO_PRICE for first, side in zip(firsts, sides, strict=True)
        ]
        prints = np.array([(each.price, each.size * each.sign, 0.0) for each in trades]).reshape(-1, 3)
        trade_ticks, printed = _offsets(prints[:, 0], tick, origin)
        since = np.array([each.ts_event - time for each in trades], np.float64)
        return cls(
            time,
            step,
            True,
            best[0],
            best[1],
            ticks[near],
            levels[near, 1].astype(np.float32),
            np.minimum(levels[near, 2], MOST_ORDERS).astype(np.uint16),
            trade_ticks[printed],
            prints[printed, 1].astype(np.float32),
            since[printed],
        )

    def repeated(self, time: int) -> Column:
        """The same state at a later time, without the trades."""
        nothing = Column(time, self.step)
        return replace(
            self,
            time=time,
            trade_ticks=nothing.trade_ticks,
            trade_sizes=nothing.trade_sizes,
            trade_times=nothing.trade_times,
        )

    def refined(self, factor: int) -> Column:
        """The same state in ticks that are `factor` times as fine."""
        near, printed = (np.abs(each) <= FARTHEST // factor for each in (self.ticks, self.trade_ticks))
        bid, ask = (best * factor if abs(best) <= FARTHEST // factor else NO_PRICE for best in (self.bid, self.ask))
        return Column(
            self.time,
            self.step,
            self.known,
            bid,
            ask,
            self.ticks[near] * np.int32(factor),
            self.sizes[near],
            self.orders[near],
            self.trade_ticks[printed] * np.int32(factor),
            self.trade_sizes[printed],
            self.trade_times[printed],
        )


def _offsets(prices: npt.NDArray[np.float64], tick: float, origin: int) -> tuple[Ticks, npt.NDArray[np.bool_]]:
    """Turn prices into ticks from the origin; the mask says which are near enough to be kept."""
    far = np.rint(prices / tick) - origin
    near = np.abs(far) <= FARTHEST
    return np.where(near, far, 0).astype(np.int32), near
