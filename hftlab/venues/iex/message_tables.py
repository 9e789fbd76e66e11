"""Tables of IEX's messages with all their fields, segments of tables, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.iex.layouts import FORMAT, HEADER, LAYOUTS, LEAST_SIZES
from hftlab.venues.iex.segment_headers import LENGTH_SIZE, find_messages, segment_headers
from hftlab.venues.message_columns import decode_columns, encode_frame, encode_message
from hftlab.venues.message_columns import tables as columns_of
from hftlab.venues.pcap.datagrams import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MessageTables", "message_bytes", "packet_bytes"]

IntArray = npt.NDArray[np.int64]

_AT, _SIZE, _KIND, _PACKET, _SEQUENCE = range(5)
_PACKETS: Final = "packet"


class MessageTables:
    """Messages of segments as data frames by type; numbers run on from call to call."""

    def __init__(self) -> None:
        self._packets = self._messages = 0

    def tables(self, datagrams: Datagrams) -> dict[str, pl.DataFrame]:
        """Return a frame for each type that occurs, and one of the segments' headers ("packet")."""
        import polars as pl

        headers = segment_headers(datagrams)
        found = np.empty((int(headers.messages.sum()), 5), np.int64)
        find_messages(datagrams.data, datagrams.start, headers, found)
        numbers = np.cumsum(headers.is_segment) + self._packets
        heads: dict[str, npt.NDArray[Any]] = {
            "number": np.arange(1, len(found) + 1) + self._messages,
            "packet": numbers[found[:, _PACKET]],
            "ts_recv": datagrams.ts_recv[found[:, _PACKET]],
            "sequence": found[:, _SEQUENCE],
        }
        frames = columns_of(FORMAT, datagrams.data, found[:, _AT], _types(found), heads)
        frames = {letter: frame.drop("message_type") for letter, frame in frames.items()}
        count = int(headers.is_segment.sum())
        if count:
            columns = decode_columns(HEADER, FORMAT.order, datagrams.data, datagrams.start[headers.is_segment])
            first = {
                "packet": np.arange(1, count + 1) + self._packets,
                "ts_recv": datagrams.ts_recv[headers.is_segment],
            }
            frames = {_PACKETS: pl.DataFrame({**first, **columns}), **frames}
        self._packets += count
        self._messages += len(found)
        return frames


def packet_bytes(tables: Mapping[str, pl.DataFrame]) -> list[bytes]:
    """Encode the segments of tables, of "packet" and of each type, as `messages()` returns them.

    Raises KeyError for a type or field that there is not, ValueError for a value that does not fit.
    """
    import polars as pl

    headers = tables[_PACKETS]
    parts: list[tuple[int, int, bytes]] = []
    for letter, frame in tables.items():
        if letter == _PACKETS:
            continue
        layout = LAYOUTS[letter]
        rows = encode_frame(layout, FORMAT.order, frame.with_columns(pl.lit(letter).alias("message_type")))
        places = zip(frame["packet"].to_list(), frame["number"].to_list(), strict=True)
        size = layout.size.to_bytes(LENGTH_SIZE, FORMAT.order)
        parts += [(packet, number, size + row.tobytes()) for (packet, number), row in zip(places, rows, strict=True)]
    heads = encode_frame(HEADER, FORMAT.order, headers)
    packed = {packet: [row.tobytes()] for packet, row in zip(headers["packet"].to_list(), heads, strict=True)}
    for packet, _, message in sorted(parts):
        packed[packet].append(message)
    return [b"".join(one) for one in packed.values()]


def message_bytes(letter: str, **fields: int | str) -> bytes:
    """Encode one message behind its length: integers as they are (prices in 1e-4), text padded.

    What is not given is 0 or blank. Raises KeyError for an unknown type or field, OverflowError or ValueError for a
    value that does not fit its field.
    """
    layout = LAYOUTS[letter]
    body = encode_message(layout, FORMAT.order, **{**fields, "message_type": letter})
    return layout.size.to_bytes(LENGTH_SIZE, FORMAT.order) + body


def _types(found: IntArray) -> npt.NDArray[Any]:
    """Return each message's type as in the layouts, "" for one that is unknown or shorter than its type is."""
    kinds = found[:, _KIND]
    is_known = (LEAST_SIZES[kinds] > 0) & (found[:, _SIZE] >= LEAST_SIZES[kinds])
    return np.where(is_known, kinds, 0).astype(np.uint8).view("S1").astype("U1")
