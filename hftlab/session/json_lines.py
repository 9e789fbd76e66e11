"""Reads recorded JSON as columns, with the values that decoding each message by itself would give.

A payload is stored as it was received, and another implementation's JSON may be written in ways that polars and msgspec
do not agree on:

- Line breaks between tokens: legal JSON, but polars takes them for the end of a message.
- A key that occurs twice in one object: msgspec keeps the last value, polars the first.
- Unknown fields with numbers beyond a double or text that is not UTF-8: msgspec skips them, polars fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.protocol import JSON

__all__ = ["Header", "json_columns", "read_headers"]

_SAMPLE: Final = 64
_SPACES: Final = (b" ", b"\t", b"\r")


class Header(msgspec.Struct, gc=False):
    """The few fields of a message that say what it is; `symbol` is checked only in types that have one."""

    type: str
    symbol: Any = None


_headers: Final = msgspec.json.Decoder(Header)


def read_headers(payloads: Sequence[bytes]) -> list[Header]:
    """Decode type and symbol of each message and skip the rest, ten times as fast as decoding all of it."""
    try:
        return _headers.decode_lines(b"\n".join(payloads))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A type that has no symbol may carry one all the same, as an unknown field with any value in it.
        messages = map(JSON.decode, payloads)
        return [Header(one.type, getattr(one, "symbol", None)) for one in messages]


def json_columns(payloads: Sequence[bytes], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Return one row per message with the columns of `schema`, which are named and typed as on the wire.

    Payloads must be valid messages. If polars could read one of them differently, all are decoded and encoded again
    first, which takes about a third longer.
    """
    # A server that spells JSON in its own way does so in nearly every message: a few show it before all are read.
    is_plain = _read(payloads[:_SAMPLE], schema) is not None
    frame = _read(payloads, schema) if is_plain else None
    if frame is None:
        canonical = b"\n".join(JSON.encode(JSON.decode(payload)) for payload in payloads)
        frame = pl.read_ndjson(canonical, schema=schema)
    return frame


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
    except pl.exceptions.ComputeError:
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
