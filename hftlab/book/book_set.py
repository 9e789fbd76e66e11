"""Order books of many instruments, fed with batches of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from hftlab.book.anomalies import FINE, KINDS, RAISE, Kind, Policy, policy_codes
from hftlab.book.apply_kernel import Columns, Tops, apply_rows, find_mixed
from hftlab.book.book_state import AUCTION, CONTINUOUS, HOLDS_ORDERS, BookState, add_books, copy_state, grow, new_state
from hftlab.book.order_book import OrderBook
from hftlab.errors import BookAnomaly, EventError, NameNotFound
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray
from hftlab.nearest import describe_unknown, meant

__all__ = ["BookSet", "Checkpoint"]


class Checkpoint(NamedTuple):
    """Copy of all books of a set as they were at one moment; it can be pickled.

    `BookSet.restore(checkpoint)` continues from there, any number of times.
    """

    instruments: tuple[Instrument, ...]
    policies: IntArray
    state: BookState


class BookSet:
    """Order books of every instrument that its batches name.

    `books.apply(batch)` brings them up to date in one compiled call; `books["BTCUSDT"]` is then that symbol's book.
    Rows flagged F_MBP are about price levels (L2), others about orders (L3); an instrument has rows of one kind only.

    `policy` says what happens at an anomaly besides counting it: "skip" continues, "raise" raises BookAnomaly and
    leaves all books as they were before the batch (which costs a copy of them for each batch), "clear" clears the
    instrument's book and continues without the row. A mapping gives one for each kind, "skip" for those it leaves out.
    `hftlab.book.anomalies.Kind` lists the kinds. Threads that share a BookSet need a lock.

    Orders that wait for an opening may cross. So "clear" leaves a crossed book alone, and only counts it, until the
    book has opened: until its first trade (T row) since it began or was cleared by an R row, and if it is crossed then,
    until it no longer is. `begin_auction()` and `begin_continuous()` say it where the feed has no trades, or for later
    auctions.

    Fills (F) change nothing. But a modify of an order that leaves more than its fills since its last row left shows the
    next part of an iceberg, as at CME: the order goes to the back of its level.
    """

    def __init__(self, policy: Policy | Mapping[Kind, Policy] = "skip") -> None:
        self._policies = policy_codes(policy)
        self._raises = RAISE in self._policies
        self._numbers: dict[Instrument, int] = {}
        self._batch_instruments: tuple[Instrument, ...] | None = None
        self._batch_books = self._batch_ticks = np.empty(0, np.int64)
        self._state = new_state()

    @classmethod
    def restore(cls, checkpoint: Checkpoint) -> BookSet:
        """Make a set of the books as they were, with the policy that they had."""
        books = cls()
        books._policies = checkpoint.policies.copy()
        books._raises = RAISE in books._policies
        books._numbers = {instrument: number for number, instrument in enumerate(checkpoint.instruments)}
        books._state = copy_state(checkpoint.state)
        return books

    def checkpoint(self) -> Checkpoint:
        """Copy all books as they are now."""
        return Checkpoint(tuple(self._numbers), self._policies.copy(), copy_state(self._state))

    def apply(self, batch: EventBatch) -> None:
        """Apply a batch. Raises as `trace()` does."""
        self._run(batch, _NO_TOPS)

    def trace(self, batch: EventBatch, depth: int = 10) -> Tops:
        """Apply a batch and return the best `depth` levels after each of its rows flagged F_LAST.

        With depth=1 it is the best bid and offer. Raises ValueError for a depth below 1; EventError for an instrument
        with rows of levels and of orders, and BookAnomaly if that is the policy. The books then stay as they were.
        """
        if depth < 1:
            raise ValueError(f"depth must be 1 or more, got {depth}")
        tops = _new_tops(int(np.count_nonzero(batch.flags & F_LAST)), depth)
        self._run(batch, tops)
        return tops

    def begin_auction(self, key: str | Instrument) -> None:
        """Say that a book collects orders for an auction: that it is crossed is then no anomaly.

        Raises KeyError for an instrument that no batch has named.
        """
        self._set_phase(key, AUCTION)

    def begin_continuous(self, key: str | Instrument) -> None:
        """Say that a book trades continuously: from its next event on it must not be crossed. Raises KeyError."""
        self._set_phase(key, CONTINUOUS)

    @property
    def state(self) -> BookState:
        """Memory of all books, for kernels and for `OrderBook`; a batch may replace it by a larger one."""
        return self._state

    @property
    def anomalies(self) -> Counter[Kind]:
        """Number of anomalies of each kind, in all books."""
        return sum((book.anomalies for book in self), Counter())

    def __getitem__(self, key: str | Instrument) -> OrderBook:
        """Return the book of an instrument, or of a symbol if only one venue has it. Raises KeyError."""
        if isinstance(key, Instrument):
            return OrderBook(self, key, self._numbers[key])
        found = [instrument for instrument in self._numbers if instrument.symbol == key]
        if not found:
            raise self._not_found(key)
        if len(found) > 1:
            venues = " and ".join(instrument.venue.name for instrument in found)
            raise KeyError(f"{key} is in the books of {venues}: index by Instrument")
        return self[found[0]]

    def _not_found(self, symbol: str) -> NameNotFound:
        symbols = sorted({instrument.symbol for instrument in self._numbers})
        if not symbols:
            return NameNotFound(f"there is no book of {symbol!r}, nor any other yet: apply() a batch of events first")
        error = NameNotFound(f"there is no book of {describe_unknown([symbol], symbols)}")
        return error.advise(instead=meant([symbol], symbols))

    def __contains__(self, key: object) -> bool:
        return key in self._numbers or any(instrument.symbol == key for instrument in self._numbers)

    def __iter__(self) -> Iterator[OrderBook]:
        return (OrderBook(self, instrument, number) for instrument, number in self._numbers.items())

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"BookSet({', '.join(instrument.symbol for instrument in self._numbers)})"

    def _set_phase(self, key: str | Instrument, phase: int) -> None:
        number = self._numbers[self[key].instrument]
        self._state.books[number]["phase"] = phase

    def _run(self, batch: EventBatch, tops: Tops) -> None:
        columns = self._columns(batch)
        holdings = self._state.books.copy()
        mixed = find_mixed(columns, holdings)
        if mixed >= 0:
            raise _mixed(batch, mixed, holdings["holds"][columns.books[batch.instrument_id[mixed]]])
        before = copy_state(self._state) if self._raises else None
        self._state.books["holds"] = holdings["holds"]
        row, written, reason = apply_rows(self._state, columns, self._policies, tops, 0, 0)
        while row < len(batch):
            if reason > FINE:
                assert before is not None
                self._state = before
                symbol = batch.instruments[batch.instrument_id[row]].symbol
                raise BookAnomaly(KINDS[reason - 1], row, symbol, int(batch.order_id[row]))
            self._state = grow(self._state)
            row, written, reason = apply_rows(self._state, columns, self._policies, tops, row, written)

    def _columns(self, batch: EventBatch) -> Columns:
        if batch.instruments is not self._batch_instruments:
            self._add_books(batch.instruments)
        return Columns(
            batch.ts_event,
            batch.instrument_id,
            batch.order_id.view(np.int64),
            batch.action,
            batch.side,
            batch.price,
            batch.size,
            batch.flags,
            self._batch_books,
            self._batch_ticks,
            np.empty(len(batch), np.uint32),
        )

    def _add_books(self, instruments: tuple[Instrument, ...]) -> None:
        for instrument in instruments:
            self._numbers.setdefault(instrument, len(self._numbers))
        self._state = add_books(self._state, len(self._numbers) - len(self._state.books))
        self._batch_instruments = instruments
        self._batch_books = np.array([self._numbers[instrument] for instrument in instruments], np.int64)
        self._batch_ticks = np.array([instrument.tick for instrument in instruments], np.int64)


def _new_tops(rows: int, depth: int) -> Tops:
    shape = (rows, depth)
    return Tops(np.empty(rows, np.int64), *(np.empty(shape, np.int64) for _ in range(6)))


_NO_TOPS: Final = _new_tops(0, 0)


def _mixed(batch: EventBatch, row: int, holds: int) -> EventError:
    symbol = batch.instruments[batch.instrument_id[row]].symbol
    has, was = ("no F_MBP", "price levels") if holds != HOLDS_ORDERS else ("F_MBP", "orders")
    return EventError(
        f"column flags has {has} in row {row}, but the rows of {symbol} before it name {was}: "
        f"keep a feed of levels and a feed of orders in two BookSets"
    )
