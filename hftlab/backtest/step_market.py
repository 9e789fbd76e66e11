"""Market as the step of a compiled strategy sees it: books, last trades and the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.book_state import BookState, add_books, new_state
from hftlab.book.levels import is_there, position
from hftlab.kernels.compiling import in_place, inlined, place_of
from hftlab.kernels.methods import TupleType, with_methods

__all__ = [
    "BEST",
    "CLOCK",
    "ORDERS",
    "TICKER",
    "TIMER",
    "TRADE",
    "Market",
    "MarketType",
    "known_instrument",
    "level_at",
    "new_market",
]

TIMER, BEST, TRADE, ORDERS = 1, 2, 4, 8
"""Bits of `Market.woken_by`: the time has come, a best price has changed, a trade, news of own orders."""

CLOCK: Final = np.dtype([("now", "i8"), ("woken_by", "i8"), ("wakes", "i8")])
TICKER: Final = np.dtype(
    [
        ("tick", "i8"),  # 1e-9
        ("last", "i8"),  # ticks
        ("last_lots", "i8"),
        ("trades", "i8"),  # since the last step, as the two below
        ("bought", "i8"),  # lots that buyers took
        ("sold", "i8"),
        ("bid", "i8"),  # ticks of the best after the last event
        ("ask", "i8"),
    ]
)


class MarketType(TupleType):
    """Numba's type of a Market."""


@inlined
def known_instrument(number: int, count: int) -> int:
    """Return the number of an instrument, which is below `count`: compiled code would read past the end of an array."""
    if number < 0 or number >= count:
        raise IndexError("the market has no instrument of this number")
    return number


@in_place
def level_at(books: BookState, side: int, number: int) -> tuple[int, int]:
    """Return the price (ticks) and the lots of a level of a side, counted from the best; 0 and 0 if there is none."""
    if side < 0 or side >= len(books.sides):
        raise IndexError("the market has no instrument of this number")
    place = books.sides[side]
    at = place.start + place.length - 1
    while at >= place.start:
        level = books.levels[books.slots[place_of(at)]]
        if level.lots > 0:
            if number == 0:
                return level.ticks, level.lots
            number -= 1
        at -= 1
    return 0, 0


@in_place
def lots_at(books: BookState, side: int, key: int) -> int:
    """Return the lots of the level of a side with this key; 0 if there is none."""
    if side < 0 or side >= len(books.sides):
        raise IndexError("the market has no instrument of this number")
    at = position(books, place_of(side), key)
    if not is_there(books, place_of(side), at, key):
        return 0
    return int(books.levels[books.slots[place_of(at)]].lots)


@with_methods(MarketType)
class Market(NamedTuple):
    """Market as a compiled strategy sees it. Prices are in ticks, sizes in lots, instruments numbered from 0.

    Where a book has no level, its price and its lots are 0.
    """

    books: BookState
    clock: npt.NDArray[Any]
    tickers: npt.NDArray[Any]

    @property
    def now(self) -> Any:
        """Time in ns since 1970 UTC."""
        return self.clock[0]["now"]

    @property
    def woken_by(self) -> Any:
        """Why the step is called: bits of TIMER, BEST, TRADE and ORDERS."""
        return self.clock[0]["woken_by"]

    def bid(self, instrument: int = 0) -> Any:
        """Return the best bid."""
        return level_at(self.books, 2 * instrument, 0)[0]

    def ask(self, instrument: int = 0) -> Any:
        """Return the best ask."""
        return level_at(self.books, 2 * instrument + 1, 0)[0]

    def bid_lots(self, instrument: int = 0) -> Any:
        """Return the lots at the best bid; 0 if there is none."""
        return level_at(self.books, 2 * instrument, 0)[1]

    def ask_lots(self, instrument: int = 0) -> Any:
        """Return the lots at the best ask; 0 if there is none."""
        return level_at(self.books, 2 * instrument + 1, 0)[1]

    def bid_level(self, number: int, instrument: int = 0) -> Any:
        """Return the price and the lots of a bid level, the best of which is 0."""
        return level_at(self.books, 2 * instrument, number)

    def ask_level(self, number: int, instrument: int = 0) -> Any:
        """Return the price and the lots of an ask level, the best of which is 0."""
        return level_at(self.books, 2 * instrument + 1, number)

    def bid_lots_at(self, ticks: int, instrument: int = 0) -> Any:
        """Return the lots of the bids at a price."""
        return lots_at(
            self.books, 2 * instrument, ticks * self.tickers[known_instrument(instrument, len(self.tickers))]["tick"]
        )

    def ask_lots_at(self, ticks: int, instrument: int = 0) -> Any:
        """Return the lots of the asks at a price."""
        return lots_at(
            self.books,
            2 * instrument + 1,
            -ticks * self.tickers[known_instrument(instrument, len(self.tickers))]["tick"],
        )

    def last(self, instrument: int = 0) -> Any:
        """Return the price of the last trade; 0 before there was one."""
        return self.tickers[known_instrument(instrument, len(self.tickers))]["last"]

    def last_lots(self, instrument: int = 0) -> Any:
        """Return the lots of the last trade."""
        return self.tickers[known_instrument(instrument, len(self.tickers))]["last_lots"]

    def bought(self, instrument: int = 0) -> Any:
        """Return the lots that buyers have taken since the last step."""
        return self.tickers[known_instrument(instrument, len(self.tickers))]["bought"]

    def sold(self, instrument: int = 0) -> Any:
        """Return the lots that sellers have taken since the last step."""
        return self.tickers[known_instrument(instrument, len(self.tickers))]["sold"]

    def trades(self, instrument: int = 0) -> Any:
        """Return the number of trades since the last step."""
        return self.tickers[known_instrument(instrument, len(self.tickers))]["trades"]


def new_market(ticks: Sequence[int]) -> Market:
    """Make the market of instruments with these ticks (1e-9), of which nothing is known yet."""
    tickers = np.zeros(len(ticks), TICKER)
    tickers["tick"] = ticks
    return Market(add_books(new_state(), len(ticks)), np.zeros(1, CLOCK), tickers)
