"""Market rows about orders (L3) as rows about price levels (L2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hftlab.backtest.blocks import Holding, MarketRows, RowBlocks, Stretch
from hftlab.backtest.collapse_kernel import CollapsedColumns, OrderColumns, collapse_rows
from hftlab.book.book_state import BookState, add_books, copy_state, grow, new_state
from hftlab.events import EventBatch
from hftlab.kernels.compiling import IntArray

__all__ = ["CollapsedRows", "collapse"]


class _State(NamedTuple):
    """The next block of the source, and the books before it."""

    block: int
    books: BookState


class CollapsedRows(RowBlocks[_State]):
    """Rows of another market with price levels in the place of orders, for models that know no more than L2.

    A row that changes an order becomes an A, M or C row (F_MBP) with the new total of its level, or two where the order
    moves to another price. Trades stay; fills (F), which tell whose order it was, and rows that change no total are
    left out. What a BookSet would skip as an anomaly is skipped. Times are those of the other market's rows.
    """

    def __init__(self, source: MarketRows) -> None:
        super().__init__(source.instruments, _State(0, add_books(new_state(), len(source.instruments))))
        self._source = source

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book: "levels" where the other market has its orders."""
        held = self._source.holds(number)
        return "levels" if held == "orders" else held

    def _made(self, state: _State) -> Stretch[_State] | None:
        number, books = state.block, copy_state(state.books)
        while (block := self._source.block(number)) is not None:
            batch, sources, books = collapse(block.batch, books)
            number += 1
            if len(batch):
                return Stretch(batch, _State(number, books), block.times[sources], block.arrivals[sources])
        return None


def collapse(batch: EventBatch, books: BookState) -> tuple[EventBatch, IntArray, BookState]:
    """Return a batch with price levels in the place of orders, of which of its rows each row was made, and the books.

    `books` has one for each instrument of the batch and is brought up to date; the one that is returned takes its
    place, as it may have had to grow.
    """
    made = _room(2 * len(batch))
    rows = OrderColumns(
        batch.instrument_id,
        batch.order_id.view(np.int64),
        batch.action,
        batch.side,
        batch.price,
        batch.size,
        batch.flags,
        np.array([instrument.tick for instrument in batch.instruments], np.int64),
    )
    done = collapse_rows(books, rows, made, 0)
    while done < len(batch):
        books = grow(books)
        done = collapse_rows(books, rows, made, done)
    used = int(made.used[0])
    sources = made.source[:used]
    columns = {name: getattr(made, name)[:used] for name in ("action", "side", "price", "size", "flags")}
    kept = {name: getattr(batch, name)[sources] for name in ("ts_event", "ts_recv", "sequence", "instrument_id")}
    collapsed = EventBatch(**columns, **kept, order_id=np.zeros(used, np.uint64), instruments=batch.instruments)
    return collapsed, sources, books


def _room(count: int) -> CollapsedColumns:
    return CollapsedColumns(
        source=np.zeros(count, np.int64),
        action=np.zeros(count, np.uint8),
        side=np.zeros(count, np.uint8),
        price=np.zeros(count, np.int64),
        size=np.zeros(count, np.int64),
        flags=np.zeros(count, np.uint8),
        used=np.zeros(1, np.int64),
        event=np.zeros(1, np.int64),
    )
