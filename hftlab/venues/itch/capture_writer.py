"""ITCH written as a packet capture: messages in MoldUDP64 packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Final

import numpy as np

from hftlab.events import EventBatch
from hftlab.venues.itch.encoder import Encoder
from hftlab.venues.moldudp64 import Packer
from hftlab.venues.pcap import Datagrams, Flow, PcapWriter

__all__ = ["LINES", "SESSION", "PacketEncoder", "write_capture"]

SESSION: Final = "HFTLAB"
LINES: Final = (Flow("10.0.0.1", 26400, "239.255.0.1", 26400), Flow("10.0.1.1", 26400, "239.255.0.2", 26400))
"""Lines A and B of a capture, in the range of groups that belong to nobody (RFC 2365)."""


class PacketEncoder:
    """Encoder of EventBatches as the MoldUDP64 packets of one session on some lines, without I/O.

    Raises as `Encoder`, whose messages it packs.
    """

    def __init__(self, encoder: Encoder, session: str = SESSION, flows: tuple[Flow, ...] = LINES[:1]) -> None:
        self._encoder, self._flows = encoder, flows
        self._packer, self._last = Packer(session), 0

    def encode(self, batch: EventBatch) -> Iterator[Datagrams]:
        """Encode a batch."""
        data, ends = self._encoder.encode_rows(batch)
        if not len(batch):
            return
        # Rows of one time share packets; what comes before the first row, such as its directory, is of its time.
        border = np.append(np.flatnonzero(np.diff(batch.ts_recv)), len(batch) - 1)
        run_end, times = ends[border], batch.ts_recv[border]
        run_end[-1] = len(data)
        self._last = int(times[-1])
        yield self._packer.pack(np.frombuffer(bytearray(data), np.uint8), run_end, times, *self._flows)

    def end(self) -> Iterator[Datagrams]:
        """Encode the end of the day and of the session."""
        data = self._encoder.end()
        whole, times = np.array([len(data)]), np.array([self._last])
        yield self._packer.pack(np.frombuffer(bytearray(data), np.uint8), whole, times, *self._flows)
        yield self._packer.end(self._last, *self._flows)


def write_capture(
    path: str | PathLike[str], encoder: Encoder, batches: Iterable[EventBatch], session: str, flows: tuple[Flow, ...]
) -> int:
    """Write batches as a capture of one session on some lines. Returns its bytes. Raises as `write()` does."""
    packets = PacketEncoder(encoder, session, flows)
    with PcapWriter(path) as writer:
        for batch in batches:
            for datagrams in packets.encode(batch):
                writer.write(datagrams)
        for datagrams in packets.end():
            writer.write(datagrams)
        return writer.size
