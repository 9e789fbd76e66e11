"""Levels of a book as Binance writes them: `[["61837.63000000","3.78826000"],...]`, in a kernel."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.compiling import IntArray, inlined, place_of
from hftlab.kernels.compiling import in_place as compiled_in_place
from hftlab.venues.decimal_text import decimal_text, decimals_of

__all__ = ["NumberForm"]

_LONGEST: Final = 70
"""Bytes of a level: two numbers of up to 19 digits, a point and nine decimals, and what is around them."""
_OPEN, _CLOSE, _QUOTE, _COMMA, _POINT, _ZERO = b'[]",.0'


class NumberForm:
    """Form of an instrument's numbers: at least so many decimals as `decimals`, and all that tick and lot need."""

    def __init__(self, instrument: Instrument, decimals: int) -> None:
        self.instrument = instrument
        self.price_decimals = max(decimals, decimals_of(instrument.tick))
        self.size_decimals = max(decimals, decimals_of(instrument.lot))

    def price(self, units: int) -> str:
        """Write a price of 1e-9 units."""
        return decimal_text(units, self.price_decimals)

    def size(self, lots: int) -> str:
        """Write a size in lots."""
        return decimal_text(lots * self.instrument.lot, self.size_decimals)

    def levels(self, ticks: IntArray, lots: IntArray) -> bytes:
        """Write levels as a JSON array of pairs."""
        out = np.empty(2 + _LONGEST * len(ticks), np.uint8)
        instrument = self.instrument
        size = _write_levels(ticks, lots, instrument.tick, instrument.lot, self.price_decimals, self.size_decimals, out)
        return out[:size].tobytes()


@compiled_in_place
def _write_levels(
    ticks: IntArray,
    lots: IntArray,
    tick: int,
    lot: int,
    price_decimals: int,
    size_decimals: int,
    out: npt.NDArray[np.uint8],
) -> int:
    out[0] = _OPEN
    at = 1
    for row in range(len(ticks)):
        if row > 0:
            out[at] = _COMMA
            at += 1
        out[at], out[at + 1] = _OPEN, _QUOTE
        at = _write_number(out, at + 2, ticks[row], tick, price_decimals)
        out[at], out[at + 1], out[at + 2] = _QUOTE, _COMMA, _QUOTE
        at = _write_number(out, at + 3, lots[row], lot, size_decimals)
        out[at], out[at + 1] = _QUOTE, _CLOSE
        at += 2
    out[at] = _CLOSE
    return at + 1


@inlined
def _write_number(out: Any, at: int, count: int, step: int, decimals: int) -> int:
    """Write `count` steps of `step` 1e-9 units; the product may be larger than an int64."""
    billions, rest = count // UNIT, count % UNIT
    if step % UNIT == 0:
        whole, fraction = count * (step // UNIT), 0
    else:
        whole, fraction = billions * step + rest * step // UNIT, rest * step % UNIT
    digits, left = 1, whole
    while left >= 10:
        left //= 10
        digits += 1
    for place in range(at + digits - 1, at - 1, -1):
        out[place_of(place)] = _ZERO + whole % 10
        whole //= 10
    at += digits
    if decimals == 0:
        return at
    out[at] = _POINT
    for _ in range(9 - decimals):
        fraction //= 10
    for place in range(at + decimals, at, -1):
        out[place_of(place)] = _ZERO + fraction % 10
        fraction //= 10
    return at + 1 + decimals
