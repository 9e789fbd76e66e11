"""The map from a live order's number to its place in the arrays of orders, compiled.

Open addressing with linear probing, at a load of one half at most; removal shifts back what follows, so that no dead
slots pile up over a day (Knuth, The Art of Computer Programming 3, section 6.4, algorithms L and R). A slot is two
words: the number, and the place plus one; 0 marks a free slot.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import compiled

__all__ = ["Slots", "find", "grown", "insert", "new_slots", "remove"]

Slots = npt.NDArray[np.uint64]  # (capacity, 2); the capacity is a power of two

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
_HALF, _ONE = np.uint64(32), np.uint64(1)


def new_slots(capacity: int) -> Slots:
    return np.zeros((capacity, 2), np.uint64)


@compiled
def _home(slots: Slots, number: np.uint64) -> np.uint64:
    return ((number * _SPREAD) >> _HALF) & np.uint64(len(slots) - 1)


@compiled
def find(slots: Slots, number: np.uint64) -> np.uint64:
    """The slot that holds the number, or the free one that ends the search for it."""
    mask = np.uint64(len(slots) - 1)
    at = _home(slots, number)
    while slots[at, 1] != 0 and slots[at, 0] != number:
        at = (at + _ONE) & mask
    return at


@compiled
def insert(slots: Slots, number: np.uint64, place: int) -> None:
    """Say where an order is, be it new or not."""
    at = find(slots, number)
    slots[at, 0] = number
    slots[at, 1] = np.uint64(place + 1)


@compiled
def remove(slots: Slots, hole: np.uint64) -> None:
    """Free a slot that is taken, and move up those behind it that a search would no longer reach."""
    mask = np.uint64(len(slots) - 1)
    at = (hole + _ONE) & mask
    while slots[at, 1] != 0:
        home = _home(slots, slots[at, 0])
        if ((at - home) & mask) >= ((at - hole) & mask):
            slots[hole, 0], slots[hole, 1] = slots[at, 0], slots[at, 1]
            hole = at
        at = (at + _ONE) & mask
    slots[hole, 1] = np.uint64(0)


@compiled
def grown(slots: Slots) -> Slots:
    """The same orders in twice the room."""
    larger = np.zeros((2 * len(slots), 2), np.uint64)
    for at in range(len(slots)):
        if slots[at, 1] != 0:
            insert(larger, slots[at, 0], int(slots[at, 1]) - 1)
    return larger
