"""Search, insertion and removal in a range of ascending keys whose best is the last, compiled."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from hftlab.kernels.compiling import IntArray, in_place

__all__ = ["find_key", "shift_down", "shift_up"]


@in_place
def find_key(keys: IntArray, start: int, end: int, key: int) -> int:
    """Return the first position of [start, end] whose key is not below `key`, in growing steps from the end."""
    low, high, step = end - 1, end, 1
    while low >= start and keys[low] >= key:
        high = low
        low -= step
        step *= 2
    low = max(low + 1, start)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


# A loop of its own over a slice that starts at 0: so LLVM sees a memmove, four times as fast as one over both arrays.
@in_place
def shift_up(values: npt.NDArray[Any]) -> None:
    for at in range(len(values) - 1, 0, -1):
        values[at] = values[at - 1]


@in_place
def shift_down(values: npt.NDArray[Any]) -> None:
    for at in range(len(values) - 1):
        values[at] = values[at + 1]
