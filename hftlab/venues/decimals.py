"""Conversion of decimal texts to integers, exact and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import compiled

__all__ = ["Extent", "measure_decimals", "parse_decimals"]

_DECIMALS = 9  # of the unit in which hftlab counts
_SEPARATOR: Final = ord("\n")
_POINT: Final = ord(".")
_ZERO: Final = ord("0")
_NINE: Final = ord("9")
_LARGEST: Final = 2**63 - 1


def parse_decimals(texts: Sequence[str], step: int | npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """Parse texts such as "61837.63000000" into int64 multiples of `step` (in 1e-9), without floats in between.

    `step` is one for all or an array with one for each. Returns the values and the index of the first bad text (another
    form, a sign, an exponent, not a multiple of `step`, or too large); -1 if all are good. The values from that index
    on are meaningless.
    """
    steps = np.full(len(texts), step, np.int64) if isinstance(step, int) else step
    joined = np.frombuffer("\n".join(texts).encode(), np.uint8)
    values = np.empty(len(texts), np.int64)
    bad = _parse(joined, steps, values)
    if bad >= 0:
        # A text with a separator in it shifts all later ones, so that the kernel may stop after it.
        bad = next((index for index, text in enumerate(texts) if "\n" in text), bad)
    return values, bad


class Extent(NamedTuple):
    """Extent of decimal texts: the longest and shortest fraction, the longest without its zeros, the largest number.

    `largest` is rounded up to the next whole number; texts that are not decimal numbers do not count.
    """

    needed: int = 0
    longest: int = 0
    shortest: int = 99
    largest: int = 0

    def __or__(self, other: object) -> Extent:
        """Return the extent of both together."""
        if not isinstance(other, Extent):
            return NotImplemented
        return Extent(
            max(self.needed, other.needed),
            max(self.longest, other.longest),
            min(self.shortest, other.shortest),
            max(self.largest, other.largest),
        )


def measure_decimals(texts: Sequence[str]) -> Extent:
    """Measure texts such as "61837.63000000": 2 decimals are needed, 8 are written, and 61838 is the bound."""
    if not texts:
        return Extent()
    return Extent(*map(int, _measure(np.frombuffer("\n".join(texts).encode(), np.uint8))))


@compiled
def _measure(joined: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    needed, longest, shortest, largest = 0, 0, 99, 0
    whole, written, used, digits, in_fraction, is_bad = 0, 0, 0, 0, False, False
    for at in range(len(joined) + 1):
        character = joined[at] if at < len(joined) else _SEPARATOR
        if character == _SEPARATOR:
            if digits > 0 and not is_bad:
                needed, longest, shortest = max(needed, used), max(longest, written), min(shortest, written)
                largest = max(largest, min(whole, _LARGEST - 1) + (1 if used > 0 else 0))
            whole, written, used, digits, in_fraction, is_bad = 0, 0, 0, 0, False, False
        elif character == _POINT and not in_fraction:
            in_fraction = True
        elif _ZERO <= character <= _NINE:
            digits += 1
            digit = int(character) - _ZERO
            if in_fraction:
                written += 1
                if digit != 0:
                    used = written
            else:
                whole = min(whole, _LARGEST // 10 - 10) * 10 + digit
        else:
            is_bad = True
    return needed, longest, shortest, largest


@compiled
def _split(step: int) -> tuple[int, int]:
    """Split a step of 1e-9 units into decimals and a factor: it is factor / 10**decimals."""
    decimals, factor = _DECIMALS, step
    while factor % 10 == 0 and decimals > 0:
        decimals, factor = decimals - 1, factor // 10
    return decimals, factor


@compiled
def _parse(joined: npt.NDArray[np.uint8], steps: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> int:
    at, end = 0, len(joined)
    step, decimals, factor = 0, 0, 0
    for index in range(len(values)):
        if steps[index] != step:
            step = steps[index]
            decimals, factor = _split(step)
        value, digits, fraction = 0, 0, -1
        while at < end and joined[at] != _SEPARATOR:
            character = joined[at]
            if character == _POINT and fraction < 0 and digits > 0:
                fraction = 0
            elif _ZERO <= character <= _NINE:
                digit = int(character) - _ZERO
                if fraction >= decimals:
                    if digit != 0:
                        return index
                elif value > (_LARGEST - digit) // 10:
                    return index
                else:
                    value = value * 10 + digit
                digits += 1
                if fraction >= 0:
                    fraction += 1
            else:
                return index
            at += 1
        if digits == 0 or fraction == 0:
            return index
        for _ in range(max(fraction, 0), decimals):
            if value > _LARGEST // 10:
                return index
            value *= 10
        if value % factor != 0:
            return index
        values[index] = value // factor
        at += 1
    return -1 if at >= end else len(values) - 1
