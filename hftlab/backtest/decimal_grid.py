"""Grids on which decimal prices and sizes lie, compiled."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.kernels.compiling import i64, inlined

__all__ = ["HIGHEST_PRICE", "MOST_DIGITS", "digits_of", "is_on", "steps_of"]

MOST_DIGITS: Final = 9
"""Decimals that integers of 1e-9 hold."""
_POWERS: Final = np.array([10.0**digits for digits in range(MOST_DIGITS + 1)])
_NOISE: Final = 4 * np.finfo(np.float64).eps
"""Rounding error that arithmetic on doubles may leave in a decimal number, as a share of it."""
_LARGEST: Final = 2.0**62
HIGHEST_PRICE: Final = 2**61
"""Highest price that books and orders have, in 1e-9: the sum of two such keys of levels is an int64."""


@inlined
def digits_of(value: Any, digits: int) -> int:
    """Return how many decimals a value has, at least `digits` and at most MOST_DIGITS."""
    while digits < MOST_DIGITS and not is_on(value, _POWERS[digits], 1.0):
        digits += 1
    return digits


@inlined
def is_on(value: Any, denominator: Any, numerator: Any) -> bool:
    """Tell whether a value is a multiple of numerator / denominator, as exactly as doubles can say it."""
    steps = value * denominator / numerator
    return bool(abs(steps - np.rint(steps)) <= _NOISE * abs(steps))


@inlined
def steps_of(value: Any, denominator: Any, numerator: Any) -> Any:
    """Return how many steps of numerator / denominator a value has, to the nearest; at most what an int64 holds."""
    return i64(np.rint(min(value * denominator / numerator, _LARGEST)))
