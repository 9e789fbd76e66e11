"""Tick rules: the prices that a market accepts, with the tick as a function of the price."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np

from hftlab.instruments.units import UNIT, IntArray

__all__ = ["US_EQUITY", "TickRule", "mifid2"]


@dataclass(frozen=True, slots=True)
class TickRule:
    """Tick for each range of prices, all in 1e-9 of the currency.

    Prices from `bounds[i]` up to `bounds[i + 1]` move in steps of `ticks[i]`; the first bound is 0. Raises ValueError
    unless the bounds rise and each is a multiple of the ticks on both its sides, so that rounding never leaves the
    price grid.
    """

    name: str
    bounds: tuple[int, ...]
    ticks: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.bounds) != len(self.ticks) or self.bounds[:1] != (0,):
            raise ValueError(f"tick rule {self.name} needs a tick for each bound and 0 as the first of them")
        if min(self.ticks) < 1:
            raise ValueError(f"tick rule {self.name} has the tick {min(self.ticks)}: give positive 1e-9 units")
        for place, bound in enumerate(self.bounds[1:], 1):
            if bound <= self.bounds[place - 1] or bound % self.ticks[place - 1] or bound % self.ticks[place]:
                raise ValueError(
                    f"bound {bound} of tick rule {self.name} must rise and be a multiple of both its ticks"
                )

    @property
    def step(self) -> int:
        """Largest step that divides every tick, so that a book of such steps holds every price."""
        return math.gcd(*self.ticks)

    @overload
    def tick_at(self, price: int) -> int: ...
    @overload
    def tick_at(self, price: IntArray) -> IntArray: ...
    def tick_at(self, price: int | IntArray) -> int | IntArray:
        """Return the tick at a price (1e-9); prices below 0 have that of 0."""
        if not isinstance(price, np.ndarray):
            return self.ticks[max(bisect_right(self.bounds, price) - 1, 0)]
        place = np.searchsorted(np.array(self.bounds, np.int64), price, side="right") - 1
        return np.array(self.ticks, np.int64)[np.maximum(place, 0)]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TickRule:
        """Build a rule from the lists of JSON."""
        return cls(values["name"], tuple(values["bounds"]), tuple(values["ticks"]))


US_EQUITY: Final = TickRule("SEC Rule 612", (0, UNIT), (UNIT // 10_000, UNIT // 100))
"""One cent from $1.00 on, $0.0001 below. Source: 17 CFR 242.612 (Regulation NMS, "Minimum pricing increment"), (a), (b)
as adopted in 2005; the half cent that an amendment of 2024 foresees for some stocks is not in it."""

_STEPS: Final = (1, 2, 5)
_FIRST: Final = UNIT // 10_000
_RANGES: Final = 19


def mifid2(liquidity_band: int) -> TickRule:
    """Make the European tick table of a liquidity band, 1 (fewest trades a day) to 6 (9,000 and more).

    Source: Commission Delegated Regulation (EU) 2017/588 (RTS 11), Annex, which the United Kingdom keeps as law. In the
    table both the price ranges (from 0.1 on) and the ticks (from 0.0001 on) go 1-2-5, and a band up is a step down.
    The London Stock Exchange applies it to the price as quoted, which for most shares is in pence. Raises ValueError
    for another band.
    """
    if not 1 <= liquidity_band <= 6:
        raise ValueError(f"a liquidity band must be 1 to 6, got {liquidity_band}")
    bounds = (0, *(1000 * _step(place) for place in range(_RANGES - 1)))
    ticks = tuple(_step(max(place + 3 - liquidity_band, 0)) for place in range(_RANGES))
    return TickRule(f"MiFID II, liquidity band {liquidity_band}", bounds, ticks)


def _step(place: int) -> int:
    """Return the step number `place` of 0.0001, 0.0002, 0.0005, 0.001, ..."""
    return int(_STEPS[place % 3] * 10 ** (place // 3) * _FIRST)
