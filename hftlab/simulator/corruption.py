"""Corrupted messages: wrong values that are valid on the wire, which a careful reader has to notice by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from hftlab.protocol.messages import MarketData, MarketDataSymbol, Message

__all__ = ["CORRUPTIONS", "corrupted", "skewed"]

_DIGIT: Final = 10.0


def corrupted(message: Message, kind: float, place: float) -> tuple[Message, str]:
    """Return a copy with one wrong value, and what was done: "AAPL: crossed". Only MARKET_DATA is corrupted.

    `kind` and `place` are uniform in [0, 1): which of CORRUPTIONS, and which of the symbols.
    """
    if not isinstance(message, MarketData) or not message.symbols:
        return message, ""
    name, damage = list(CORRUPTIONS.items())[int(kind * len(CORRUPTIONS))]
    at = int(place * len(message.symbols))
    symbols = [*message.symbols]
    symbols[at] = damage(symbols[at])
    return msgspec.structs.replace(message, symbols=symbols), f"{symbols[at].symbol}: {name}"


def skewed(message: Message, ms: float) -> Message:
    """Return a copy with the MARKET_DATA times of a clock that is `ms` milliseconds ahead (behind, if negative)."""
    if not isinstance(message, MarketData):
        return message
    symbols = [msgspec.structs.replace(symbol, timestamp=_shifted(symbol.timestamp, ms)) for symbol in message.symbols]
    return msgspec.structs.replace(message, timestamp=_shifted(message.timestamp, ms), symbols=symbols)


def _shifted(timestamp: float, ms: float) -> float:
    return max(0.001, round(timestamp + ms, 3))


def _digit_slipped(symbol: MarketDataSymbol) -> MarketDataSymbol:
    return msgspec.structs.replace(symbol, price=symbol.price * _DIGIT, bid=symbol.bid * _DIGIT)


def _crossed(symbol: MarketDataSymbol) -> MarketDataSymbol:
    return msgspec.structs.replace(symbol, bid=symbol.ask, ask=symbol.bid, bids=symbol.asks, asks=symbol.bids)


def _empty_quote(symbol: MarketDataSymbol) -> MarketDataSymbol:
    return msgspec.structs.replace(symbol, bid=0.0, bid_size=0.0, bids=symbol.bids and [])


def _stale(symbol: MarketDataSymbol) -> MarketDataSymbol:
    return msgspec.structs.replace(symbol, timestamp=_shifted(symbol.timestamp, -60_000.0))


def _size_lost(symbol: MarketDataSymbol) -> MarketDataSymbol:
    return msgspec.structs.replace(symbol, bid_size=0.0, ask_size=0.0)


CORRUPTIONS: Final[dict[str, Callable[[MarketDataSymbol], MarketDataSymbol]]] = {
    "digit slipped": _digit_slipped,
    "crossed": _crossed,
    "empty quote": _empty_quote,
    "stale": _stale,
    "size lost": _size_lost,
}
"""Corruptions by name: price ten times too high, sides exchanged, no bid, a time one minute old, sizes of 0."""
