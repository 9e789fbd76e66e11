"""Messages of market data: state of symbols, incremental books, arbitrage opportunities."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from hftlab.protocol.base import (
    Amount,
    Base,
    Count,
    Currency,
    Milliseconds,
    Name,
    Part,
    Price,
    Size,
    Symbol,
    TradedPrice,
)
from hftlab.protocol.enums import ArbitrageState, Side
from hftlab.protocol.representation import number, quote, time_of

__all__ = ["Arbitrage", "BookDelta", "MarketData", "MarketDataSymbol", "OrderBookLevel", "Trade"]

_SHOWN: Final = 3
"""Symbols that the text of a message names."""


class OrderBookLevel(Part, kw_only=True):
    """Price level of an order book; `orders` is the number of its orders."""

    price: Price
    size: Size
    orders: Count

    def __repr__(self) -> str:
        return f"OrderBookLevel({number(self.size)} @ {number(self.price)}, orders: {self.orders})"


class Trade(Part, kw_only=True):
    """Trade: the document's `lastTrade`; `side` is the aggressor's."""

    price: TradedPrice
    size: Size
    timestamp: Milliseconds
    side: Side

    def __repr__(self) -> str:
        return f"Trade({self.side} {number(self.size)} @ {number(self.price)}, {time_of(self.timestamp)})"


class MarketDataSymbol(Part, kw_only=True):
    """State of one symbol. `timestamp` is ts_event; an empty side of the book has price 0 and size 0.

    `trades` is hftlab's own: with the data type TRADES, every trade since the symbol's previous message, oldest first.
    """

    symbol: Symbol
    exchange: str
    price: TradedPrice
    bid: Price
    ask: Price
    bid_size: Size
    ask_size: Size
    volume: Size
    change: Amount
    change_percent: Amount
    high: Price
    low: Price
    open: Price
    previous_close: Price
    timestamp: Milliseconds
    bids: list[OrderBookLevel] | None = None
    asks: list[OrderBookLevel] | None = None
    last_trade: Trade | None = None
    trades: list[Trade] | None = None

    def __repr__(self) -> str:
        return quote(self)


class MarketData(Base, tag="MARKET_DATA", kw_only=True):
    """State of symbols. `timestamp` is ts_out, `ts_recv` the time of capture in a recording.

    `snapshot` marks state that is repeated for one subscriber.
    """

    symbols: list[MarketDataSymbol]
    snapshot: bool = False
    ts_recv: Milliseconds | None = None

    def __repr__(self) -> str:
        names = [symbol.symbol for symbol in self.symbols]
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        what = "snapshot of " if self.snapshot else ""
        sequence = "" if self.sequence is None else f", sequence {self.sequence}"
        return f"MarketData({what}{', '.join(names[:_SHOWN])}{more}{sequence}, {time_of(self.timestamp)})"


class BookDelta(Base, tag="BOOK_DELTA", kw_only=True):
    """Incremental order book of a symbol: a snapshot, then changed levels; size 0 removes a level.

    `checksum` is the CRC32 (as in zlib) of little-endian IEEE 754 doubles: the sequence, then price and size of the
    best ten bids, best first, then those of the best ten asks, after the change.
    """

    symbol: Symbol
    exchange: str
    bids: list[OrderBookLevel]
    asks: list[OrderBookLevel]
    checksum: Annotated[int, Meta(ge=0, lt=2**32)]
    ts_event: Milliseconds
    snapshot: bool = False

    @property
    def is_restart(self) -> bool:
        """True if no earlier message is needed: a snapshot with levels, which give the symbol a price as well."""
        return self.snapshot and any(level.size and level.price for side in (self.bids, self.asks) for level in side)


class Arbitrage(Base, tag="ARBITRAGE", kw_only=True):
    """Arbitrage opportunity: a symbol that costs less at `buy_venue` than it brings at `sell_venue`, after all costs.

    `symbol` is the plain symbol, without a venue. `ask` is the best price at which to buy and `bid` the best at which
    to sell, each in its own venue's currency; costs are fees and the exchange of currencies. `size` is how much
    can be bought and sold at a gain, level by level, and `edge` the total gain in `currency`. `peak_edge` is the
    largest edge since `opened`. `opened` and `closed` are ts_event of the book changes that made and ended it. At CLOSE
    `size` and `edge` are 0, and a price is 0 where that side of the book is empty. `snapshot` marks an opportunity that
    is repeated for one subscriber.
    """

    symbol: Symbol
    state: ArbitrageState
    buy_venue: Name
    sell_venue: Name
    ask: Price
    bid: Price
    size: Size
    edge: Amount
    peak_edge: Amount
    currency: Currency
    opened: Milliseconds
    closed: Milliseconds | None = None
    snapshot: bool = False
