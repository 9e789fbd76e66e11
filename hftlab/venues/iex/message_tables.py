"""Tables of IEX's messages with all their fields, segments of tables, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hftlab.venues.iex.layouts import FORMAT, HEADER, LAYOUTS, LEAST_SIZES
from hftlab.venues.iex.segment_headers import LENGTH_SIZE, find_messages, segment_headers
from hftlab.venues.message_columns import encode_frame, encode_message
from hftlab.venues.packet_tables import FIELDS, KIND, SIZE, PacketTables, pack_tables
from hftlab.venues.pcap.datagrams import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MessageTables", "message_bytes", "packet_bytes"]


class MessageTables:
    """Messages of segments as data frames by type; numbers run on from call to call."""

    def __init__(self) -> None:
        self._tables = PacketTables(HEADER, ("message_type",))

    def tables(self, datagrams: Datagrams) -> dict[str, pl.DataFrame]:
        """Return a frame for each type that occurs, and one of the segments' headers ("packet")."""
        headers = segment_headers(datagrams)
        found = np.empty((int(headers.messages.sum()), FIELDS), np.int64)
        find_messages(datagrams.data, datagrams.start, headers, found)
        return self._tables.tables(FORMAT, datagrams, headers.is_segment, found, _types(found))


def packet_bytes(tables: Mapping[str, pl.DataFrame]) -> list[bytes]:
    """Encode the segments of tables, of "packet" and of each type, as `messages()` returns them.

    Raises KeyError for a type or field that there is not, ValueError for a value that does not fit.
    """
    return pack_tables(tables, HEADER, FORMAT.order, _encoded)


def _encoded(letter: str, frame: pl.DataFrame) -> Iterator[bytes]:
    import polars as pl

    layout = LAYOUTS[letter]
    size = layout.size.to_bytes(LENGTH_SIZE, FORMAT.order)
    rows = encode_frame(layout, FORMAT.order, frame.with_columns(pl.lit(letter).alias("message_type")))
    return (size + row.tobytes() for row in rows)


def message_bytes(letter: str, **fields: int | str) -> bytes:
    """Encode one message behind its length: integers as they are (prices in 1e-4), text padded.

    What is not given is 0 or blank. Raises KeyError for an unknown type or field, OverflowError or ValueError for a
    value that does not fit its field.
    """
    layout = LAYOUTS[letter]
    body = encode_message(layout, FORMAT.order, **{**fields, "message_type": letter})
    return layout.size.to_bytes(LENGTH_SIZE, FORMAT.order) + body


def _types(found: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return each message's type as in the layouts, "" for one that is unknown or shorter than its type is."""
    kinds = found[:, KIND]
    is_known = (LEAST_SIZES[kinds] > 0) & (found[:, SIZE] >= LEAST_SIZES[kinds])
    return np.where(is_known, kinds, 0).astype(np.uint8).view("S1").astype("U1")
