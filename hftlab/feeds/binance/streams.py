"""Names of Binance's streams, spread over connections, and the requests that subscribe to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from hftlab.feeds.binance.markets import Market

__all__ = ["Subscription", "subscriptions"]

_PER_REQUEST: Final = 100
"""Streams that one SUBSCRIBE names."""
_DEFAULT_SPEEDS: Final = ("1000ms", "250ms")
"""Speeds of the depth streams whose names do not say one, of spot and of futures."""


class Subscription(msgspec.Struct, frozen=True):
    """Streams of one connection, and the symbols that they are of."""

    symbols: tuple[str, ...]
    streams: tuple[str, ...]

    def requests(self) -> list[tuple[int, bytes]]:
        """Return SUBSCRIBE requests for all streams, each with its id."""
        chunks = [self.streams[at : at + _PER_REQUEST] for at in range(0, len(self.streams), _PER_REQUEST)]
        return [
            (number, msgspec.json.encode({"method": "SUBSCRIBE", "params": chunk, "id": number}))
            for number, chunk in enumerate(chunks, 1)
        ]


def subscriptions(
    market: Market, symbols: Sequence[str], speed: str, *, trades: bool = True, tickers: bool = True
) -> list[Subscription]:
    """Spread the streams of symbols over as few connections as the market's limit allows, about evenly.

    All streams of a symbol are on one connection, so that what the loss of it costs is known.
    """
    suffix = "depth" if speed in _DEFAULT_SPEEDS else f"depth@{speed}"
    kinds = [suffix, *(["trade"] if trades else []), *(["bookTicker"] if tickers else [])]
    most = max(1, market.streams // len(kinds))
    count = -(-len(symbols) // most)
    length = -(-len(symbols) // count)
    parts = [tuple(symbols[at : at + length]) for at in range(0, len(symbols), length)]
    return [
        Subscription(part, tuple(f"{symbol.lower()}@{kind}" for symbol in part for kind in kinds)) for part in parts
    ]
