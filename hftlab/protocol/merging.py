"""Merging of a symbol's state from messages that leave out parts of it."""

from __future__ import annotations

import msgspec

from hftlab.protocol.market_data import MarketDataSymbol

__all__ = ["merged"]


def merged(new: MarketDataSymbol, known: MarketDataSymbol | None) -> MarketDataSymbol:
    """Return the newest state, with the book and the last trade that it leaves out as they were `known` before."""
    if known is None:
        return new
    bids = known.bids if new.bids is None else new.bids
    asks = known.asks if new.asks is None else new.asks
    last_trade = known.last_trade if new.last_trade is None else new.last_trade
    if bids is new.bids and asks is new.asks and last_trade is new.last_trade:
        return new
    return msgspec.structs.replace(new, bids=bids, asks=asks, last_trade=last_trade)
