"""Packets of MoldUDP64 made of messages."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.venues.moldudp64.packet_kernel import plan_packets, write_packets
from hftlab.venues.moldudp64.packets import HEADER, end_of_session, heartbeat, session_bytes
from hftlab.venues.pcap.datagrams import Datagrams, Flow
from hftlab.venues.pcap.frame_kernel import LARGEST_PAYLOAD

__all__ = ["Packer"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

_LEAST: Final = HEADER + 2
_MOST: Final = 1400
"""Bytes of a packet that any network carries whole."""


class Packer:
    """Packer of the messages of one session, numbered from `sequence` on, into packets of at most `most` bytes.

    A longer message has a packet of its own. Raises ArgumentError for a session that is not up to ten characters of
    ASCII.
    """

    def __init__(self, session: str, *, sequence: int = 1, most: int = _MOST) -> None:
        if not _LEAST <= most <= LARGEST_PAYLOAD:
            raise ArgumentError(f"packets of at most {most:,} bytes cannot be: give {_LEAST} to {LARGEST_PAYLOAD:,}")
        self.session, self.sequence = session, sequence
        self._most = most
        self._name = np.frombuffer(bytearray(session_bytes(session)), np.uint8)

    def pack(self, data: Bytes, run_end: IntArray, ts_recv: IntArray, *flows: Flow) -> Datagrams:
        """Pack messages that follow each other in `data`, each behind its length in two bytes.

        Those up to each of `run_end` (the last is the end of the data) are sent at `ts_recv` of the same place, in
        packets of their own, on every one of the flows.
        """
        end = int(run_end[-1]) if len(run_end) else 0
        start, stop, count, run = np.empty((4, end // 2 + 1), np.int64)
        packets = plan_packets(data, end, run_end, self._most, start, stop, count, run)
        start, stop, count, run = start[:packets], stop[:packets], count[:packets], run[:packets]
        out = np.empty(end + HEADER * packets, np.uint8)
        self.sequence = write_packets(data, start, stop, count, self._name, self.sequence, out)
        ends = np.cumsum(HEADER + stop - start)
        return self._on_each(
            Datagrams(out, ts_recv[run], ends - (HEADER + stop - start), ends, run.astype(np.int32), flows)
        )

    def heartbeat(self, ts_recv: int, *flows: Flow) -> Datagrams:
        """Make a heartbeat on each flow."""
        return Datagrams.of([heartbeat(self.session, self.sequence)] * len(flows), ts_recv, *flows)

    def end(self, ts_recv: int, *flows: Flow) -> Datagrams:
        """Make the packet that ends the session on each flow."""
        return Datagrams.of([end_of_session(self.session, self.sequence)] * len(flows), ts_recv, *flows)

    def _on_each(self, datagrams: Datagrams) -> Datagrams:
        """Send each datagram on every flow, one after the other."""
        lines = len(datagrams.flows)
        return Datagrams(
            data=datagrams.data,
            ts_recv=np.repeat(datagrams.ts_recv, lines),
            start=np.repeat(datagrams.start, lines),
            end=np.repeat(datagrams.end, lines),
            flow=np.tile(np.arange(lines, dtype=np.int32), len(datagrams)),
            flows=datagrams.flows,
        )
