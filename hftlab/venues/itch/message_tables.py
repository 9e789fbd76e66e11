"""Tables of ITCH messages with all their fields, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_u16
from hftlab.kernels.compiling import i64, in_place
from hftlab.venues.itch.message_layouts import FORMAT, LAYOUTS, SIZES
from hftlab.venues.message_columns import encode_frame, encode_message
from hftlab.venues.message_columns import tables as columns_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["file_bytes", "find_messages", "message_bytes", "tables"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]


def tables(data: Bytes, starts: IntArray, first: int = 1) -> dict[str, pl.DataFrame]:
    """Decode the messages that begin at `starts` in `data` into a frame for each type.

    Columns are the message's number (counted from `first`), `stock_locate`, `tracking_number`, `timestamp` (ns since
    the venue's midnight) and the type's own fields by their names in the specification: text without its padding,
    prices in dollars. Messages of unknown types, and those not exactly as long as theirs, are left out.
    """
    heads = {"number": np.arange(first, first + len(starts))}
    found = columns_of(FORMAT, data, starts, _letters(data, starts), heads)
    return {letter: frame.drop("message_type") for letter, frame in found.items()}


def _letters(data: Bytes, starts: IntArray) -> npt.NDArray[Any]:
    """Return the letter of each message, "" for none."""
    kinds = np.where(starts < 0, 0, data[starts])
    return kinds.astype(np.uint8).view("S1").astype("U1")


def message_bytes(letter: str, **fields: int | str) -> bytes:
    """Encode one message after its length: integers as they are (prices in 1e-4, or 1e-8 for V), text padded.

    A field that is not given is 0 or blank. Raises KeyError for an unknown type or field, and OverflowError or
    ValueError for a value that does not fit its field.
    """
    body = encode_message(LAYOUTS[letter], FORMAT.order, **{**fields, "message_type": letter})
    return len(body).to_bytes(2, "big") + body


def file_bytes(tables: Mapping[str, pl.DataFrame]) -> bytes:
    """Encode the messages of tables by letter, as `messages()` returns them: a file of them, by their `number`.

    Raises KeyError for a type or field that there is not, ValueError for a value that does not fit.
    """
    import polars as pl

    parts: list[tuple[int, bytes]] = []
    for letter, frame in tables.items():
        layout = LAYOUTS[letter]
        rows = encode_frame(layout, FORMAT.order, frame.with_columns(pl.lit(letter).alias("message_type")))
        length = layout.size.to_bytes(2, "big")
        parts += zip(frame["number"].to_list(), (length + row.tobytes() for row in rows), strict=True)
    return b"".join(message for _, message in sorted(parts))


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
