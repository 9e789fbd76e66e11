"""Levels in which two states of one side of a book differ, in a kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hftlab.kernels.compiling import IntArray, compiled

__all__ = ["NO_LEVELS", "Levels", "level_differences"]


class Levels(NamedTuple):
    """Levels of one side, best first, in ticks and lots; 0 lots are a level that is gone."""

    ticks: IntArray
    lots: IntArray


NO_LEVELS = Levels(np.empty(0, np.int64), np.empty(0, np.int64))


def level_differences(old: Levels, new: Levels, *, is_bid: bool, touched: IntArray = NO_LEVELS.ticks) -> Levels:
    """Return the levels of `new` that `old` does not have so, and those that are gone with 0 lots, best first.

    Those at `touched` prices are among them in any case: whoever has seen the book in between may know them otherwise.
    """
    found = Levels(*_differences(old.ticks, old.lots, new.ticks, new.lots, -1 if is_bid else 1))
    if not len(touched):
        return found
    rising = slice(None, None, -1 if is_bid else 1)
    ticks = np.union1d(found.ticks, touched)
    known, lots = new.ticks[rising], np.append(new.lots[rising], 0)
    places = np.searchsorted(known, ticks)
    places[np.append(known, -1)[places] != ticks] = len(known)
    return Levels(np.ascontiguousarray(ticks[rising]), np.ascontiguousarray(lots[places][rising]))


@compiled
def _differences(
    old_ticks: IntArray, old_lots: IntArray, new_ticks: IntArray, new_lots: IntArray, direction: int
) -> tuple[IntArray, IntArray]:
    ticks = np.empty(len(old_ticks) + len(new_ticks), np.int64)
    lots = np.empty(len(ticks), np.int64)
    before = after = count = 0
    while before < len(old_ticks) or after < len(new_ticks):
        has_old, has_new = before < len(old_ticks), after < len(new_ticks)
        if has_old and has_new and old_ticks[before] == new_ticks[after]:
            if old_lots[before] != new_lots[after]:
                ticks[count], lots[count] = new_ticks[after], new_lots[after]
                count += 1
            before += 1
            after += 1
        elif has_old and (not has_new or direction * (old_ticks[before] - new_ticks[after]) < 0):
            ticks[count], lots[count] = old_ticks[before], 0
            before, count = before + 1, count + 1
        else:
            ticks[count], lots[count] = new_ticks[after], new_lots[after]
            after, count = after + 1, count + 1
    return ticks[:count], lots[:count]
