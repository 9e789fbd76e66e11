"""Market data on the wire: the state of symbols, incremental books, opportunities."""

from __future__ import annotations

from typing import Annotated

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

__all__ = ["Arbitrage", "BookDelta", "MarketData", "MarketDataSymbol", "OrderBookLevel", "Trade"]


class OrderBookLevel(Part, kw_only=True):
    price: Price
    size: Size
    orders: Count


class Trade(Part, kw_only=True):
    """The document's `lastTrade`; `side` is the aggressor's."""

    price: TradedPrice
    size: Size
    timestamp: Milliseconds
    side: Side


class MarketDataSymbol(Part, kw_only=True):
    """One symbol's state. `timestamp` is ts_event; an empty side of the book has price 0 and size 0.

    `trades` is ours: with the data type TRADES, every trade since the symbol's previous message, oldest first.
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


class MarketData(Base, tag="MARKET_DATA", kw_only=True):
    """`timestamp` is ts_out. `snapshot` marks state repeated for one subscriber; `ts_recv` is a recording's capture."""

    symbols: list[MarketDataSymbol]
    snapshot: bool = False
    ts_recv: Milliseconds | None = None


class BookDelta(Base, tag="BOOK_DELTA", kw_only=True):
    """An incremental book: a snapshot, then changed levels, where size 0 removes the level.

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


class Arbitrage(Base, tag="ARBITRAGE", kw_only=True):
    """One thing that costs less at `buy_venue` than it brings at `sell_venue`, fees and currencies included.

    `symbol` is the plain symbol, without a venue. `ask` is the best price at which to buy and `bid` the best at which
    to sell, each in its own venue's currency; `size` is how much can be bought and sold at a gain, level by level, and
    `edge` what that brings in all, in `currency`. `peak_edge` is the largest edge since `opened`. `opened` and `closed`
    are ts_event of the book changes that made and ended it. At CLOSE `size` and `edge` are 0, and a price is 0 where
    that side of the book has gone. `snapshot` marks an opportunity told again to one subscriber.
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
