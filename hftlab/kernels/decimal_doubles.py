"""Conversion of decimal numbers to the nearest double, in compiled code.

Most decimals of market data are exact in one operation (W. D. Clinger, "How to read floating point numbers accurately",
1990): mantissa and power of ten are doubles themselves. The others are one multiplication by a 128-bit power of five
(D. Lemire, "Number parsing at a gigabyte per second", 2021, with N. Mushtak and D. Lemire, "Fast number parsing without
fallback", 2022, for why no case is left undecided).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.intrinsics import as_double, high_product, leading_zeros

__all__ = ["LEAST_EXPONENT", "MOST_DIGITS", "MOST_EXPONENT", "to_double"]

MOST_DIGITS: Final = 18
"""Digits that a mantissa may have; any double is told from all others by 17."""
LEAST_EXPONENT: Final = -300
MOST_EXPONENT: Final = 280
"""Exponents of ten with which no mantissa gives a subnormal number or an infinity."""

_EXACT_MANTISSA: Final = 2**53
_EXACT_EXPONENT: Final = 22
_POWERS: Final = np.array([10.0**exponent for exponent in range(_EXACT_EXPONENT + 1)])

_LEAST_TIE: Final = -27
"""5**27 is the last power of five below 2**64."""

_FRACTION_BITS: Final = 52
_SPARE: Final = 64 - _FRACTION_BITS - 3
_BIAS: Final = 1023


def _power_of_five(exponent: int) -> int:
    """Return the upper 128 bits of 5**exponent; those of a reciprocal that may be part of a tie are rounded up."""
    power: int = 5 ** abs(exponent)
    if exponent >= 0:
        excess = power.bit_length() - 128
        return power >> excess if excess >= 0 else power << -excess
    bits = power.bit_length()
    if exponent >= _LEAST_TIE:
        return (1 << (bits + 127)) // power + 1
    quotient = (1 << (2 * bits + 128)) // power + 1
    return quotient >> (quotient.bit_length() - 128)


_FIVES: Final = [_power_of_five(exponent) for exponent in range(LEAST_EXPONENT, MOST_EXPONENT + 1)]
_UPPER: Final = np.array([power >> 64 for power in _FIVES], np.uint64)
_LOWER: Final = np.array([power & (2**64 - 1) for power in _FIVES], np.uint64)


@inlined
def to_double(mantissa: int, exponent: int) -> Any:
    """Return the double that is nearest to mantissa * 10**exponent; of two, that with an even last bit.

    The mantissa is not negative and has at most MOST_DIGITS digits, the exponent is from LEAST_EXPONENT to
    MOST_EXPONENT: nothing is checked.
    """
    if mantissa <= _EXACT_MANTISSA and -_EXACT_EXPONENT <= exponent <= _EXACT_EXPONENT:
        if exponent < 0:
            return float(mantissa) / _POWERS[place_of(-exponent)]
        return float(mantissa) * _POWERS[place_of(exponent)]
    return _nearest(mantissa, exponent)


@in_place
def _nearest(mantissa: int, exponent: int) -> Any:
    if mantissa == 0:
        return 0.0
    shift = leading_zeros(np.uint64(mantissa))
    word = np.uint64(mantissa) << np.uint64(shift)
    row = place_of(exponent - LEAST_EXPONENT)
    low, high = word * _UPPER[row], high_product(word, _UPPER[row])
    if high & np.uint64(2**_SPARE - 1) == np.uint64(2**_SPARE - 1):
        more = high_product(word, _LOWER[row])
        low += more
        if low < more:
            high += np.uint64(1)
    upper = high >> np.uint64(63)
    spare = upper + np.uint64(_SPARE)
    fraction = high >> spare
    # Halfway between two doubles, exactly: only with these exponents can it be.
    is_tie = low <= np.uint64(1) and -4 <= exponent <= 23 and fraction & np.uint64(3) == np.uint64(1)
    if is_tie and fraction << spare == high:
        fraction &= ~np.uint64(1)
    fraction = (fraction + (fraction & np.uint64(1))) >> np.uint64(1)
    power = i64(((152170 + 65536) * exponent) >> 16) + 63 + i64(upper) - shift + _BIAS
    if fraction >= np.uint64(2 << _FRACTION_BITS):
        fraction = np.uint64(1 << _FRACTION_BITS)
        power += 1
    fraction &= ~np.uint64(1 << _FRACTION_BITS)
    return as_double(np.uint64(power) << np.uint64(_FRACTION_BITS) | fraction)
