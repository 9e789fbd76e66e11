"""Lines of a Binance capture: their parts, and the symbol that all of them have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from hftlab.instruments import Instrument
from hftlab.venues.binance.messages import Envelope
from hftlab.venues.capture_file import bad_line, decode_line
from hftlab.venues.stamps import BadStamp, to_nanoseconds

__all__ = ["check_symbol", "decode", "split_line"]

_FORM: Final = "<ns> <JSON>"
_KRAKEN: Final = re.compile(rb"wss?://|[0-9.]+: ?[\[{]")

_envelope = msgspec.json.Decoder(Envelope)

T = TypeVar("T")


def split_line(path: Path, number: int, line: bytes) -> tuple[int, Envelope, Any]:
    """Split a line into receive time (ns), envelope, and the message itself, undecoded.

    Collectors write the receive time in ns; s, ms and µs are told by their size. Raises CaptureError.
    """
    stamp, payload = (*line.split(None, 1), b"", b"")[:2]
    try:
        ts_recv = to_nanoseconds(stamp)
    except BadStamp as bad:
        hint = "this looks like a Kraken capture" if _KRAKEN.match(line) else bad
        what = f"does not start with a receive time in ns: a line is `{_FORM}` ({hint})"
        raise bad_line(path, number, what) from bad
    envelope = decode(_envelope, path, number, payload)
    return ts_recv, envelope, payload if envelope.stream is None else envelope.data


def decode(decoder: msgspec.json.Decoder[T], path: Path, number: int, payload: Any) -> T:
    """Decode one message. Raises CaptureError naming path, line and field."""
    return decode_line(decoder, path, number, payload, "Binance", _FORM)


def check_symbol(path: Path, number: int, symbol: str, instrument: Instrument) -> None:
    """Raise CaptureError for a message of another symbol."""
    if symbol != instrument.symbol:
        what = f"has a message of {symbol} in a capture of {instrument.symbol}"
        raise bad_line(path, number, f"{what}: keep one symbol in a file, because a snapshot does not name its symbol")
