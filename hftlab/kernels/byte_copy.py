"""Copies of bytes from one array into another in compiled code, eight at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_u64, store_u64
from hftlab.kernels.compiling import i64, inlined, place_of

__all__ = ["copy_bytes"]


@inlined
def copy_bytes(data: npt.NDArray[np.uint8], first: Any, size: Any, out: npt.NDArray[np.uint8], at: Any) -> None:
    """Copy data[first:first + size] to out[at:at + size], which the caller makes sure are there."""
    place = i64(0)
    while place + 8 <= size:
        store_u64(out, at + place, load_u64(data, first + place))
        place += 8
    while place < size:
        out[place_of(at + place)] = data[place_of(first + place)]
        place += 1
