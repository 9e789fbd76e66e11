"""Tables of the messages of packets with all their fields, numbered from part to part, and packets of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.binary_layouts import ByteOrder, Layout, Layouts
from hftlab.venues.message_columns import decode_columns, encode_frame
from hftlab.venues.message_columns import tables as columns_of
from hftlab.venues.pcap.datagrams import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["AT", "FIELDS", "KIND", "PACKETS", "SIZE", "PacketTables", "pack_tables"]

IntArray = npt.NDArray[np.int64]

AT, SIZE, KIND, _PACKET, _SEQUENCE = range(5)
FIELDS: Final = 5
"""Fields of a message that was found: where it begins, its size, type, datagram and sequence number."""

PACKETS: Final = "packet"
"""Name of the table of headers."""


class PacketTables:
    """Tables of a format whose packets have the layout `header`; `implied` are the fields that tables leave out.

    Those are the length and type of a message, which its table tells. Numbers of packets and messages run on from call
    to call.
    """

    def __init__(self, header: Layout, implied: tuple[str, ...]) -> None:
        self._header, self._implied = header, implied
        self._packets = self._messages = 0

    def tables(
        self,
        layouts: Layouts,
        datagrams: Datagrams,
        is_packet: npt.NDArray[np.bool_],
        found: IntArray,
        types: npt.NDArray[Any],
    ) -> dict[str, pl.DataFrame]:
        """Return a frame of the packets' headers ("packet"), and one for each type of message that occurs.

        `found` has a row of FIELDS for each message, `types` its type as in the layouts; messages of others are left
        out.
        """
        import polars as pl

        numbers = np.cumsum(is_packet) + self._packets
        heads: dict[str, npt.NDArray[Any]] = {
            "number": np.arange(1, len(found) + 1) + self._messages,
            "packet": numbers[found[:, _PACKET]],
            "ts_recv": datagrams.ts_recv[found[:, _PACKET]],
            "sequence": found[:, _SEQUENCE],
        }
        frames = columns_of(layouts, datagrams.data, found[:, AT], types, heads)
        frames = {kind: frame.drop(self._implied) for kind, frame in frames.items()}
        starts = datagrams.start[is_packet]
        if len(starts):
            columns = decode_columns(self._header, layouts.order, datagrams.data, starts)
            first = {"packet": numbers[is_packet], "ts_recv": datagrams.ts_recv[is_packet]}
            frames = {PACKETS: pl.DataFrame({**first, **columns}), **frames}
        self._packets += len(starts)
        self._messages += len(found)
        return frames


def pack_tables(
    tables: Mapping[str, pl.DataFrame],
    header: Layout,
    order: ByteOrder,
    encode: Callable[[str, pl.DataFrame], Iterable[bytes]],
) -> list[bytes]:
    """Put the headers of the table "packet" before the messages that `encode` makes of those of each type.

    Raises KeyError for a field that there is not, ValueError for a value that does not fit.
    """
    parts: list[tuple[int, int, bytes]] = []
    for kind, frame in tables.items():
        if kind != PACKETS:
            columns = frame["packet"].to_list(), frame["number"].to_list(), encode(kind, frame)
            parts += zip(*columns, strict=True)
    headers = tables[PACKETS]
    packed = {
        packet: [row.tobytes()]
        for packet, row in zip(headers["packet"].to_list(), encode_frame(header, order, headers), strict=True)
    }
    for packet, _, message in sorted(parts):
        packed[packet].append(message)
    return [b"".join(one) for one in packed.values()]
