"""Messages of binary formats as columns of their fields, and as bytes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.binary_layouts import ByteOrder, Field, Layout, Layouts

if TYPE_CHECKING:
    import polars as pl

__all__ = ["decode_columns", "encode_frame", "encode_message", "tables"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

_WORD: Final = 8
_EXACT: Final = 4
"""Bytes of a price up to which a double holds its decimals exactly; wider ones become decimals."""


def tables(
    layouts: Layouts, data: Bytes, starts: IntArray, types: npt.NDArray[Any], heads: dict[str, npt.NDArray[Any]]
) -> dict[str, pl.DataFrame]:
    """Decode the messages that begin at `starts` in `data` into a frame for each type that occurs.

    `types` are the messages' types as in the layouts, each of which has to be whole there: those of other types are
    left out. Columns are those of `heads` (what is known of each message), and the fields by their names in the
    specification: text without its padding, prices in units of currency, as doubles up to four bytes, and as decimals
    beyond.
    """
    import polars as pl

    found = {}
    for type_, layout in layouts.by_type.items():
        chosen = np.flatnonzero(types == type_)
        if len(chosen):
            columns = decode_columns(layout, layouts.order, data, starts[chosen])
            found[type_] = pl.DataFrame({**{name: of[chosen] for name, of in heads.items()}, **columns})
    return found


def decode_columns(layout: Layout, order: ByteOrder, data: Bytes, starts: IntArray) -> dict[str, Any]:
    """Return a column for each field of the messages of one type that begin at `starts`."""
    block = data[starts[:, None] + np.arange(layout.size)]
    return {field.name: _column(field, order, block) for field in layout.fields}


def encode_frame(layout: Layout, order: ByteOrder, frame: pl.DataFrame) -> Bytes:
    """Encode rows as decode_columns() returns them: an array of (rows, bytes of a message).

    Raises KeyError for a field that is missing, ValueError for a value that does not fit its field.
    """
    out = np.empty((len(frame), layout.size), np.uint8)
    for field in layout.fields:
        if field.name not in frame.columns:
            raise KeyError(f"{layout.name} needs the field {field.name}")
        out[:, field.offset : field.offset + field.width] = _encoded(field, order, frame[field.name])
    return out


def encode_message(layout: Layout, order: ByteOrder, **fields: int | str) -> bytes:
    """Encode one message: integers as they are (also of prices), text padded; what is not given is 0 or blank.

    Raises KeyError for an unknown field, OverflowError or ValueError for a value that does not fit its field.
    """
    if unknown := fields.keys() - {field.name for field in layout.fields}:
        raise KeyError(f"{layout.name} has no field {', '.join(sorted(unknown))}")
    return b"".join(_one(field, order, fields.get(field.name)) for field in layout.fields)


def _one(field: Field, order: ByteOrder, value: int | str | None) -> bytes:
    if not field.is_text:
        return int(value or 0).to_bytes(field.width, order, signed=field.is_signed)
    return _padded(field, str(value or ""))


def _padded(field: Field, value: str) -> bytes:
    text = value.encode("latin-1")
    if len(text) > field.width:
        raise ValueError(f"{field.name} is {text!r}, longer than {field.width} bytes")
    return text.ljust(field.width, b" " if field.kind == "a" else b"\0")


# --- columns from bytes ---


def _column(field: Field, order: ByteOrder, block: Bytes) -> Any:
    part = block[:, field.offset : field.offset + field.width]
    if field.is_text:
        pad = " " if field.kind == "a" else "\0"
        # In Latin-1 every byte is a character.
        return [text.decode("latin-1").rstrip(pad) for text in _whole(part, f"V{field.width}").tolist()]
    values = _integers(field, order, part)
    if not field.is_price:
        return values
    return values / 10**field.decimals if field.width <= _EXACT else _decimals(values, field.decimals)


def _integers(field: Field, order: ByteOrder, part: Bytes) -> npt.NDArray[Any]:
    width = next(size for size in (1, 2, 4, 8) if size >= field.width)
    if width > field.width:  # u3, u6 and the like
        wide = np.zeros((len(part), width), np.uint8)
        at = width - field.width if order == "big" else 0
        wide[:, at : at + field.width] = part
        if field.is_signed:
            signs = part[:, 0 if order == "big" else -1] >> 7
            rest = slice(0, at) if order == "big" else slice(field.width, width)
            wide[:, rest] = (signs * 255)[:, None]
        part = wide
    letter = "i" if field.is_signed else "u"
    native: npt.NDArray[Any] = _whole(part, f"{'>' if order == 'big' else '<'}{letter}{width}")
    # Times are of six or eight bytes, and people subtract them.
    return native.astype(np.int64 if 6 <= field.width < _WORD else f"{letter}{width}")


def _decimals(values: npt.NDArray[Any], decimals: int) -> Any:
    """Return integers of 10**-decimals as exact decimals."""
    import polars as pl
    import pyarrow as pa

    words = np.empty((len(values), 2), np.uint64)
    words[:, 0] = values.astype(np.uint64)
    words[:, 1] = np.where(values < 0, np.uint64(2**64 - 1), np.uint64(0))
    buffer = pa.py_buffer(words.tobytes())
    return pl.Series(pa.Decimal128Array.from_buffers(pa.decimal128(38, decimals), len(values), [None, buffer]))


def _whole(part: Bytes, dtype: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(part).view(dtype)[:, 0]


# --- bytes from columns ---


def _encoded(field: Field, order: ByteOrder, column: pl.Series) -> Bytes:
    if field.is_text:
        joined = b"".join(_padded(field, value) for value in column.to_list())
        return np.frombuffer(joined, np.uint8).reshape(len(column), field.width)
    values = _as_integers(field, column)
    # Through Python's integers, which tell what does not fit.
    try:
        joined = b"".join(int(value).to_bytes(field.width, order, signed=field.is_signed) for value in values)
    except OverflowError:
        bits = 8 * field.width - field.is_signed
        least = -(2**bits) if field.is_signed else 0
        wrong = next(value for value in values if not least <= value < 2**bits)
        raise ValueError(f"{field.name} is {wrong}, which does not fit into {field.width} bytes") from None
    return np.frombuffer(joined, np.uint8).reshape(len(column), field.width)


def _as_integers(field: Field, column: pl.Series) -> list[int]:
    values = column.to_list()
    if not field.is_price:
        return [int(value) for value in values]
    scale = 10**field.decimals
    return [round(value * scale) for value in values]
