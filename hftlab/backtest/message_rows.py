"""Rows of the books and trades that recorded messages tell of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from hftlab.backtest.blocks import BLOCK_ROWS, Holding, RowBlocks, Stretch
from hftlab.backtest.message_columns import MessageColumns
from hftlab.backtest.message_kernel import (
    LISTING,
    MEMORY,
    MessageBooks,
    RowColumns,
    Scratch,
    compile_messages,
)
from hftlab.backtest.message_survey import NO_CHANNEL, Surveyed, codes_of
from hftlab.backtest.message_table import MessageTable, Place, message_columns, read_only
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.instruments.units import reduced
from hftlab.kernels.compiling import IntArray
from hftlab.session.session import Session

__all__ = ["MessageRows"]

_RESETS: Final = ("start", "subscribe", "resync", "gap", "drop", "damage", "disconnect")
"""Rows of the control table behind which a book is not what it was before."""
_FIRST_CAPACITY: Final = 16
_FIRST_ROWS: Final = 1 << 12


class _State(NamedTuple):
    """The next row group, and the books before it."""

    place: Place
    books: MessageBooks


class MessageRows(RowBlocks[_State]):
    """Rows of price levels (F_MBP) and trades made of the messages of some symbols, each message an event.

    A message gives its trades (T): its `trades`, or its `last_trade` where it has none and that is another than the
    symbol's before. Then the levels that have gone (C), are new (A) or have another size (M) since the symbol's
    previous message. A message tells of its levels down to the worst, and of all if it has fewer than a side of the
    symbol has had so far; levels beyond are left as they were last seen. Symbols have their quote, flagged F_TOB, as
    long as there are no levels.

    Only one channel of a symbol is read, the one that tells most (hftlab.backtest.message_survey). Behind a gap or
    another loss the next message of a symbol begins with an R flagged F_SNAPSHOT, and its `last_trade` is only
    remembered. `sequence` is the number of the message in the session.

    `numbers` has the place in `instruments` of each symbol.
    """

    def __init__(
        self,
        session: Session,
        instruments: tuple[Instrument, ...],
        surveyed: Sequence[Surveyed],
        numbers: Mapping[str, int],
    ) -> None:
        self._table = MessageTable(session)
        self._codes = {(one.symbol, one.channel): code for code, one in enumerate(surveyed)}
        self._listings = np.zeros(len(surveyed), LISTING)
        self._holdings: dict[int, Holding] = {}
        for listing, one in zip(self._listings, surveyed, strict=True):
            number = numbers[one.symbol]
            instrument = instruments[number]
            listing["number"], listing["tick"] = number, instrument.tick
            listing["tick_numerator"], listing["tick_denominator"] = reduced(instrument.tick)
            listing["lot_numerator"], listing["lot_denominator"] = reduced(instrument.lot)
            self._holdings[number] = "levels" if one.depth else "top"
        self._resets = _resets(session, surveyed)
        super().__init__(instruments, _State(Place(0, 0), _no_books(len(surveyed))))

    def holds(self, number: int) -> Holding | None:
        """Return what the messages tell of an instrument's book; None if there are none."""
        return self._holdings.get(number)

    def _made(self, state: _State) -> Stretch[_State] | None:
        books, place = _with_capacity(state.books, _FIRST_CAPACITY), state.place
        rows = _no_rows(_FIRST_ROWS)
        for behind, group in self._table.groups(place):
            books, rows = self._compile(group, books, rows)
            place = behind
            if 2 * int(rows.used[0]) >= BLOCK_ROWS:
                break
        if rows.used[0] == 0:
            return None
        return Stretch(self._batch(rows), _State(place, _copied(books)))

    def _compile(self, group: pa.Table, books: MessageBooks, rows: RowColumns) -> tuple[MessageBooks, RowColumns]:
        codes = codes_of(group, self._codes)
        if (codes < 0).any():
            group, codes = group.filter(pa.array(codes >= 0)), codes[codes >= 0]
        columns, codes = message_columns(group), read_only(codes)
        scratch = _scratch(columns)
        done = compile_messages(columns, codes, self._listings, books, self._resets, scratch, rows, 0)
        while done < len(codes):
            most = scratch.keys.shape[1]
            books = _with_capacity(books, 2 * (int(books.counts.max()) + most))
            trades = int(np.diff(columns.trades.starts[done : done + 2])[0])
            rows = _with_room(rows, 2 * (books.keys.shape[1] + most) + trades + 2)
            done = compile_messages(columns, codes, self._listings, books, self._resets, scratch, rows, done)
        return books, rows

    def _batch(self, rows: RowColumns) -> EventBatch:
        used = int(rows.used[0])
        columns = {name: column[:used] for name, column in rows._asdict().items() if name != "used"}
        return EventBatch(**columns, order_id=np.zeros(used, np.uint64), instruments=self.instruments)


def _resets(session: Session, surveyed: Sequence[Surveyed]) -> IntArray:
    """Return behind which message the book of which symbol begins anew: (n, 2), in the order of the messages."""
    rows = session.control.filter(pl.col("event").is_in(_RESETS)).select("message", "channel", "symbols").collect()
    pairs = [
        (number, code)
        for number, channel, symbols in rows.iter_rows()
        for code, one in enumerate(surveyed)
        if (symbols is None or one.symbol in symbols) and (channel is None or one.channel in (channel, NO_CHANNEL))
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _no_books(symbols: int) -> MessageBooks:
    nothing = np.zeros((2 * symbols, 0), np.int64)
    return MessageBooks(
        nothing, nothing, np.zeros(2 * symbols, np.int64), np.zeros(symbols, MEMORY), np.zeros(1, np.int64)
    )


def _copied(books: MessageBooks) -> MessageBooks:
    """Copy books, as narrow as they can be."""
    return _with_capacity(books, int(books.counts.max(initial=0)))


def _with_capacity(books: MessageBooks, levels: int) -> MessageBooks:
    """Copy books with room for at least so many levels a side, or for what they have now."""
    used = int(books.counts.max(initial=0))
    keys, lots = (np.zeros((len(books.counts), max(levels, used)), np.int64) for _ in range(2))
    keys[:, :used], lots[:, :used] = books.keys[:, :used], books.lots[:, :used]
    return MessageBooks(keys, lots, books.counts.copy(), books.memory.copy(), books.resets.copy())


def _no_rows(count: int) -> RowColumns:
    kinds: dict[str, Any] = {"instrument_id": np.int32} | dict.fromkeys(("action", "side", "flags"), np.uint8)
    columns = {name: np.zeros(count, kinds.get(name, np.int64)) for name in RowColumns._fields if name != "used"}
    return RowColumns(**columns, used=np.zeros(1, np.int64))


def _with_room(rows: RowColumns, more: int) -> RowColumns:
    """Return the rows with room for at least so many more."""
    spare = max(0, int(rows.used[0]) + more - len(rows.size))
    length = len(rows.size) + (max(spare, len(rows.size)) if spare else 0)
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.append(column, np.zeros(length - len(column), column.dtype))
        for name, column in rows._asdict().items()
        if name != "used"
    }
    return RowColumns(**columns, used=rows.used)


def _scratch(columns: MessageColumns) -> Scratch:
    most = max(int(np.diff(levels.starts).max(initial=1)) for levels in (columns.bids, columns.asks))
    return Scratch(np.zeros((2, most), np.int64), np.zeros((2, most), np.int64))
