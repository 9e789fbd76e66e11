"""Memory of a set of books: a few arrays that hold every level and order of every instrument.

Book b owns the sides 2b (bids) and 2b + 1 (asks). A side is a range of `keys` and `slots`, sorted so that **its best
level is the last**: most changes are near the best and move few others. Bids are kept by their price and asks by its
negative, which makes the best of both the greatest key and leaves one code path; prices and not ticks, because only a
new level then needs a division. A slot is a row of `levels`. Orders are rows of `orders`, linked to their neighbours in
the queue of their level; `heads` finds them by book and id. Row 0 of levels and orders stands for none. Rows no longer
needed form a free list and are used again.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.anomalies import KINDS
from hftlab.book.order_table import HEADS_PER_ORDER, ORDER, Heads, fill_heads
from hftlab.kernels.compiling import IntArray, zeros_aligned

__all__ = [
    "AUCTION",
    "CONTINUOUS",
    "FIRST_CAPACITY",
    "HOLDS_LEVELS",
    "HOLDS_ORDERS",
    "OPENING",
    "UNOPENED",
    "BookState",
    "add_books",
    "copy_state",
    "grow",
    "new_state",
]

Records = npt.NDArray[Any]

SIDE: Final = np.dtype([("start", "i8"), ("length", "i8"), ("capacity", "i8")])
LEVEL: Final = np.dtype(
    [("key", "i8"), ("ticks", "i8"), ("lots", "i8"), ("side", "u4"), ("orders", "u4"), ("head", "u4"), ("tail", "u4")]
)
BOOK: Final = np.dtype(
    [("time", "i8"), ("clears", "i8"), ("holds", "i2"), ("phase", "i2"), ("changed", "i2"), ("crossed", "i2")]
)
_MARKS: Final = ("keys", "levels", "free_level", "orders", "free_order", "live", "filled")
MARKS: Final = np.dtype([(name, "i8") for name in _MARKS])

HOLDS_LEVELS, HOLDS_ORDERS = 1, 2
UNOPENED, OPENING, CONTINUOUS, AUCTION = range(4)
FIRST_CAPACITY: Final = 64
_FIRST_KEYS: Final = 4096
_FIRST_ROWS: Final = 1024


class BookState(NamedTuple):
    """Arrays of a set of books: one-dimensional, contiguous, writeable."""

    keys: IntArray  # 1e-9; bids: the price, asks: its negative; ascending within a side
    slots: npt.NDArray[np.uint32]  # beside each key its row of `levels`
    sides: Records  # SIDE: its range of keys and slots
    levels: Records  # LEVEL: lots and orders are totals; orders, head and tail are 0 where the venue names no orders
    orders: Records  # ORDER
    filled: IntArray  # beside each order the lots of fills that no later row of the order has taken off yet
    heads: Heads  # of the table of orders; the length is a power of two
    books: Records  # BOOK: the last ts_event; how often cleared; levels or orders; its phase; may now cross; does
    tallies: IntArray  # a count for each kind of anomaly, book after book
    # MARKS, one row: the first unused of keys, levels and orders; the free lists; how many orders live, have `filled`.
    marks: Records


def new_state() -> BookState:
    """Make the memory of an empty set."""
    marks = np.zeros(1, MARKS)
    marks["levels"] = marks["orders"] = 1
    return BookState(
        keys=np.zeros(_FIRST_KEYS, np.int64),
        slots=np.zeros(_FIRST_KEYS, np.uint32),
        sides=np.zeros(0, SIDE),
        levels=zeros_aligned(_FIRST_ROWS, LEVEL),
        orders=zeros_aligned(_FIRST_ROWS, ORDER),
        filled=np.zeros(_FIRST_ROWS, np.int64),
        heads=zeros_aligned(HEADS_PER_ORDER * _FIRST_ROWS, np.uint32),
        books=np.zeros(0, BOOK),
        tallies=np.zeros(0, np.int64),
        marks=marks,
    )


def copy_state(state: BookState) -> BookState:
    """Copy a state, without unused rows."""
    marks = state.marks[0]
    used = {"keys": "keys", "slots": "keys", "levels": "levels", "orders": "orders", "filled": "orders"}
    parts = {name: _longer(getattr(state, name)[: marks[end]], 0) for name, end in used.items()}
    return state._replace(
        **parts,
        sides=state.sides.copy(),
        heads=_longer(state.heads, 0),
        books=state.books.copy(),
        tallies=state.tallies.copy(),
        marks=state.marks.copy(),
    )


def add_books(state: BookState, count: int) -> BookState:
    """Return the state with `count` more books, all empty."""
    new_books = np.zeros(count, BOOK)
    new_books["time"] = np.iinfo(np.int64).min
    return state._replace(
        sides=_longer(state.sides, 2 * count),
        books=np.concatenate([state.books, new_books]),
        tallies=_longer(state.tallies, count * (len(KINDS) + 1)),
    )


def grow(state: BookState) -> BookState:
    """Return the state with at least twice the capacity of each array that a kernel may have found full."""
    marks = state.marks[0]
    if 4 * int(marks["keys"]) >= len(state.keys):
        more = max(len(state.keys), _FIRST_KEYS)
        state = state._replace(keys=_longer(state.keys, more), slots=_longer(state.slots, more))
    if 2 * int(marks["levels"]) > len(state.levels):
        state = state._replace(levels=_longer(state.levels, max(len(state.levels), _FIRST_ROWS)))
    if 2 * int(marks["orders"]) > len(state.orders):
        room = max(len(state.orders), _FIRST_ROWS)
        state = state._replace(orders=_longer(state.orders, room), filled=_longer(state.filled, room))
    if 2 * HEADS_PER_ORDER * int(marks["live"]) > len(state.heads):
        heads = zeros_aligned(2 * len(state.heads), np.uint32)
        fill_heads(heads, state.heads, state.orders, state.levels)
        state = state._replace(heads=heads)
    return state


def _longer(array: npt.NDArray[Any], more: int) -> npt.NDArray[Any]:
    longer = zeros_aligned(len(array) + more, array.dtype)
    longer[: len(array)] = array
    return longer
