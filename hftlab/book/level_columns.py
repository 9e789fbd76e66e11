"""Levels of one side of a book as columns, copied in a kernel: numpy takes long to pick records from all over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hftlab.book.book_state import Records
from hftlab.kernels.compiling import IntArray, in_place, place_of

__all__ = ["copy_levels"]


@in_place
def copy_levels(levels: Records, slots: npt.NDArray[np.uint32], last: int, ticks: IntArray, lots: IntArray) -> None:
    """Copy the levels in the slots from `last` down, as many as there is room for: a side has its best one last."""
    for number in range(len(ticks)):
        level = levels[place_of(slots[place_of(last - number)])]
        ticks[number], lots[number] = level.ticks, level.lots
