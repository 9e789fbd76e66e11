"""MARKET_DATA whose symbols are JSON already: what a recording has, and most of what a server sends of it."""

from __future__ import annotations

from enum import IntFlag
from typing import Any, Final

import msgspec

from hftlab.protocol.base import Base, Milliseconds
from hftlab.protocol.market_data import MarketData, MarketDataSymbol

__all__ = ["EncodedMarketData", "Parts", "RawMarketData", "parts_of"]

_symbols: Final[Any] = msgspec.json.Decoder(list[MarketDataSymbol]).decode
_EMPTY_TRADES: Final = b',"trades":[]'
"""An unescaped quote is never inside a JSON text, so that this is always a whole field."""


class Parts(IntFlag):
    """Parts of a symbol that a message may leave out, and that then stay as they were."""

    BIDS = 1
    ASKS = 2
    LAST_TRADE = 4


def parts_of(symbol: MarketDataSymbol) -> int:
    """Return the Parts that a symbol has."""
    has_bids, has_asks, has_trade = symbol.bids is not None, symbol.asks is not None, symbol.last_trade is not None
    return has_bids * Parts.BIDS | has_asks * Parts.ASKS | has_trade * Parts.LAST_TRADE


class RawMarketData(Base, tag="MARKET_DATA", kw_only=True):
    """MarketData with the JSON of its symbols; only JSON can be made of it."""

    symbols: msgspec.Raw
    snapshot: bool = False
    ts_recv: Milliseconds | None = None

    def decoded(self) -> MarketData:
        """Return the message itself."""
        return MarketData(
            timestamp=self.timestamp,
            id=self.id,
            channel=self.channel,
            sequence=self.sequence,
            symbols=_symbols(self.symbols),
            snapshot=self.snapshot,
            ts_recv=self.ts_recv,
        )


class EncodedMarketData:
    """MARKET_DATA that is decoded when somebody looks at it; a server mostly passes its JSON on.

    `head` is the message without its symbols. `parts` has each symbol once, in order, with the Parts that it has, and
    is one object for messages alike. `state` is the JSON of the list of symbols without `trades`, and `text` the same
    with them: the same object if there are none. Whoever makes it answers for the values: they are not checked again.
    """

    __slots__ = ("_by_name", "_decoded", "head", "parts", "state", "text")

    def __init__(self, head: MarketData, parts: dict[str, int], state: bytes, text: bytes) -> None:
        self.head, self.parts, self.state, self.text = head, parts, state, text
        self._decoded: MarketData | None = None
        self._by_name: dict[str, MarketDataSymbol] | None = None

    @property
    def has_trades(self) -> bool:
        """True if some symbol has `trades`, though they may be empty."""
        return self.text is not self.state

    @property
    def traded(self) -> bytes:
        """The JSON of the list of symbols, without trades that are empty."""
        return self.text.replace(_EMPTY_TRADES, b"") if self.has_trades else self.state

    def decoded(self) -> MarketData:
        """Return the message itself, the same object each time."""
        if self._decoded is None:
            self._decoded = msgspec.structs.replace(self.head, symbols=_symbols(self.text))
        return self._decoded

    def symbol(self, name: str) -> MarketDataSymbol:
        """Return one of its symbols."""
        if self._by_name is None:
            self._by_name = dict(zip(self.parts, self.decoded().symbols, strict=True))
        return self._by_name[name]

    def received(self, ts_recv: float) -> EncodedMarketData:
        """Return it with the time of its capture, if it has none."""
        if self.head.ts_recv is not None:
            return self
        head = msgspec.structs.replace(self.head, ts_recv=ts_recv)
        return EncodedMarketData(head, self.parts, self.state, self.text)
