"""Lines of a Binance capture: their parts, their symbol and its instrument."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from hftlab.errors import CaptureError
from hftlab.instruments import BINANCE, BINANCE_USDM, UNIT, Instrument, find_instrument
from hftlab.venues.binance.messages import Envelope, Hint, Kind
from hftlab.venues.capture_file import bad_line, decode_line, read_lines

__all__ = ["check_symbol", "decode", "detect_instrument", "split_line"]

_FINEST: Final = UNIT // 10**8  # Binance writes no more than eight decimals
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")

_envelope = msgspec.json.Decoder(Envelope)
_hint = msgspec.json.Decoder(Hint)

T = TypeVar("T")


def split_line(path: Path, number: int, line: bytes) -> tuple[int, Envelope, Any]:
    """Split a line into receive time (ns), envelope, and the message itself, undecoded. Raises CaptureError."""
    stamp, _, payload = line.partition(b" ")
    # isdigit() of bytes knows ASCII only; 19 digits are the most an int64 has.
    if not (stamp.isdigit() and len(stamp) <= 19 and 0 < (ts_recv := int(stamp)) < 2**63):
        raise bad_line(path, number, "does not start with a receive time in ns: a line is `<ns> <JSON>`")
    envelope = decode(_envelope, path, number, payload)
    return ts_recv, envelope, payload if envelope.stream is None else envelope.data


def decode(decoder: msgspec.json.Decoder[T], path: Path, number: int, payload: Any) -> T:
    """Decode one message. Raises CaptureError naming path, line and field."""
    return decode_line(decoder, path, number, payload, "Binance", "<ns> <JSON>")


def detect_instrument(path: Path) -> Instrument:
    """Return the instrument of a capture's first message that names a symbol. Raises CaptureError if none does."""
    for number, line in read_lines(path):
        _, envelope, payload = split_line(path, number, line)
        if envelope.kind in (Kind.DEPTH, Kind.TRADE, Kind.BOOK_TICKER):
            return _instrument(decode(_hint, path, number, payload))
    raise CaptureError(
        f"{path} has no Binance message of depth, trade or bookTicker: name a capture of these streams", path=path
    )


def _instrument(hint: Hint) -> Instrument:
    venue = BINANCE_USDM if hint.is_futures else BINANCE
    currency = next((quote for quote in _QUOTES if hint.symbol.endswith(quote)), venue.currency)
    return find_instrument(hint.symbol, venue) or Instrument(hint.symbol, venue, _FINEST, _FINEST, currency)


def check_symbol(path: Path, number: int, symbol: str, instrument: Instrument) -> None:
    """Raise CaptureError for a message of another symbol."""
    if symbol != instrument.symbol:
        what = f"has a message of {symbol} in a capture of {instrument.symbol}"
        raise bad_line(path, number, f"{what}: keep one symbol in a file, because a snapshot does not name its symbol")
