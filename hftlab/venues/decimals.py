"""Conversion of decimal texts to integers, exact and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import compiled

__all__ = ["parse_decimals"]

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
