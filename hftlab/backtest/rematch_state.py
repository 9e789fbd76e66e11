"""Memory of the rematch core beside the matching engine's: what is known of each recorded order, and of own orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.matching.engine_state import NO_PRICE, NOBODY, SIDES
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray
from hftlab.kernels.integer_map import LIVE, IntegerMap, new_map, with_capacity

__all__ = ["NOTE", "PRINT", "RECORDED", "SURVIVOR", "RematchState", "copy_rematch", "grow_rematch", "new_rematch"]

SURVIVOR: Final = -1
"""Owner, in the engine, of a recorded order that the recording has seen executed and own orders have saved from it.

Other recorded orders have the owner 0, own orders the number of their account."""

_FIRST_ORDERS: Final = 1024

RECORDED: Final = np.dtype(
    [
        ("id", np.uint64),  # the feed's
        ("engine_id", np.int64),
        ("slot", np.int64),  # in the engine's orders; the order is there if its id there is `engine_id`
        ("instrument", np.int64),  # NOBODY of a row that is free
        ("side", np.int64),  # the engine's
        ("price", np.int64),  # ticks
        ("left", np.int64),  # lots that the recording has left of it
        ("booked", np.int64),  # of these, lots that a fill has executed and no later row has taken off yet
        ("after", np.int64),  # the next row of the same id, which is another instrument's; the next free row
    ]
)
"""Recorded order as the recording has it; what re-matching has left of it stands in the engine."""

NOTE: Final = np.dtype([("number", np.int64), ("ahead", np.int64)])
"""Own order of a slot of the engine: its number, and the lots ahead of it when it was entered or last replaced.

A replacement that keeps its place does not count, nor does the next part of an iceberg."""

PRINT: Final = np.dtype(
    [
        ("instrument", np.int64),
        ("side", np.int64),  # the aggressor's
        ("price", np.int64),  # 1e-9
        ("time", np.int64),  # ts_event
        ("carry", np.int64),  # lots for which the aggressor has found nothing within the prices so far
        ("is_open", np.int64),  # 1 while fills may follow that are the print's
        ("is_stop", np.int64),  # 1 from a trade that reaches a stop to the end of its event
        ("free_row", np.int64),
        ("rows_used", np.int64),
        ("reports_needed", np.int64),
    ]
)
"""Last print of a recorded aggressor, and the counts of the tables."""


class RematchState(NamedTuple):
    """Arrays that the kernels change in place; `printed` has one row. `grow_rematch()` returns larger ones."""

    numbers: IntegerMap  # from the feed's id of an order to its row in `recorded`
    recorded: npt.NDArray[Any]
    notes: npt.NDArray[Any]  # one a slot of the engine's orders
    others: IntArray  # by side of the engine: own orders and survivors, which the recorded aggressors did not meet
    last: IntArray  # by instrument, ticks; NO_PRICE before the first trade
    buy_stops: IntArray  # by instrument: the lowest price at which a stop is released
    sell_stops: IntArray  # the highest one
    ticks: IntArray  # by instrument, 1e-9
    printed: npt.NDArray[Any]


def new_rematch(instruments: Sequence[Instrument], slots: int) -> RematchState:
    """Make the state of a market in which nothing has happened; `slots` are the engine's."""
    printed = np.zeros(1, PRINT)
    printed["instrument"] = printed["free_row"] = NOBODY
    return RematchState(
        numbers=new_map(_FIRST_ORDERS),
        recorded=np.zeros(_FIRST_ORDERS, RECORDED),
        notes=np.zeros(slots, NOTE),
        others=np.zeros(SIDES * len(instruments), np.int64),
        last=np.full(len(instruments), NO_PRICE, np.int64),
        buy_stops=np.full(len(instruments), -NO_PRICE, np.int64),
        sell_stops=np.full(len(instruments), NO_PRICE, np.int64),
        ticks=np.array([instrument.tick for instrument in instruments], np.int64),
        printed=printed,
    )


def grow_rematch(state: RematchState, slots: int) -> RematchState:
    """Return the state with room for one more recorded order at least, and as many notes as the engine has slots."""
    numbers, recorded, notes = state.numbers, state.recorded, state.notes
    if numbers.counts[LIVE] >= len(numbers.entries) - 1:
        numbers = with_capacity(numbers, 2 * (len(numbers.entries) - 1))
    if state.printed[0]["free_row"] == NOBODY and state.printed[0]["rows_used"] == len(recorded):
        recorded = np.concatenate([recorded, np.zeros(len(recorded), RECORDED)])
    if slots > len(notes):
        notes = np.concatenate([notes, np.zeros(slots - len(notes), NOTE)])
    return state._replace(numbers=numbers, recorded=recorded, notes=notes)


def copy_rematch(state: RematchState) -> RematchState:
    """Copy all arrays but the ticks, which never change."""
    heads, entries, counts = state.numbers
    return RematchState(
        IntegerMap(heads.copy(), entries.copy(), counts.copy()),
        state.recorded.copy(),
        state.notes.copy(),
        state.others.copy(),
        state.last.copy(),
        state.buy_stops.copy(),
        state.sell_stops.copy(),
        state.ticks,
        state.printed.copy(),
    )
