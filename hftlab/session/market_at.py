"""The market of a session at a time: the book of a symbol, and the rows between two times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import polars as pl

from hftlab.errors import ArgumentTypeError, SessionError
from hftlab.nearest import describe_unknown, meant
from hftlab.protocol import OrderBookLevel
from hftlab.protocol.book import Book
from hftlab.protocol.latest_state import LatestState
from hftlab.session.reader import Reader
from hftlab.session.table_ids import TableId
from hftlab.session.tables import TABLES

if TYPE_CHECKING:
    from hftlab.book import OrderBook
    from hftlab.instruments import Instrument

__all__ = ["book_of_events", "book_of_messages", "check_symbols", "rows_between"]


def check_symbols(
    symbols: Sequence[str], known: Sequence[str], folder: object, where: str = "session.manifest.symbols"
) -> None:
    """Raise SessionError for symbols that a session does not have, with the nearest that it has, and `where` all are.

    Raises ArgumentTypeError for what is not text.
    """
    if not isinstance(symbols, Iterable):
        raise ArgumentTypeError(f"symbols is {symbols!r}: give a list such as ['AAPL']")
    for symbol in symbols:
        if not isinstance(symbol, str):
            raise ArgumentTypeError(f"the symbol {symbol!r} is not text: give a name such as 'AAPL'")
    unknown = [symbol for symbol in symbols if symbol not in known]
    if unknown:
        raise SessionError(f"{folder} does not have {describe_unknown(unknown, known)}: see {where}").advise(
            instead=meant(unknown, known)
        )


def rows_between(reader: Reader, start: int, stop: int, symbols: Sequence[str] | None) -> pl.DataFrame:
    """Return the rows of market_data received from `start` up to `stop` (not included), of all symbols if None."""
    empty = pl.DataFrame(schema=TABLES[TableId.MARKET_DATA].schema)
    return pl.concat([empty, *reader.rows(TableId.MARKET_DATA, start, stop, symbols)])


def book_of_messages(reader: Reader, at: int, symbol: str) -> Book:
    """Return the book of a symbol as a client had it at `at`; without levels before the first."""
    state = LatestState()
    for message in reader.state(at, symbol):
        state.take_in(message)
    latest = state.latest.get(symbol)
    return Book(symbol, at, False, (), ()) if latest is None else Book.of(latest, stale=False)


def book_of_events(events: pl.LazyFrame, instruments: Sequence[Instrument], at: int, symbol: str) -> Book:
    """Return the book of a symbol after all order-level events that were received up to `at`."""
    from hftlab.book import BookSet
    from hftlab.events import EventBatch

    own = [number for number, instrument in enumerate(instruments) if instrument.wire_symbol == symbol]
    rows = events.filter(pl.col("instrument_id").is_in(own) & (pl.col("ts_recv") <= at)).drop("symbol").collect()
    if rows.is_empty():
        return Book(symbol, at, False, (), ())
    books = BookSet()
    books.apply(EventBatch.from_polars(rows, instruments))
    book = books[instruments[own[0]]]
    return Book(symbol, rows["ts_event"][-1], False, _levels(book, "bids"), _levels(book, "asks"))


def _levels(book: OrderBook, side: str) -> tuple[OrderBookLevel, ...]:
    levels = getattr(book, side)(_ALL)
    return tuple(OrderBookLevel(price=price, size=size, orders=orders) for price, size, orders in levels)


_ALL = 1 << 30
