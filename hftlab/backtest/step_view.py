"""Recorded market as it reaches a compiled strategy: what its own books and tickers make of the rows, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hftlab.backtest.fill_kernel import Rows
from hftlab.backtest.step_market import BEST, TRADE, level_at
from hftlab.book.book_state import HOLDS_LEVELS
from hftlab.book.changes import apply_order, clear_book, note_fill
from hftlab.book.known_levels import NOWHERE, empty_levels, set_known_level
from hftlab.book.levels import can_add_level, side_of
from hftlab.book.order_table import tag_of
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, FILL, MODIFY
from hftlab.events import TRADE as PRINT
from hftlab.kernels.compiling import IntArray, i64, in_place, inlined, place_of

__all__ = ["QuoteColumns", "follow", "new_quotes", "note_quotes"]


@in_place
def follow(market: Any, rows: Rows, is_shared: int, on: int, first: int, until: int) -> tuple[int, int, bool]:
    """Take in the rows from `first` on that the strategy has got by `until`, their time being when it gets them.

    The books are left alone if they are shared with the venue, which has changed them. Returns the next row, what of
    BEST and TRADE has happened, and whether it ended for want of room.
    """
    woken_by = 0
    for number in range(first, len(rows.time)):
        if rows.time[number] > until:
            return number, woken_by, False
        row = place_of(number)
        action, book = rows.action[row], place_of(rows.instrument_id[row])
        if action == PRINT:
            _print(market.tickers[book], rows, row)
            woken_by |= TRADE
        elif is_shared == 0:
            is_ask = rows.side[row] == ASK
            if _lacks_room(market.books, rows, row, book, is_ask):
                return number, woken_by, True
            _change(market.books, rows, row, book, is_ask, market.tickers[book].tick)
        if on & BEST and rows.flags[row] & F_LAST and _has_new_best(market, book):
            woken_by |= BEST
    return len(rows.time), woken_by, False


@inlined
def _lacks_room(books: Any, rows: Rows, row: Any, book: Any, is_ask: bool) -> bool:
    """Tell whether a recorded order may not fit; known levels always do."""
    return bool(
        rows.action[row] in (ADD, MODIFY)
        and rows.flags[row] & F_MBP == 0
        and not can_add_level(books, side_of(book, is_ask))
    )


@inlined
def _print(ticker: Any, rows: Rows, row: Any) -> None:
    lots = rows.size[row]
    ticker.last, ticker.last_lots = rows.price[row] // ticker.tick, lots
    ticker.trades += 1
    ticker.bought += lots if rows.side[row] == BID else 0
    ticker.sold += lots if rows.side[row] == ASK else 0


@inlined
def _change(books: Any, rows: Rows, row: Any, book: Any, is_ask: bool, tick: int) -> None:
    """Change a book by a row."""
    action, side = rows.action[row], side_of(book, is_ask)
    if action in (ADD, CANCEL, MODIFY):
        if rows.flags[row] & F_MBP:
            books.books[book].holds = HOLDS_LEVELS
            if rows.place[row] != NOWHERE:
                set_known_level(books, side, place_of(rows.place[row]), 0 if action == CANCEL else rows.size[row])
        else:
            tag = tag_of(book, rows.order_id[row])
            apply_order(
                books, book, action, rows.side[row], tag, rows.order_id[row], rows.price[row], tick, rows.size[row]
            )
    elif action == FILL:
        note_fill(books, tag_of(book, rows.order_id[row]), book, rows.order_id[row], rows.size[row])
    elif action == CLEAR:
        if books.books[book].holds == HOLDS_LEVELS:
            empty_levels(books, side_of(book, False))
            empty_levels(books, side_of(book, True))
        else:
            clear_book(books, book)


@inlined
def _has_new_best(market: Any, book: Any) -> bool:
    """Tell whether a book has another best price than after the last event, and remember it."""
    ticker = market.tickers[book]
    bid, ask = level_at(market.books, 2 * i64(book), 0)[0], level_at(market.books, 2 * i64(book) + 1, 0)[0]
    is_new = ticker.bid != bid or ticker.ask != ask
    ticker.bid, ticker.ask = bid, ask
    return bool(is_new)


class QuoteColumns(NamedTuple):
    """Best prices in ticks (0 for an empty side) after the events that have changed one, `used[0]` rows of them."""

    at: IntArray
    instrument: IntArray
    bid: IntArray
    ask: IntArray
    used: IntArray


def new_quotes(rows: int) -> QuoteColumns:
    """Make room for so many rows."""
    at, instrument, bid, ask = (np.zeros(rows, np.int64) for _ in range(4))
    return QuoteColumns(at, instrument, bid, ask, np.zeros(1, np.int64))


@in_place
def note_quotes(market: Any, rows: Rows, first: int, quotes: QuoteColumns) -> int:
    """Take in the rows from `first` on, and note each new best price; returns the next row, for which there is no room.

    There must be room for as many quotes as there are rows.
    """
    for number in range(first, len(rows.time)):
        row = place_of(number)
        book, is_ask = place_of(rows.instrument_id[row]), rows.side[row] == ASK
        if _lacks_room(market.books, rows, row, book, is_ask):
            return number
        ticker = market.tickers[book]
        _change(market.books, rows, row, book, is_ask, ticker.tick)
        if rows.flags[row] & F_LAST and _has_new_best(market, book):
            used = quotes.used[0]
            quotes.at[used], quotes.instrument[used] = rows.time[row], rows.instrument_id[row]
            quotes.bid[used], quotes.ask[used] = ticker.bid, ticker.ask
            quotes.used[0] += 1
    return len(rows.time)
