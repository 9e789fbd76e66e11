"""Price, side and shares of a live order in one integer, as the decoder keeps them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.kernels.compiling import inlined

__all__ = ["LARGEST_SHARES", "SELL", "SIDELESS", "pack"]

LARGEST_SHARES: Final = (1 << 30) - 1
SELL: Final = np.uint64(1 << 31)
SIDELESS: Final = np.uint64(1 << 30)
"""Mark of an order that took the place of an unknown one: a replacement does not say its side."""

_HALF: Final = np.uint64(32)


@inlined
def pack(price: Any, marks: Any, shares: Any) -> Any:
    """Pack price in 1e-4 (32 bits), SELL and SIDELESS, and shares (30 bits) into a word."""
    return (price << _HALF) | marks | shares
