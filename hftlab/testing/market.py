"""Market data for tests, with sensible values for all that a test does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hftlab.protocol import MarketData, MarketDataSymbol, OrderBookLevel, Side, Trade

__all__ = ["market_data"]

_TIME: Final = 1_767_364_200_000.0
"""2026-01-02 14:30:00 UTC in ms, where virtual clocks start."""


def market_data(
    symbol: str,
    *,
    bid: float | None = None,
    ask: float | None = None,
    bids: Sequence[tuple[float, float]] | None = None,
    asks: Sequence[tuple[float, float]] | None = None,
    trade: tuple[float, float] | None = None,
    timestamp: float = _TIME,
    channel: int | None = None,
    sequence: int | None = None,
    snapshot: bool = False,
    **fields: Any,
) -> MarketData:
    """Make a MARKET_DATA message of one symbol, from its quotes, its levels, or its last trade.

    `bids` and `asks` are (price, size), best first; without `bid` and `ask` their best are the quotes, and without
    either a side is the other one, a tick of 0.01 away. `trade` is (price, size). `timestamp` is in ms; `channel`,
    `sequence` and `snapshot` are the message's. `fields` are others of hl.protocol.MarketDataSymbol. Raises ValueError
    without any price.
    """
    bid = bids[0][0] if bid is None and bids else bid
    ask = asks[0][0] if ask is None and asks else ask
    last = trade[0] if trade is not None else None
    known = next((price for price in (bid, ask, last) if price is not None), None)
    if known is None:
        raise ValueError("market_data() needs a price: give bid and ask, bids and asks, or a trade")
    bid = (known if ask is None else round(ask - 0.01, 9)) if bid is None else bid
    ask = round(bid + 0.01, 9) if ask is None else ask
    price = last if last is not None else round((bid + ask) / 2, 9)
    values: dict[str, Any] = {
        "exchange": "TEST",
        "price": price,
        "bid": bid,
        "ask": ask,
        "bid_size": 100.0,
        "ask_size": 100.0,
        **dict.fromkeys(("high", "low", "open", "previous_close"), price),
        **dict.fromkeys(("volume", "change", "change_percent"), 0.0),
        "timestamp": timestamp,
        "bids": _levels(bids),
        "asks": _levels(asks),
        "last_trade": None if trade is None else _trade(trade, timestamp),
    }
    if bids:
        values["bid_size"] = bids[0][1]
    if asks:
        values["ask_size"] = asks[0][1]
    one = MarketDataSymbol(symbol=symbol, **(values | fields))
    return MarketData(timestamp=timestamp, symbols=[one], channel=channel, sequence=sequence, snapshot=snapshot)


def _levels(side: Sequence[tuple[float, float]] | None) -> list[OrderBookLevel] | None:
    return None if side is None else [OrderBookLevel(price=price, size=size, orders=1) for price, size in side]


def _trade(trade: tuple[float, float], timestamp: float) -> Trade:
    return Trade(price=trade[0], size=trade[1], timestamp=timestamp, side=Side.BUY)
