"""Tables of ITCH messages with all their fields, and single messages as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import i64, in_place
from hftlab.venues.itch.byte_order import load_u16
from hftlab.venues.itch.message_layouts import LAYOUTS, PRICE_UNITS, SIZES, Field, Layout

if TYPE_CHECKING:
    import polars as pl

__all__ = ["find_messages", "message_bytes", "tables"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]


def tables(data: Bytes, starts: IntArray, first: int = 1) -> dict[str, pl.DataFrame]:
    """Decode the messages that begin at `starts` in `data` into a frame for each type.

    Columns are the message's number (counted from `first`), `stock_locate`, `tracking_number`, `timestamp` (ns since
    the venue's midnight) and the type's own fields by their names in the specification: text without its padding,
    prices in dollars. Messages of unknown types, and those not exactly as long as theirs, are left out.
    """
    kinds = np.where(starts < 0, 0, data[starts])
    return {
        letter: _table(layout, data, starts[chosen], chosen + first)
        for letter, layout in LAYOUTS.items()
        if len(chosen := np.flatnonzero(kinds == ord(letter)))
    }


def message_bytes(letter: str, **fields: int | str) -> bytes:
    """Encode one message after its length: integers as they are (prices in 1e-4, or 1e-8 for V), text padded.

    A field that is not given is 0 or blank. Raises KeyError for an unknown type or field, and OverflowError or
    ValueError for a value that does not fit its field.
    """
    layout = LAYOUTS[letter]
    if unknown := fields.keys() - {field.name for field in layout.fields}:
        raise KeyError(f"{layout.name} has no field {', '.join(sorted(unknown))}")
    fields["message_type"] = letter
    body = b"".join(_field_bytes(field, fields.get(field.name)) for field in layout.fields)
    return len(body).to_bytes(2, "big") + body


def _field_bytes(field: Field, value: int | str | None) -> bytes:
    if not field.kind.startswith("a"):
        return int(value or 0).to_bytes(field.width, "big")
    text = str(value or "").encode("ascii")
    if len(text) > field.width:
        raise ValueError(f"{field.name} is {text!r}, longer than {field.width} bytes")
    return text.ljust(field.width)


def _table(layout: Layout, data: Bytes, starts: IntArray, numbers: IntArray) -> pl.DataFrame:
    import polars as pl

    block = data[starts[:, None] + np.arange(layout.size)]
    columns = {field.name: _column(field, block) for field in layout.fields[1:]}
    texts = [field.name for field in layout.fields[1:] if field.kind.startswith("a")]
    frame = pl.DataFrame({"number": numbers, **columns})
    return frame.with_columns(pl.col(texts).str.strip_chars_end(" ")) if texts else frame


def _column(field: Field, block: Bytes) -> Any:
    part = block[:, field.offset : field.offset + field.width]
    if field.kind.startswith("a"):
        # In Latin-1 every byte is a character.
        return [text.decode("latin-1") for text in _whole(part, f"V{field.width}").tolist()]
    if field.kind == "u6":
        return _whole(np.concatenate([np.zeros((len(part), 2), np.uint8), part], axis=1), ">u8").astype(np.int64)
    values = _whole(part, f">u{field.width}").astype(f"u{field.width}")
    return values / PRICE_UNITS[field.kind] if field.kind in PRICE_UNITS else values


def _whole(part: Bytes, dtype: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(part).view(dtype)[:, 0]


@in_place
def find_messages(data: Bytes, at: int, end: int, starts: IntArray) -> tuple[int, int]:
    """Write where each whole message of data[at:end] begins after its length, -1 for one not as long as its type is.

    Returns (where the rest begins, how many messages); stops when `starts` is full.
    """
    count = 0
    while at + 2 <= end and count < len(starts):
        size = i64(load_u16(data, at))
        if at + 2 + size > end:
            break
        starts[count] = at + 2 if size > 0 and size == SIZES[data[at + 2]] else -1
        count += 1
        at += 2 + size
    return at, count
