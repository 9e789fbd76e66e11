"""Numbers of 1e-9 units as decimal texts."""

from __future__ import annotations

from typing import Final

from hftlab.instruments import UNIT

__all__ = ["decimal_text", "decimals_of"]

_DECIMALS: Final = 9


def decimal_text(units: int, decimals: int) -> str:
    """Write a number of 1e-9 units, 0 or above, with so many decimals: 61837630000000 with 2 is "61837.63"."""
    whole, fraction = divmod(units, UNIT)
    return f"{whole}.{fraction:09d}"[: len(str(whole)) + 1 + decimals] if decimals else str(whole)


def decimals_of(step: int) -> int:
    """Return how many decimals the multiples of a step of 1e-9 units need."""
    decimals = _DECIMALS
    while decimals and step % 10 == 0:
        step, decimals = step // 10, decimals - 1
    return decimals
