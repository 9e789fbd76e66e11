"""Frames of Kraken's WebSocket API v2, as far as hftlab reads them.

Source: Kraken, "Spot WebSocket v2": channels `book`, `trade` and `instrument`, and the answers to `subscribe`. Prices
and quantities are JSON numbers with all decimals of the pair, zeros too, of which the checksum is made: they are kept
as texts.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field

from hftlab.venues.stamps import BadStamp

__all__ = [
    "BAD_FRAME",
    "Answer",
    "BookData",
    "Frame",
    "LevelText",
    "Pair",
    "TradeData",
    "decode_frame",
    "texts_of",
]

_NUMBER: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")
_EXPONENT: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}")

LevelText: TypeAlias = tuple[str, str]
"""Price and quantity as decimal texts."""

BAD_FRAME: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadStamp)
"""Exceptions of decode_frame() for bytes that are not a frame, and of what is read from one."""


class _Level(Struct, gc=False):
    price: Raw
    size: Raw = field(name="qty")


class BookData(Struct, gc=False):
    """Snapshot or update of one pair's book: the new totals of levels, 0 for one that is gone."""

    symbol: str
    bids: list[_Level]
    asks: list[_Level]
    checksum: int
    timestamp: str | None = None  # snapshots have it since 2024


class TradeData(Struct, gc=False):
    """Trade; `side` is that of the taker, `trade_id` counts up within the pair."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Raw
    size: Raw = field(name="qty")
    trade_id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    timestamp: str


class Pair(Struct, gc=False):
    """Pair of the channel `instrument`: its decimals, and the steps in which orders may be placed."""

    symbol: str
    base: str
    quote: str
    status: str
    price_precision: int
    size_precision: int = field(name="qty_precision")


class _Pairs(Struct, gc=False):
    pairs: list[Pair] = []


class Granted(Struct, gc=False):
    """Subscription of which an answer speaks."""

    channel: str = ""
    symbol: str | None = None
    depth: int | None = None


class Answer(Struct, gc=False):
    """Answer to a request: `success` is False with an `error`, and `symbol` is the one that was refused."""

    method: str
    success: bool = True
    error: str | None = None
    symbol: str | None = None
    req_id: int | None = None
    result: Granted = field(default_factory=Granted)


class Frame(Struct, gc=False):
    """Frame of a channel, of which `data` is undecoded; of an answer, `channel` is empty."""

    channel: str = ""
    type: str = ""
    data: Raw = Raw(b"")
    method: str = ""

    @property
    def is_snapshot(self) -> bool:
        """True for a snapshot."""
        return self.type == "snapshot"

    @property
    def name(self) -> str:
        """Name of the channel or method, for counts."""
        return self.channel or self.method or "neither channel nor method"

    def books(self) -> list[BookData]:
        """Decode the data of the channel `book`."""
        return _books.decode(self.data)

    def trades(self) -> list[TradeData]:
        """Decode the data of the channel `trade`."""
        return _trades.decode(self.data)

    def pairs(self) -> list[Pair]:
        """Decode the pairs of the channel `instrument`."""
        return _pairs.decode(self.data).pairs


_frame: Final = msgspec.json.Decoder(Frame)
_books: Final = msgspec.json.Decoder(list[BookData])
_trades: Final = msgspec.json.Decoder(list[TradeData])
_pairs: Final = msgspec.json.Decoder(_Pairs)
_answer: Final = msgspec.json.Decoder(Answer)


def decode_frame(payload: bytes) -> Frame | Answer:
    """Decode one frame. Raises one of BAD_FRAME."""
    frame = _frame.decode(payload)
    return _answer.decode(payload) if frame.method and not frame.channel else frame


def number_text(raw: Any) -> str:
    """Return a JSON number as a decimal text, without an exponent. Raises msgspec.ValidationError for another value."""
    text = bytes(raw).decode()
    if _NUMBER.fullmatch(text):
        return text
    if _EXPONENT.fullmatch(text) and _NUMBER.fullmatch(plain := f"{Decimal(text):f}"):
        return plain
    raise msgspec.ValidationError(f"Expected a number without a sign, got `{text[:40]}`")


def texts_of(levels: list[_Level]) -> list[LevelText]:
    """Return price and quantity of each level as texts. Raises msgspec.ValidationError."""
    return [(number_text(level.price), number_text(level.size)) for level in levels]
