"""Tables of MITCH's messages with all their fields, units of tables, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hftlab.venues.message_columns import encode_frame, encode_message
from hftlab.venues.mitch.layouts import FORMAT, HEADER, LAYOUTS
from hftlab.venues.mitch.unit_headers import find_messages, unit_headers
from hftlab.venues.packet_tables import FIELDS, KIND, SIZE, PacketTables, pack_tables
from hftlab.venues.pcap.datagrams import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MessageTables", "message_bytes", "packet_bytes"]


class MessageTables:
    """Messages of units as data frames by type; numbers run on from call to call."""

    def __init__(self) -> None:
        self._tables = PacketTables(HEADER, ("length", "message_type"))

    def tables(self, datagrams: Datagrams) -> dict[str, pl.DataFrame]:
        """Return a frame for each type that occurs, and one of the units' headers ("packet")."""
        headers = unit_headers(datagrams)
        found = np.empty((int(headers.messages.sum()), FIELDS), np.int64)
        find_messages(datagrams.data, datagrams.start, headers, found)
        return self._tables.tables(FORMAT, datagrams, headers.is_unit, found, _types(found))


def packet_bytes(tables: Mapping[str, pl.DataFrame]) -> list[bytes]:
    """Encode the units of tables, of "packet" and of each type, as `messages()` returns them.

    Raises KeyError for a type or field that there is not, ValueError for a value that does not fit.
    """
    return pack_tables(tables, HEADER, FORMAT.order, _encoded)


def _encoded(kind: str, frame: pl.DataFrame) -> Iterator[bytes]:
    import polars as pl

    layout = LAYOUTS[kind]
    whole = frame.with_columns(pl.lit(layout.size).alias("length"), pl.lit(int(kind, 16)).alias("message_type"))
    return (row.tobytes() for row in encode_frame(layout, FORMAT.order, whole))


def message_bytes(kind: str, **fields: int | str) -> bytes:
    """Encode one message: integers as they are (prices in 1e-8), text padded; what is not given is 0 or blank.

    Raises KeyError for an unknown type or field, OverflowError or ValueError for a value that does not fit its field.
    """
    layout = LAYOUTS[kind]
    return encode_message(layout, FORMAT.order, **{**fields, "length": layout.size, "message_type": int(kind, 16)})


def _types(found: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return each message's type as in the layouts, "" for one that is unknown or shorter than its type is."""
    names, least = np.full(256, "", "U4"), np.zeros(256, np.int64)
    for kind, layout in LAYOUTS.items():
        names[int(kind, 16)], least[int(kind, 16)] = kind, layout.size
    kinds = found[:, KIND]
    return np.where(found[:, SIZE] >= least[kinds], names[kinds], "")
