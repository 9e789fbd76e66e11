"""Memory of the fill core: recorded books, and own orders that stand in them.

A side of a book has its own orders in the order of their places, linked; `sides` has the first and the last. Keys are
those of hftlab.book.book_state: bids by their price in 1e-9, asks by its negative, so that the greater is the better of
a side, and two orders meet where the sum of their keys is 0 or more. Row 0 of `own` stands for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.reports import REPORT, Reports, new_reports
from hftlab.book.book_state import BookState, add_books, copy_state, new_state
from hftlab.book.book_state import grow as grow_books
from hftlab.book.known_levels import without_empty_levels as forget_levels
from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.compiling import IntArray, zeros_aligned

__all__ = [
    "FIFO",
    "MARKET",
    "NO_KEY",
    "NO_PRICE",
    "OWN",
    "FillState",
    "copy_fill_state",
    "grow_fill_state",
    "new_fill_state",
    "without_empty_levels",
]

Records = npt.NDArray[Any]

FIFO: Final = -1
"""Code of the fill model in which own orders stand in the recorded queues; others are QueueModel's."""
NO_KEY: Final = -(2**62)
"""Below every key; the sum of two of them is still an int64."""
NO_PRICE: Final = -(2**62)
"""Ticks of a trade that has not been."""
MARKET: Final = 2**62 - 1
"""Key of a market order: it meets whatever is there."""

OWN: Final = np.dtype(
    [
        ("number", "i8"),
        ("owner", "i8"),
        ("key", "i8"),
        ("ticks", "i8"),
        ("lots", "i8"),  # open, hidden ones included
        ("shown", "i8"),
        ("display", "i8"),  # 0: all
        ("joined", "i8"),  # its place among all that has joined a queue
        ("ahead", "i8"),  # lots that stood ahead when it got its place
        ("front", "f8"),  # recorded lots that are thought to stand ahead now, also those that own orders took
        ("traded", "f8"),  # lots traded at its price since its level changed last
        ("side", "i8"),  # row of `sides`
        ("post_only", "i8"),
        ("prevention", "i8"),
        ("parts", "i8"),  # times at most that it shows lots: 1 but for an iceberg
        ("next", "i8"),
        ("prev", "i8"),
    ]
)
_SIDE: Final = np.dtype([("head", "i8"), ("tail", "i8"), ("count", "i8"), ("near", "i8"), ("far", "i8")])
_MARKS: Final = np.dtype([(name, "i8") for name in ("joins", "free", "used", "live", "parts", "taken", "needed")])
_INSTRUMENT: Final = np.dtype(
    [("last", "i8"), ("buy_stop", "i8"), ("sell_stop", "i8"), ("tick", "i8"), ("model", "i8"), ("lot", "f8")]
)

_FIRST_ROWS: Final = 64
_FIRST_NUMBERS: Final = 1024


class FillState(NamedTuple):
    """Arrays of a fill core."""

    books: BookState
    joined: IntArray  # beside each recorded order its place
    taken: IntArray  # beside each recorded order the lots that own orders took of it
    level_taken: IntArray  # beside each level those of a book that holds levels
    own: Records  # OWN
    sides: Records  # _SIDE; near and far are the greatest and the least key
    where: IntArray  # row of `own` by the order's number; 0 if it is over
    # _INSTRUMENT: last trade and nearest stops in ticks; tick in 1e-9; `model` or FIFO; lot in units
    instruments: Records
    # _MARKS, one row: `live` and `parts` are of all own orders, `taken` counts what has lots taken, `needed` is how
    # many reports that may make for which there was no room.
    marks: Records
    reports: Reports


def new_fill_state(listed: Sequence[Instrument]) -> FillState:
    """Make the memory for these instruments, whose fill models the caller sets."""
    books = add_books(new_state(), len(listed))
    sides = np.zeros(2 * len(listed), _SIDE)
    sides["near"] = sides["far"] = NO_KEY
    instruments = np.zeros(len(listed), _INSTRUMENT)
    instruments["tick"] = [one.tick for one in listed]
    instruments["lot"] = [one.lot / UNIT for one in listed]
    instruments["last"] = NO_PRICE
    instruments["buy_stop"], instruments["sell_stop"] = 2**62, -(2**62)
    marks = np.zeros(1, _MARKS)
    marks["used"] = 1
    return FillState(
        books=books,
        joined=np.zeros(len(books.orders), np.int64),
        taken=np.zeros(len(books.orders), np.int64),
        level_taken=np.zeros(len(books.levels), np.int64),
        own=np.zeros(_FIRST_ROWS, OWN),
        sides=sides,
        where=np.zeros(_FIRST_NUMBERS, np.int64),
        instruments=instruments,
        marks=marks,
        reports=new_reports(),
    )


def copy_fill_state(state: FillState) -> FillState:
    """Copy everything that changes."""
    books = copy_state(state.books)
    copied = {name: getattr(state, name).copy() for name in ("own", "sides", "where", "instruments", "marks")}
    return state._replace(
        books=books,
        joined=_fitted(state.joined, len(books.orders)),
        taken=_fitted(state.taken, len(books.orders)),
        level_taken=_fitted(state.level_taken, len(books.levels)),
        reports=Reports(state.reports.rows.copy(), state.reports.used.copy()),
        **copied,
    )


def grow_fill_state(state: FillState, number: int = 0) -> FillState:
    """Return the state with room for more of everything that may be full, and for an order of that number."""
    marks, reports, books = state.marks[0], state.reports, state.books
    own, where = state.own, state.where
    if 2 * int(marks["used"]) > len(own):
        own = np.concatenate([own, np.zeros(len(own), OWN)])
    if number >= len(where):
        where = _fitted(where, 2 * max(number, len(where)))
    if int(reports.used[0]) + int(marks["needed"]) > len(reports.rows):
        more = max(len(reports.rows), int(marks["needed"]))
        rows = np.zeros(len(reports.rows) + more, REPORT)  # most of which is never touched
        rows[: reports.used[0]] = reports.rows[: reports.used[0]]
        reports = Reports(rows, reports.used)
    if own is state.own and where is state.where and reports is state.reports:
        books = grow_books(books)
    return state._replace(
        books=books,
        joined=_fitted(state.joined, len(books.orders)),
        taken=_fitted(state.taken, len(books.orders)),
        level_taken=_fitted(state.level_taken, len(books.levels)),
        own=own,
        where=where,
        reports=reports,
    )


def fitted_to(state: FillState, books: BookState) -> FillState:
    """Return the state with larger books in place of its own."""
    return state._replace(
        books=books,
        joined=_fitted(state.joined, len(books.orders)),
        taken=_fitted(state.taken, len(books.orders)),
        level_taken=_fitted(state.level_taken, len(books.levels)),
    )


def without_empty_levels(state: FillState) -> FillState:
    """Return the state without the places of levels that are not there now, see hftlab.book.known_levels."""
    books, before = forget_levels(state.books)
    taken = zeros_aligned(len(before), np.int64)
    taken[:] = state.level_taken[before]
    return state._replace(books=books, level_taken=taken)


def _fitted(array: IntArray, length: int) -> IntArray:
    fitted = zeros_aligned(length, np.int64)
    kept = min(length, len(array))
    fitted[:kept] = array[:kept]
    return fitted
