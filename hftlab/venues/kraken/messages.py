"""Messages of Kraken's book channel, and the lines of its captures, as far as hftlab reads them.

Source: Kraken, "WebSocket API v1", Book: a snapshot [channelID, {"as", "bs"}, "book-DEPTH", pair], and updates with
"a", "b" or both (in one object or in two), the checksum "c" in the last of them. A level is [price, volume, timestamp],
followed by "r" in a republished update. Messages that are not arrays are events such as heartbeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import bad_line, decode_line, symbol_in
from hftlab.venues.stamps import BadStamp, to_nanoseconds

__all__ = ["BookMessage", "Event", "Kind", "Level", "Line", "decode_book", "decode_event", "split_line"]

Stamp: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,10}\.[0-9]{1,9}\Z")]

_FORM: Final = "<seconds>: <JSON>"
_BOOK: Final = re.compile(r"book-([0-9]{1,5})")
_CONNECTION: Final = re.compile(rb"wss?://\S+ <-> ")
_REQUEST: Final = re.compile(rb"wss?://\S+ <- ")
_RECEIVED: Final = re.compile(rb"([0-9]{1,20}(?:\.[0-9]{1,20})?): ?")
_SECOND_VERSION: Final = re.compile(rb'[^{"]*\{ *"(?:channel|method)" *:')
_BINANCE: Final = re.compile(rb"[0-9.]+ \{")


class Level(Struct, array_like=True, gc=False):
    """Level with its new total; a volume of 0 removes it."""

    price: str
    size: str
    time: Stamp
    republished: str | None = None


class _Part(Struct, gc=False):
    snapshot_asks: list[Level] | None = field(name="as", default=None)
    snapshot_bids: list[Level] | None = field(name="bs", default=None)
    asks: list[Level] | None = field(name="a", default=None)
    bids: list[Level] | None = field(name="b", default=None)
    checksum: Annotated[str, Meta(pattern=r"^[0-9]{1,10}\Z")] | None = field(name="c", default=None)


class Event(Struct, gc=False):
    """Event such as a heartbeat or a change of subscription."""

    event: str
    status: str | None = None

    @property
    def name(self) -> str:
        """Name of the event, with its status, for counts."""
        return self.event if self.status is None else f"{self.event} {self.status}"


class BookMessage(NamedTuple):
    """Snapshot or update of one pair; `checksum` is None where the message has none."""

    pair: str
    depth: int
    is_snapshot: bool
    bids: list[Level]
    asks: list[Level]
    checksum: int | None


class Kind(Enum):
    """Kind of a line."""

    CONNECTION = "connection"
    REQUEST = "request"
    EVENT = "event"
    CHANNEL = "channel"


class Line(NamedTuple):
    """Line of a capture, its JSON undecoded."""

    kind: Kind
    ts_recv: int
    payload: bytes


_items = msgspec.json.Decoder(list[Raw])
_name = msgspec.json.Decoder(str)
_part = msgspec.json.Decoder(_Part)
_event = msgspec.json.Decoder(Event)


def split_line(path: Path, number: int, line: bytes) -> Line:
    """Split a line into its kind, receive time in ns (0 if it has none) and JSON.

    Receive times are in seconds; ms, µs and ns are told by their size. Raises CaptureError.
    """
    if _SECOND_VERSION.match(line):
        raise _second_version(path, number)
    received = _RECEIVED.match(line)
    if received is not None:
        payload = line[received.end() :]
        kind = Kind.CHANNEL if payload[:1] == b"[" else Kind.EVENT
        return Line(kind, _receive_time(path, number, received[1]), payload)
    if _CONNECTION.match(line):
        return Line(Kind.CONNECTION, 0, b"")
    if _REQUEST.match(line):
        return Line(Kind.REQUEST, 0, b"")
    hint = " (this looks like a Binance capture)" if _BINANCE.match(line) else ""
    raise bad_line(path, number, f"does not start with a receive time in seconds: a line is `{_FORM}`{hint}")


def _receive_time(path: Path, number: int, stamp: bytes) -> int:
    try:
        return to_nanoseconds(stamp)
    except BadStamp as bad:
        what = f"does not start with a receive time in seconds: a line is `{_FORM}` ({bad})"
        raise bad_line(path, number, what) from bad


def _second_version(path: Path, number: int) -> CaptureError:
    what = "is of Kraken's WebSocket API v2 in a capture of API v1: keep them in two files"
    return bad_line(path, number, what)


def decode_event(path: Path, number: int, payload: bytes) -> Event:
    """Decode an event. Raises CaptureError."""
    return decode_line(_event, path, number, payload, "Kraken", _FORM)


def decode_book(path: Path, number: int, payload: bytes) -> BookMessage | str:
    """Decode a message of the book channel, or return the name of another channel. Raises CaptureError."""
    items = decode_line(_items, path, number, payload, "Kraken", _FORM)
    if len(items) < 4:
        raise bad_line(path, number, f"is not a Kraken message ({len(items)} elements): a line is `{_FORM}`")
    channel, pair = (decode_line(_name, path, number, item, "Kraken", _FORM) for item in items[-2:])
    book = _BOOK.fullmatch(channel)
    if book is None:
        return channel
    parts = [decode_line(_part, path, number, item, "Kraken", _FORM) for item in items[1:-2]]
    checksum = next((int(part.checksum) for part in parts if part.checksum is not None), None)
    is_snapshot = any(part.snapshot_asks is not None or part.snapshot_bids is not None for part in parts)
    symbol_in(path, number, pair)
    return BookMessage(pair, int(book[1]), is_snapshot, list(_bids(parts)), list(_asks(parts)), checksum)


def _bids(parts: list[_Part]) -> Iterator[Level]:
    for part in parts:
        yield from part.snapshot_bids or part.bids or ()


def _asks(parts: list[_Part]) -> Iterator[Level]:
    for part in parts:
        yield from part.snapshot_asks or part.asks or ()
