"""Units: integers of 1e-9 for exact arithmetic, and their conversion to and from floats."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["UNIT", "FloatArray", "IntArray", "from_steps", "reduced", "to_steps"]

UNIT: Final = 1_000_000_000
"""Number of integer units (1e-9) in one: a price of 61837.63 is 61_837_630_000_000."""

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]


def from_steps(count: int | IntArray, step: int) -> float | FloatArray:
    """Return `count` steps of `step` (1e-9) as the nearest double."""
    numerator, denominator = reduced(step)
    return count * numerator / denominator


def to_steps(value: float | FloatArray, step: int) -> int | IntArray:
    """Return the number of steps of `step` (1e-9) nearest to a value."""
    numerator, denominator = reduced(step)
    if isinstance(value, np.ndarray):
        return np.rint(value * denominator / numerator).astype(np.int64)
    return round(value * denominator / numerator)


# Reduced to lowest terms, a tick of 0.01 divides by 100 and never multiplies by the double next to 0.01: IEEE division
# of two exact integers then gives the double that the decimal text would give.
def reduced(step: int) -> tuple[int, int]:
    """Return a step as a fraction of one, numerator and denominator in lowest terms."""
    common = math.gcd(step, UNIT)
    return step // common, UNIT // common
