"""Tables of MITCH's messages with all their fields, units of tables, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.message_columns import decode_columns, encode_frame, encode_message
from hftlab.venues.message_columns import tables as columns_of
from hftlab.venues.mitch.layouts import FORMAT, HEADER, LAYOUTS
from hftlab.venues.mitch.unit_headers import MOST_MESSAGES, find_messages, unit_headers
from hftlab.venues.pcap.datagrams import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MessageTables", "message_bytes", "packet_bytes"]

IntArray = npt.NDArray[np.int64]

_AT, _SIZE, _KIND, _PACKET, _SEQUENCE = range(5)
_PACKETS: Final = "packet"


class MessageTables:
    """Messages of units as data frames by type; numbers run on from call to call."""

    def __init__(self) -> None:
        self._packets = self._messages = 0

    def tables(self, datagrams: Datagrams) -> dict[str, pl.DataFrame]:
        """Return a frame for each type that occurs, and one of the units' headers ("packet")."""
        import polars as pl

        headers = unit_headers(datagrams)
        found = np.empty((MOST_MESSAGES * len(datagrams), 5), np.int64)
        found = found[: find_messages(datagrams.data, datagrams.start, headers, found)]
        numbers = np.cumsum(headers.is_unit) + self._packets
        heads: dict[str, npt.NDArray[Any]] = {
            "number": np.arange(1, len(found) + 1) + self._messages,
            "packet": numbers[found[:, _PACKET]],
            "ts_recv": datagrams.ts_recv[found[:, _PACKET]],
            "sequence": found[:, _SEQUENCE],
        }
        frames = columns_of(FORMAT, datagrams.data, found[:, _AT], _types(found), heads)
        frames = {kind: frame.drop("length", "message_type") for kind, frame in frames.items()}
        count = int(headers.is_unit.sum())
        if count:
            columns = decode_columns(HEADER, FORMAT.order, datagrams.data, datagrams.start[headers.is_unit])
            first = {
                "packet": np.arange(1, count + 1) + self._packets,
                "ts_recv": datagrams.ts_recv[headers.is_unit],
            }
            frames = {_PACKETS: pl.DataFrame({**first, **columns}), **frames}
        self._packets += count
        self._messages += len(found)
        return frames


def packet_bytes(tables: Mapping[str, pl.DataFrame]) -> list[bytes]:
    """Encode the units of tables, of "packet" and of each type, as `messages()` returns them.

    Raises KeyError for a type or field that there is not, ValueError for a value that does not fit.
    """
    import polars as pl

    headers = tables[_PACKETS]
    parts: list[tuple[int, int, bytes]] = []
    for kind, frame in tables.items():
        if kind == _PACKETS:
            continue
        layout = LAYOUTS[kind]
        whole = frame.with_columns(pl.lit(layout.size).alias("length"), pl.lit(int(kind, 16)).alias("message_type"))
        places = zip(frame["packet"].to_list(), frame["number"].to_list(), strict=True)
        rows = encode_frame(layout, FORMAT.order, whole)
        parts += [(packet, number, row.tobytes()) for (packet, number), row in zip(places, rows, strict=True)]
    heads = encode_frame(HEADER, FORMAT.order, headers)
    packed = {packet: [row.tobytes()] for packet, row in zip(headers["packet"].to_list(), heads, strict=True)}
    for packet, _, message in sorted(parts):
        packed[packet].append(message)
    return [b"".join(one) for one in packed.values()]


def message_bytes(kind: str, **fields: int | str) -> bytes:
    """Encode one message: integers as they are (prices in 1e-8), text padded; what is not given is 0 or blank.

    Raises KeyError for an unknown type or field, OverflowError or ValueError for a value that does not fit its field.
    """
    layout = LAYOUTS[kind]
    return encode_message(layout, FORMAT.order, **{**fields, "length": layout.size, "message_type": int(kind, 16)})


def _types(found: IntArray) -> npt.NDArray[Any]:
    """Return each message's type as in the layouts, "" for one that is unknown or shorter than its type is."""
    names, least = np.full(256, "", "U4"), np.zeros(256, np.int64)
    for kind, layout in LAYOUTS.items():
        names[int(kind, 16)], least[int(kind, 16)] = kind, layout.size
    kinds = found[:, _KIND]
    return np.where(found[:, _SIZE] >= least[kinds], names[kinds], "")
