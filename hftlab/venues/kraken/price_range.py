"""Range of the prices that an EventBatch can hold."""

from __future__ import annotations

from typing import Final

from hftlab.instruments import UNIT

__all__ = ["is_in_range"]

_HIGHEST: Final = (2**63 - 1) // UNIT - 1
_LONGEST: Final = len(str(_HIGHEST))


def is_in_range(price: str) -> bool:
    """Tell whether int64 holds a price in units of 1e-9, up to 9.2 billion: there are orders to sell beyond it.

    True for a text that is not a number, which is an error to be found elsewhere.
    """
    whole = price.partition(".")[0]
    return len(whole) < _LONGEST or not whole.isdigit() or int(whole) <= _HIGHEST
