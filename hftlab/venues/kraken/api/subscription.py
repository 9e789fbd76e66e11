"""Subscription to a channel: what a connection may have, and as what it is one stream for all its readers."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

__all__ = ["PRIVATE", "Channel", "Subscription", "Trigger"]


class Channel(Enum):
    """Channel of public market data."""

    BOOK = "book"
    TRADE = "trade"
    TICKER = "ticker"
    INSTRUMENT = "instrument"
    OHLC = "ohlc"
    """Candles, which a recording does not have: it is accepted, and stays silent."""


class Trigger(Enum):
    """Event on which a ticker is sent."""

    TRADES = "trades"
    BBO = "bbo"


PRIVATE: Final = ("executions", "balances", "level3")
"""Channels that need a token, and another address."""


class Subscription(NamedTuple):
    """Subscription to a channel of one pair ("" for all of them); `depth` is that of a book, else 0."""

    channel: Channel
    pair: str = ""
    depth: int = 0
    trigger: Trigger | None = None
