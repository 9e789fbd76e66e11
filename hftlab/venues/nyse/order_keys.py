"""Keys of orders in a map: one integer for a symbol's index and an order's number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.kernels.compiling import inlined

__all__ = ["key_of"]

_HALF: Final = np.uint64(32)
_SHORT: Final = np.uint64(0xFFE << 52)
"""Above an index of 20 bits, in keys of short numbers. A number of Pillar has its market there, which is 1 to 10."""


@inlined
def key_of(order: Any, index: Any) -> Any:
    """Return the key of an order.

    Numbers of 32 bits, as before Pillar, are unique for one matching engine only, and so are taken for a symbol's own.
    """
    return order if order >> _HALF else _SHORT | (index << _HALF) | order
