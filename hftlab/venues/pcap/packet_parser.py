"""Parser of a packet capture's bytes into UDP datagrams, without I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.pcap.datagrams import Datagrams, Flow
from hftlab.venues.pcap.description_blocks import SECTION, Order, interface_of, section_order
from hftlab.venues.pcap.flow_table import flow_of, with_more_flows
from hftlab.venues.pcap.ip_kernel import LINK_TYPES
from hftlab.venues.pcap.packet_kernel import (
    BLOCK,
    FLOWS,
    INPUT,
    LENGTH,
    SMALLEST,
    TRAILER,
    WRONG_INTERFACE,
    find_in_blocks,
    find_in_records,
)
from hftlab.venues.pcap.packet_state import (
    DIVISOR,
    FIELDS,
    FRAGMENT,
    LINK,
    MULTIPLIER,
    NOT_UDP,
    REASONS,
    SHIFT,
    TRUNCATED,
    UDP,
    UNKNOWN_LINK,
    PacketRows,
    new_state,
)

__all__ = ["PCAPNG_MAGIC", "PCAP_MAGICS", "BadCapture", "PacketParser", "PacketStats"]

Bytes = npt.NDArray[np.uint8]

PCAP_MAGICS: Final[dict[bytes, tuple[Order, int]]] = {
    b"\xd4\xc3\xb2\xa1": ("little", 1000),
    b"\x4d\x3c\xb2\xa1": ("little", 1),
    b"\xa1\xb2\xc3\xd4": ("big", 1000),
    b"\xa1\xb2\x3c\x4d": ("big", 1),
}
"""First bytes of a pcap file: its byte order, and the ns of a unit of its times."""

PCAPNG_MAGIC: Final = SECTION

_HEADER: Final = 24  # bytes of pcap's file header
_SECTION_HEAD: Final = 12  # bytes that give a section's byte order
_SECTION_LEAST: Final = 28
_LARGEST: Final = 1 << 24
_DAMAGE: Final = {
    LENGTH: "has a length that cannot be",
    TRAILER: "has two lengths that differ",
    WRONG_INTERFACE: "is of an interface that no block before it describes",
}


class BadCapture(Exception):
    """Damage of a capture: `position` is the byte at which the damaged record or block begins."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position


@dataclass(frozen=True, slots=True)
class PacketStats:
    """Counts of a capture's packets so far: each is a datagram, or counted by why it is not."""

    packets: int
    datagrams: int
    fragments: int  # of IP, which are not put together again
    not_udp: int  # ARP, TCP and other protocols
    truncated: int  # not captured as far as their datagram goes (snap length)
    not_understood: Counter[str]  # by reason: link type, IP header, length
    flows: int
    bytes: int  # of the capture, unpacked
    truncated_bytes: int  # at the end: part of a packet
    is_torn: bool  # the capture ends within a packet, or its packed stream before its end


class PacketParser:
    """Parser of one capture, pcap or pcapng. `is_torn` and `truncated_bytes` are for the caller to set."""

    def __init__(self) -> None:
        self.truncated_bytes, self.is_torn = 0, False
        self._state = new_state()
        self._flows: tuple[Flow, ...] = ()
        self._order: Order | None = None
        self._is_ng = False
        self._position = 0
        self._links: set[int] = set()

    def feed(self, data: Bytes, end: int) -> tuple[Datagrams, int]:
        """Parse the whole packets of data[:end], which go on where those before ended. Returns them and their bytes.

        Raises BadCapture for bytes that are neither pcap nor pcapng, and at damage, if nothing comes before it in
        these bytes; what comes before it is returned first.
        """
        rows, row, at = _new_rows(end), 0, 0
        if self._order is None:
            at = self._begin(data, end)
        why = FLOWS if self._order is not None else INPUT
        find = find_in_blocks if self._is_ng else find_in_records
        while why != INPUT:
            at, row, why = find(data, at, end, self._order == "little", self._state, rows, row)
            if why == FLOWS:
                self._state = with_more_flows(self._state)
            elif why == BLOCK:
                size = self._describe(data, at, end, stop=bool(at)) if self._is_ng else self._begin_file(data[at:end])
                if not size:
                    break
                at += size
            elif why != INPUT:
                if not at:
                    kind = "block" if self._is_ng else "record"
                    raise BadCapture(self._position, f"the {kind} there {_DAMAGE[why]}")
                break
        self._position += at
        columns = {name: column[:row] for name, column in rows._asdict().items()}
        return Datagrams(data=data, **columns, flows=self.flows), at

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Flows met so far; the same tuple until there is a new one."""
        known = int(self._state.known[0])
        if known > len(self._flows):
            self._flows += tuple(flow_of(self._state, number) for number in range(len(self._flows), known))
        return self._flows

    @property
    def stats(self) -> PacketStats:
        """Counts so far."""
        counts = self._state.counts.tolist()
        reasons = Counter({name: counts[what] for what, name in REASONS.items() if counts[what]})
        if unknown := reasons.pop(REASONS[UNKNOWN_LINK], 0):
            numbers = ", ".join(str(one) for one in sorted(self._links - LINK_TYPES.keys()))
            reasons[f"{REASONS[UNKNOWN_LINK]} {numbers}"] = unknown
        return PacketStats(
            packets=sum(counts),
            datagrams=counts[UDP],
            fragments=counts[FRAGMENT],
            not_udp=counts[NOT_UDP],
            truncated=counts[TRUNCATED],
            not_understood=reasons,
            flows=len(self.flows),
            bytes=self._position,
            truncated_bytes=self.truncated_bytes,
            is_torn=self.is_torn,
        )

    def _begin(self, data: Bytes, end: int) -> int:
        """Read the file's first bytes. Returns how many of them are behind."""
        magic = data[: min(4, end)].tobytes()
        if magic == PCAPNG_MAGIC:
            if end >= _SECTION_HEAD:
                self._is_ng = True
                self._order = section_order(data[:_SECTION_HEAD].tobytes())
                if self._order is None:
                    raise BadCapture(0, "the section header there has no byte order")
            return 0
        if len(magic) == 4 and magic not in PCAP_MAGICS:
            raise BadCapture(0, "neither pcap nor pcapng begins so")
        return self._begin_file(data[:end])

    def _begin_file(self, data: Bytes) -> int:
        """Read the header of a pcap file, the first or another behind it. Returns its size, 0 if it is not whole."""
        if len(data) < _HEADER:
            return 0
        self._order, unit = PCAP_MAGICS[data[:4].tobytes()]
        fields = [0] * FIELDS
        fields[LINK] = int.from_bytes(data[20:24].tobytes(), self._order) & 0xFFFF
        fields[MULTIPLIER], fields[DIVISOR], fields[SHIFT] = unit, 1, -1
        self._forget_interfaces()
        self._add_interface(fields)
        return _HEADER

    def _describe(self, data: Bytes, at: int, end: int, *, stop: bool) -> int:
        """Read the section header or interface at `at`. Returns its size, 0 if more bytes are needed.

        At damage it returns 0 with `stop`, which is the end of the bytes that are sound, and raises without.
        """
        block = data[at : min(at + _SECTION_LEAST, end)].tobytes()
        if block.startswith(SECTION):
            if len(block) < _SECTION_HEAD:
                return 0
            order = section_order(block)
            size = int.from_bytes(block[4:8], order or "big")
            if order is None or size < _SECTION_LEAST or size % 4 or size > _LARGEST:
                return self._damaged("the section header there has a length or byte order that cannot be", stop)
            if at + size > end:
                return 0
            self._order = order
            self._forget_interfaces()
            return size
        order = self._order or "big"
        size = int.from_bytes(block[4:8], order)
        try:
            self._add_interface(interface_of(data[at : at + size].tobytes(), order))
        except ValueError as error:
            return self._damaged(f"the block there {error}", stop)
        return size

    def _damaged(self, what: str, stop: bool) -> int:
        if not stop:
            raise BadCapture(self._position, what)
        return 0

    def _forget_interfaces(self) -> None:
        self._state = self._state._replace(interfaces=np.zeros((0, FIELDS), np.int64))

    def _add_interface(self, fields: list[int]) -> None:
        self._links.add(fields[LINK])
        interfaces = np.concatenate([self._state.interfaces, np.array([fields], np.int64)])
        self._state = self._state._replace(interfaces=interfaces)


def _new_rows(size: int) -> PacketRows:
    """Make columns for all datagrams that so many bytes can hold."""
    count = size // SMALLEST + 1
    times, start, end = np.empty((3, count), np.int64)
    return PacketRows(times, start, end, np.empty(count, np.int32))
