"""Tables of the feed's messages with all their fields, packets of tables, and single messages as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.venues.binary_layouts import Layouts
from hftlab.venues.message_columns import decode_columns, encode_frame, encode_message
from hftlab.venues.nyse.decoder_state import Packets
from hftlab.venues.nyse.layouts import HEADER, LAYOUTS, Version
from hftlab.venues.nyse.listing import Listing, listing_in
from hftlab.venues.nyse.packet_cursor import all_of, find_messages, find_packets
from hftlab.venues.packet_tables import AT, FIELDS, KIND, SIZE, PacketTables, pack_tables
from hftlab.venues.pcap import Datagrams

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MessageTables", "find_version", "layouts_of", "message_bytes", "packet_bytes"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

_SHORTEST: Final = 4  # bytes of a message
_CONDITIONS_SINCE: Final = 1_640_995_200  # 2022, in whose first months trade conditions took the place of DBExecID


class MessageTables:
    """Messages of packets as data frames by type; numbers, and names of symbols, run on from call to call.

    `mapping` names symbols that the packets do not name; `version` None means that of the first packets.
    """

    def __init__(self, version: Version | None, mapping: Mapping[int, Listing]) -> None:
        self.version = version
        self._listings = dict(mapping)
        self._given = frozenset(mapping)
        self._tables = PacketTables(HEADER, ("msg_size", "msg_type"))

    def tables(self, datagrams: Datagrams) -> dict[str, pl.DataFrame]:
        """Return a frame for each type that occurs, and one of the packets' headers ("packet")."""
        packets = all_of(datagrams)
        found = _found(packets)
        if self.version is None:
            self.version = _version(datagrams.data, found, packets)
        layouts = LAYOUTS[self.version]
        types = _types(found, layouts)
        self._learn(datagrams.data, found[types == "3"])
        frames = self._tables.tables(layouts, datagrams, find_packets(packets), found, types)
        return {kind: self._named(frame) for kind, frame in frames.items()}

    def _learn(self, data: Bytes, found: IntArray) -> None:
        for at, size in found[:, [AT, SIZE]].tolist():
            message = data[at : at + size].tobytes()
            index, listing = int.from_bytes(message[4:8], "little"), listing_in(message)
            if listing is not None and index not in self._given:
                self._listings[index] = listing

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put each symbol and its price scale before the fields, as far as they are known."""
        import polars as pl

        if "symbol_index" not in frame.columns:
            return frame
        indexes = frame["symbol_index"].to_list()
        listings = [self._listings.get(index) for index in indexes]
        names = pl.Series("symbol", [None if one is None else one.symbol for one in listings], pl.String)
        scales = pl.Series("price_scale", [None if one is None else one.price_scale for one in listings], pl.UInt8)
        if "symbol" in frame.columns:  # type 3 has both itself
            return frame
        return frame.insert_column(4, names).insert_column(5, scales)


def packet_bytes(tables: Mapping[str, pl.DataFrame], version: Version) -> list[bytes]:
    """Encode the packets of tables, of "packet" and of each type, as `messages()` returns them.

    Raises KeyError for a type or field that the version does not have, ValueError for a value that does not fit.
    """
    layouts = layouts_of(version)
    return pack_tables(tables, HEADER, layouts.order, lambda kind, frame: _encoded(layouts, kind, frame))


def _encoded(layouts: Layouts, kind: str, frame: pl.DataFrame) -> Iterator[bytes]:
    import polars as pl

    layout = layouts.by_type[kind]
    whole = frame.with_columns(pl.lit(layout.size).alias("msg_size"), pl.lit(int(kind)).alias("msg_type"))
    return (row.tobytes() for row in encode_frame(layout, layouts.order, whole))


def message_bytes(kind: str, version: Version = "2.5", **fields: int | str) -> bytes:
    """Encode one message: integers as they are, text padded; what is not given is 0 or blank.

    Raises KeyError for an unknown type or field, OverflowError or ValueError for a value that does not fit its field.
    """
    layouts = layouts_of(version)
    layout = layouts.by_type[kind]
    return encode_message(layout, layouts.order, **{**fields, "msg_size": layout.size, "msg_type": int(kind)})


def layouts_of(version: Version) -> Layouts:
    """Return the layouts of a version. Raises ArgumentError for another one."""
    if version not in LAYOUTS:
        raise ArgumentError(f"version is {version!r}: give one of {', '.join(get_args(Version))}")
    return LAYOUTS[version]


def find_version(datagrams: Datagrams) -> Version:
    """Tell the version of packets by what differs.

    That is, in this order: whether executions and trades (103, 110) end with trade conditions; the size of an imbalance
    (105: 67 bytes in 2.1, 73 in 2.5); a side in 101 and 104; and, where there are none, whether the packets were sent
    before 2022, when the conditions came.
    """
    packets = all_of(datagrams)
    return _version(datagrams.data, _found(packets), packets)


def _found(packets: Packets) -> IntArray:
    """Return where each message is: its place, size, type, datagram and sequence number."""
    room = int((packets.end - packets.start).sum()) // _SHORTEST
    found = np.empty((room, FIELDS), np.int64)
    return found[: find_messages(packets, found)]


def _version(data: Bytes, found: IntArray, packets: Packets) -> Version:
    for kind, end in ((103, 42), (110, 33)):
        chosen = found[(found[:, KIND] == kind) & (found[:, SIZE] >= end), AT]
        if len(chosen):
            tail = data[chosen[:, None] + np.arange(end - 4, end)]
            has_conditions = np.isin(tail[:, 0], list(b"@C")) & ((tail >= 0x20) & (tail < 0x7F)).all(axis=1)
            return "2.5" if has_conditions.all() else "2.1"
    sizes = found[found[:, KIND] == 105, SIZE]
    if len(sizes):
        return "2.5" if sizes[0] >= LAYOUTS["2.5"].by_type["105"].size else "2.1"
    for kind, place in ((101, 33), (104, 40)):
        chosen = found[(found[:, KIND] == kind) & (found[:, SIZE] > place), AT]
        if len(chosen) and np.isin(data[chosen + place], list(b"BS")).all():
            return "2.5"
    starts = packets.start[find_packets(packets)]
    sent = decode_columns(HEADER, "little", data, starts[:1])["send_time"]
    return "2.5" if not len(sent) or sent[0] >= _CONDITIONS_SINCE else "2.1"


def _types(found: IntArray, layouts: Layouts) -> npt.NDArray[Any]:
    """Return each message's type as in the layouts, "" for one that is shorter than its type is."""
    types = found[:, KIND].astype("U5")
    least = np.zeros(1 << 16, np.int64)
    for kind, layout in layouts.by_type.items():
        least[int(kind)] = layout.size
    return np.where(found[:, SIZE] >= least[found[:, KIND]], types, "")
