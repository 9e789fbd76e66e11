"""Grid of prices and sizes that a capture needs: its ticks and lots, measured on the whole file before it is read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Final

from hftlab.instruments import UNIT, Instrument
from hftlab.venues.decimals import Extent, measure_decimals

__all__ = ["Grid", "step_of"]

_WAITING: Final = 1 << 16
_DECIMALS: Final = 9
_LARGEST: Final = 2**63 - 1
_HEADROOM: Final = 1 << 10
"""Number of the largest sizes that a sum over levels or trades can hold, where the lot allows it."""


class Grid:
    """Grid of one instrument: `add()` the texts of its levels, then ask what they need."""

    def __init__(self) -> None:
        self._texts: tuple[list[str], list[str]] = ([], [])
        self._extents = [Extent(), Extent()]

    def add(self, levels: Iterable[tuple[str, str]]) -> None:
        """Add (price, size) texts."""
        prices, sizes = self._texts
        for price, size in levels:
            prices.append(price)
            sizes.append(size)
        if len(prices) > _WAITING:
            self._measure()

    @property
    def prices(self) -> Extent:
        """Extent of the prices so far."""
        self._measure()
        return self._extents[0]

    @property
    def sizes(self) -> Extent:
        """Extent of the sizes so far."""
        self._measure()
        return self._extents[1]

    def _measure(self) -> None:
        for column, texts in enumerate(self._texts):
            self._extents[column] |= measure_decimals(texts)
            texts.clear()

    def widened(self, instrument: Instrument, headroom: int = _HEADROOM) -> Instrument:
        """Return the instrument with a tick and a lot that hold every number added.

        The tick and the lot become finer where the numbers have more decimals. The lot becomes coarser, but never
        coarser than the numbers need, where int64 cannot hold `headroom` times the largest size in such lots.
        """
        tick = math.gcd(instrument.tick, step_of(self.prices.needed))
        needed, largest = step_of(self.sizes.needed), self.sizes.largest
        lot = math.gcd(instrument.lot, needed)
        while lot * 10 <= needed and largest * (UNIT // lot) > _LARGEST // headroom:
            lot *= 10
        if (tick, lot) == (instrument.tick, instrument.lot):
            return instrument
        return dataclasses.replace(instrument, tick=tick, lot=lot)


def step_of(decimals: int) -> int:
    """Return the step of so many decimals in 1e-9, which is the finest."""
    return int(UNIT // 10 ** min(decimals, _DECIMALS))
