"""Signs by which text files are told apart: captures of Binance and Kraken, LOBSTER's tables, CSV, JSON, HTML."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hftlab.venues.capture_file import strip_line

__all__ = ["describe_text"]

_LINES: Final = 50
_SHOWN: Final = 60
_PADDING: Final = re.compile(rb"[\0\x1a]+(?=[\r\n]|\Z)")
_BOM: Final = b"\xef\xbb\xbf"
_KRAKEN: Final = re.compile(
    rb'[0-9]{1,10}(?:\.[0-9]+)?: ?[\[{]|[0-9]+(?:\.[0-9]+)?[ \t]+\{ *"(?:channel|method|error)" *:|wss?://\S+ <-'
)
_BINANCE: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)?[ \t]+(?=\{)")
_SNAPSHOT: Final = re.compile(rb'\{"lastUpdateId":[0-9]+,[^\[]{0,100}"bids":\[')
"""Beginning of a snapshot, which may be longer than the head of a file."""
_BINANCE_EVENTS: Final = {"depthUpdate", "trade", "aggTrade", "bookTicker", "24hrTicker", "kline", "markPriceUpdate"}
_DELIMITERS: Final = (b",", b";", b"\t", b"|")
_MESSAGE_COLUMNS: Final = 6
_DATABENTO: Final = (b"ts_event", b"rtype", b"publisher_id", b"instrument_id")
_MESSAGE_TYPES: Final = range(1, 8)

Found = tuple[str | None, str]


def describe_text(head: bytes) -> Found | None:
    """Return (the format that reads it, or None; what it is) for the head of a text file, None for a binary one."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, "text in UTF-16"
    text = _PADDING.sub(b"", head.removeprefix(_BOM))
    if not _is_text(text):
        return None
    lines = [line for row in text.splitlines() if (line := strip_line(row))]
    if len(lines) > 1 and not text.endswith(b"\n"):
        lines.pop()  # the head may end within it
    lines = lines[:_LINES]
    return next((found for sign in _SIGNS if (found := sign(lines)) is not None), (None, "plain text"))


def _is_text(text: bytes) -> bool:
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _kraken(lines: list[bytes]) -> Found | None:
    return ("kraken", "a capture of Kraken's messages") if lines and _all(lines, _KRAKEN) else None


def _binance(lines: list[bytes]) -> Found | None:
    if not lines or not _all(lines, _BINANCE):
        return None
    texts = [line[match.end() :] for line in lines if (match := _BINANCE.match(line)) is not None]
    if any(_is_binance(_json(text)) or _SNAPSHOT.match(text) for text in texts):
        return "binance", "a capture of Binance's messages"
    return None, "lines of JSON after a time, of another venue than Binance"


def _is_binance(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    inner = message.get("data", message)
    is_stream = "@" in str(message.get("stream", ""))
    is_event = isinstance(inner, dict) and inner.get("e") in _BINANCE_EVENTS
    return is_stream or is_event or {"lastUpdateId", "bids", "asks"} <= message.keys()


def _json_lines(lines: list[bytes]) -> Found | None:
    if not lines or lines[0][:1] not in (b"{", b"["):
        return None
    message = _json(lines[0])
    if _is_binance(message):
        return None, "messages of Binance without the time at which each was received (a line is `<ns> <JSON>`)"
    fields = ", ".join(list(message)[:4]) if isinstance(message, dict) else ""
    return None, f"JSON with the fields {_shown(fields.encode())}" if fields else "JSON"


def _markup(lines: list[bytes]) -> Found | None:
    first = lines[0].lower() if lines else b""
    if first.startswith((b"<!doctype html", b"<html")):
        return None, "an HTML page, as a failed download leaves one"
    return (None, "XML") if first.startswith(b"<") else None


def _lobster(lines: list[bytes]) -> Found | None:
    rows = [_numbers(line) for line in lines]
    if not rows or None in rows:
        return None
    widths = {len(row) for row in rows if row is not None}
    if widths == {_MESSAGE_COLUMNS} and all(row is not None and _is_message(row) for row in rows):
        return "lobster", "a LOBSTER message file"
    (width, *others) = widths
    if not others and width % 4 == 0 and all(row is not None and _is_book(row) for row in rows):
        return None, "a LOBSTER order book (name the message file beside it, and read it as 'lobster')"
    return None


def _is_message(row: list[float]) -> bool:
    return row[1] in _MESSAGE_TYPES and row[5] in (-1, 1) and 0 <= row[0] <= 86_400


def _is_book(row: list[float]) -> bool:
    return all(number.is_integer() for number in row) and (row[0] > row[2] or row[1] == 0 or row[3] == 0)


def _numbers(line: bytes) -> list[float] | None:
    try:
        return [float(text) for text in line.split(b",")]
    except ValueError:
        return None


def _databento(lines: list[bytes]) -> Found | None:
    names = lines[0].split(b",") if lines else []
    return ("dbn", "Databento's CSV") if all(name in names for name in _DATABENTO) else None


def _csv(lines: list[bytes]) -> Found | None:
    for delimiter in _DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines)
        if len(lines) > 1 and len(counts) == 1 and 0 not in counts:
            return None, f"a CSV file that begins with {_shown(lines[0])}"
    return None


def _all(lines: list[bytes], pattern: re.Pattern[bytes]) -> bool:
    """Tell whether the first line fits, and most of the others."""
    fitting = sum(pattern.match(line) is not None for line in lines)
    return pattern.match(lines[0]) is not None and 2 * fitting > len(lines)


def _json(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _shown(text: bytes) -> str:
    shown = text.decode("utf-8", "replace")
    return repr(shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}...")


_SIGNS: Final[tuple[Callable[[list[bytes]], Found | None], ...]] = (
    _kraken,
    _binance,
    _json_lines,
    _markup,
    _lobster,
    _databento,
    _csv,
)
