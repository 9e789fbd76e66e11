"""Messages of Binance's market streams and depth snapshots, as far as hftlab reads them.

Sources: Binance Spot API, "WebSocket Streams" (Diff. Depth, Trade, Individual Symbol Book Ticker) and "Market Data
endpoints" (Order book); USDⓈ-M Futures API, the same names. A capture has one JSON object a line, with the combined
stream's envelope {"stream", "data"} or without it.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias

from msgspec import Meta, Raw, Struct, field

from hftlab.venues.stamps import to_nanoseconds

__all__ = ["BookTicker", "DepthSnapshot", "DepthUpdate", "Envelope", "Hint", "Kind", "Level", "Trade", "texts_of"]

Time: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]  # ms, or µs of a stream with timeUnit=MICROSECOND
Number: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Level(Struct, array_like=True, gc=False):
    """Level with its new total. Until March 2019 an empty list followed, which is passed over."""

    price: str
    size: str


Levels: TypeAlias = list[Level]


def texts_of(levels: Levels) -> list[tuple[str, str]]:
    """Return the (price, size) of each level."""
    return [(level.price, level.size) for level in levels]


class Kind(Enum):
    """Kind of a message."""

    DEPTH = "depth"
    TRADE = "trade"
    BOOK_TICKER = "bookTicker"
    SNAPSHOT = "snapshot"


_KIND_OF_STREAM = {"depth": Kind.DEPTH, "trade": Kind.TRADE, "bookTicker": Kind.BOOK_TICKER}
_KIND_OF_EVENT = {"depthUpdate": Kind.DEPTH, "trade": Kind.TRADE, "bookTicker": Kind.BOOK_TICKER}


class Envelope(Struct, gc=False):
    """Envelope of a message: the fields that tell its kind; `data` stays undecoded."""

    stream: str | None = None
    data: Raw = Raw(b"")
    event: str | None = field(name="e", default=None)
    last_update_id: Number | None = field(name="lastUpdateId", default=None)

    @property
    def kind(self) -> Kind | None:
        """Kind of the message; None for a stream that hftlab does not read, such as the partial books of depth5."""
        if self.stream is not None:
            return _KIND_OF_STREAM.get("".join(self.stream.split("@")[1:2]))
        if self.event is not None:
            return _KIND_OF_EVENT.get(self.event)
        return None if self.last_update_id is None else Kind.SNAPSHOT

    @property
    def name(self) -> str:
        """Name of the stream or event, for counts."""
        return self.stream or self.event or "no stream"


class DepthUpdate(Struct, gc=False):
    """Depth update: new totals of the levels that changed between the update ids `first` and `last`; size 0 removes."""

    symbol: str = field(name="s")
    event_time: Time = field(name="E")
    first: Number = field(name="U")
    last: Number = field(name="u")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    previous: Number | None = field(name="pu", default=None)  # futures only: `last` of the update before
    transaction_time: Time | None = field(name="T", default=None)  # futures only

    @property
    def ts_event(self) -> int:
        """Time at which the matching engine made the change; for spot, at which the message was made."""
        return to_nanoseconds(self.transaction_time or self.event_time)


class DepthSnapshot(Struct, gc=False):
    """Answer to a request for the order book."""

    last_update_id: Number = field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    event_time: Time | None = field(name="E", default=None)  # futures only
    transaction_time: Time | None = field(name="T", default=None)  # futures only

    @property
    def ts_event(self) -> int | None:
        time = self.transaction_time or self.event_time
        return None if time is None else to_nanoseconds(time)


class Trade(Struct, gc=False):
    """Trade."""

    symbol: str = field(name="s")
    transaction_time: Time = field(name="T")
    trade_id: Number = field(name="t")
    price: str = field(name="p")
    size: str = field(name="q")
    buyer_is_maker: bool = field(name="m")
    kind: str = field(name="X", default="MARKET")  # futures only; INSURANCE_FUND and ADL trade outside the book

    @property
    def ts_event(self) -> int:
        return to_nanoseconds(self.transaction_time)


class BookTicker(Struct, gc=False):
    """Best bid and offer after an update."""

    symbol: str = field(name="s")
    update_id: Number = field(name="u")
    bid_price: str = field(name="b")
    bid_size: str = field(name="B")
    ask_price: str = field(name="a")
    ask_size: str = field(name="A")


class Hint(Struct, gc=False):
    """Fields that tell the symbol of a message, and whether it is from a futures market."""

    symbol: str = field(name="s")
    event: str | None = field(name="e", default=None)
    previous: int | None = field(name="pu", default=None)
    trade_kind: str | None = field(name="X", default=None)
    pair: str | None = field(name="ps", default=None)  # COIN-M futures only

    @property
    def is_futures(self) -> bool:
        """True for futures, whose updates have `pu`, trades `X` and book tickers `e`, which those of spot lack."""
        fields = (self.previous, self.trade_kind, self.pair)
        return self.event == "bookTicker" or any(value is not None for value in fields)
