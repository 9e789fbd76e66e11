"""Reads recorded JSON as columns, with the values that decoding each message by itself would give.

A payload is stored as it was received, and another implementation's JSON may be written in ways that polars and msgspec
do not agree on:

- Line breaks between tokens: legal JSON, but polars takes them for the end of a message.
- A key that occurs twice in one object: msgspec keeps the last value, polars the first.
- Unknown fields with numbers beyond a double or text that is not UTF-8: msgspec skips them, polars fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import polars as pl

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON
from hftlab.session.unknown_fields import unknown_fields

__all__ = ["Decoded", "Header", "decoded_lines", "exact_columns", "read_headers", "read_type"]

_SAMPLE: Final = 64
_NAMED: Final = 20
"""Fields that a reason names."""
_SPACES: Final = (b" ", b"\t", b"\r")


class Header(msgspec.Struct, gc=False):
    """The few fields of a message that say what it is; `symbol` is checked only in types that have one."""

    type: str
    symbol: Any = None


class _Type(msgspec.Struct, gc=False):
    type: Any = None


_headers: Final = msgspec.json.Decoder(Header)
_types: Final = msgspec.json.Decoder(_Type)


def read_headers(payloads: Sequence[bytes]) -> list[Header]:
    """Decode type and symbol of each message and skip the rest, ten times as fast as decoding all of it."""
    try:
        return _headers.decode_lines(b"\n".join(payloads))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A type that has no symbol may carry one all the same, as an unknown field with any value in it.
        messages = map(JSON.decode, payloads)
        return [Header(one.type, getattr(one, "symbol", None)) for one in messages]


def read_type(payload: bytes) -> str | None:
    """Return the type that a message which does not decode names, None if it cannot be told."""
    try:
        kind = _types.decode(payload).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return kind if isinstance(kind, str) and "\0" not in kind else None


class Decoded(NamedTuple):
    """Messages that decode, encoded anew, their places among all, and what that does not say of a message."""

    lines: list[bytes]
    places: list[int]
    reasons: dict[int, str]


def exact_columns(
    payloads: Sequence[bytes], schema: Mapping[str, Any], struct: type[msgspec.Struct]
) -> pl.DataFrame | None:
    """Return one row per message with the columns of `schema`, which are named and typed as on the wire.

    None if a payload is no valid message of the type `struct`, if it has fields that are not in the schema, or if
    polars could read it differently than msgspec does.
    """
    # A server that spells JSON in its own way does so in nearly every message: a few show it before all are read.
    if _read(payloads[:_SAMPLE], schema) is None:
        return None
    frame = _read(payloads, schema)
    # polars knows neither the bounds of a field nor which fields there have to be, and makes a text of a number.
    return frame if frame is not None and _all_decode(payloads, struct) else None


def decoded_lines(payloads: Sequence[bytes], struct: type[msgspec.Struct]) -> Decoded:
    """Decode messages of one type one by one, and encode them in hftlab's own spelling, in which polars reads them.

    Reasons are there for messages with unknown fields, and for those that do not decode, which have no line.
    """
    lines, places, reasons = [], [], {}
    for place, payload in enumerate(payloads):
        try:
            message = JSON.decode(payload)
        except MessageParseError as exc:
            reasons[place] = str(exc)
            continue
        if not isinstance(message, struct):
            reasons[place] = f"the message is recorded as another type than {message.type}, which it says it has"
            continue
        if unknown := unknown_fields(payload, struct):
            more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
            reasons[place] = f"unknown fields: {', '.join(unknown[:_NAMED])}{more}"
        places.append(place)
        lines.append(JSON.encode(message))
    return Decoded(lines, places, reasons)


def _all_decode(payloads: Sequence[bytes], struct: type[msgspec.Struct]) -> bool:
    try:
        return all(isinstance(JSON.decode(payload), struct) for payload in payloads)
    except MessageParseError:
        return False


def _lines(payloads: Sequence[bytes]) -> bytes:
    lines = b"\n".join(payloads)
    if lines.count(b"\n") < len(payloads):
        return lines
    # JSON text never holds a raw line break within a string: each of them is whitespace.
    return b"\n".join(payload.replace(b"\n", b" ") for payload in payloads)


def _read(payloads: Sequence[bytes], schema: Mapping[str, Any]) -> pl.DataFrame | None:
    """Read payloads with polars. Returns None if it fails, or if msgspec might take other values from them."""
    lines = _lines(payloads)
    if _has_spaced_colon(lines):
        return None  # the count below would miss its key
    try:
        frame = pl.read_ndjson(lines, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    # `":` ends each key and may occur in a text: there are at least as many as keys. Every value that was read has a
    # key of its own, and each message has its type besides. Equal counts leave no room for a key that occurs twice.
    is_exact = lines.count(b'":') == len(payloads) + sum(map(_values, frame))
    return frame if is_exact and frame.height == len(payloads) else None


def _values(column: pl.Series) -> int:
    """Count the values in a column that have a key of their own, those in nested structs included."""
    nested = column.explode() if isinstance(column.dtype, pl.List) else column
    if not isinstance(nested.dtype, pl.Struct):
        return column.count()
    return column.count() + sum(_values(nested.struct.field(name)) for name in nested.struct.fields)


def _has_spaced_colon(lines: bytes) -> bool:
    """Tell whether a colon follows whitespace, as it may between a key and its value."""
    # One byte is found far faster than two, and most often there is none of them.
    return any(space in lines and space + b":" in lines for space in _SPACES)
