"""Market data on its way over NATS: a header, and JSON that a gateway sends on as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from hftlab.protocol.encoded_market_data import EncodedMarketData, parts_of
from hftlab.protocol.market_data import MarketData, MarketDataSymbol
from hftlab.protocol.messages import Arbitrage, Gap, Message

__all__ = ["HEADER", "FrameKind", "MarketFrame", "joined", "part_frames", "part_of", "whole_frame", "whole_of"]

HEADER: Final = "Hftlab"
"""Name of the one header of a message: NATS carries what is needed before the payload is looked at."""

_encode: Final[Any] = msgspec.json.Encoder().encode
_decode: Final[Any] = msgspec.json.Decoder(Arbitrage | Gap).decode


class _Head(msgspec.Struct, array_like=True):
    """Fields of a message beside its symbols, and the Parts of the one symbol."""

    id: str | None
    ts_recv: float | None
    parts: int


_decode_head: Final[Any] = msgspec.json.Decoder(_Head).decode


class FrameKind(StrEnum):
    """Kind of a frame: state of a symbol, another message of it, or (a snapshot's) that nothing is known of it yet."""

    PART = "p"
    WHOLE = "w"
    NOTHING = "n"


class MarketFrame(NamedTuple):
    """Message of one symbol with the numbers of its header.

    `run` is the publisher's, `sequence` counts its messages of the symbol. A source's message of several symbols is as
    many frames, which have its `group` number; `more` of them follow. `split` is the length of the symbol's JSON
    without trades, behind which it comes once more with them; 0 if there are none.
    """

    run: str
    sequence: int
    kind: FrameKind
    group: int
    more: int
    split: int
    payload: bytes

    @property
    def header(self) -> str:
        """The header as text."""
        return f"{self.run} {self.sequence} {self.kind} {self.group} {self.more} {self.split}"

    @staticmethod
    def of(header: str, payload: bytes) -> MarketFrame:
        """Take a frame apart. Raises ValueError."""
        run, sequence, kind, group, more, split = header.split(" ")
        return MarketFrame(run, int(sequence), FrameKind(kind), int(group), int(more), int(split), payload)


def part_frames(message: MarketData, run: str, group: int, sequences: Iterable[int]) -> Iterator[MarketFrame]:
    """Encode MARKET_DATA, a frame a symbol; `sequences` are the symbols' own."""
    more = len(message.symbols)
    for symbol, sequence in zip(message.symbols, sequences, strict=True):
        more -= 1
        head = _encode(_Head(message.id, message.ts_recv, parts_of(symbol)))
        if symbol.trades is None:
            split, text = 0, _encode(symbol)
        else:
            state = _encode(msgspec.structs.replace(symbol, trades=None))
            split, text = len(state), state + _encode(symbol)
        yield MarketFrame(run, sequence, FrameKind.PART, group, more, split, head + b"\n" + text)


def whole_frame(message: Arbitrage | Gap, run: str, group: int, sequence: int, more: int = 0) -> MarketFrame:
    """Encode a message that is about one symbol; of a GAP of several symbols each is told so, and `more` follow."""
    return MarketFrame(run, sequence, FrameKind.WHOLE, group, more, 0, _encode(message))


def whole_of(frame: MarketFrame) -> Message:
    """Decode what whole_frame() has made. Raises msgspec.DecodeError."""
    message: Message = _decode(frame.payload)
    return message


class Part(NamedTuple):
    """Symbol of a MARKET_DATA message, encoded: `state` without its trades and `text` with them."""

    symbol: str
    head: _Head
    state: bytes
    text: bytes


def part_of(symbol: str, frame: MarketFrame) -> Part:
    """Take the frame of a symbol apart; nothing of the symbol is decoded. Raises msgspec.DecodeError, ValueError."""
    head, _, text = frame.payload.partition(b"\n")
    if not frame.split:
        return Part(symbol, _decode_head(head), text, text)
    return Part(symbol, _decode_head(head), text[: frame.split], text[frame.split :])


_alike: Final[dict[tuple[tuple[str, int], ...], dict[str, int]]] = {}
"""Parts of messages by what they are: one object for messages alike."""
_MOST: Final = 10_000


def joined(parts: Sequence[Part]) -> EncodedMarketData | MarketData:
    """Join the symbols of one message; decoded if one of them comes twice, as the second is merged with the first."""
    first = parts[0].head
    key = tuple([(part.symbol, part.head.parts) for part in parts])
    known = _alike.get(key)
    if known is None:
        if len(_alike) >= _MOST:
            _alike.clear()
        known = _alike[key] = dict(key)
    if len(parts) == 1:
        one = parts[0]
        state = b"[%b]" % one.state
        text = state if one.text is one.state else b"[%b]" % one.text
    else:
        state = text = b"[%b]" % b",".join([part.state for part in parts])
        if any(part.text is not part.state for part in parts):
            text = b"[%b]" % b",".join([part.text for part in parts])
    head = MarketData(timestamp=1.0, id=first.id, symbols=_NO_SYMBOLS, ts_recv=first.ts_recv)
    encoded = EncodedMarketData(head, known, state, text)
    return encoded if len(known) == len(parts) else encoded.decoded()


_NO_SYMBOLS: Final[list[MarketDataSymbol]] = []
