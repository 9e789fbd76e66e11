"""ITCH written as a packet capture: messages in MoldUDP64 packets."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Final

import numpy as np

from hftlab.events import EventBatch
from hftlab.venues.itch.encoder import Encoder
from hftlab.venues.moldudp64 import Packer
from hftlab.venues.pcap import Flow, PcapWriter

__all__ = ["LINES", "SESSION", "write_capture"]

SESSION: Final = "HFTLAB"
LINES: Final = (Flow("10.0.0.1", 26400, "239.255.0.1", 26400), Flow("10.0.1.1", 26400, "239.255.0.2", 26400))
"""Lines A and B of a capture, in the range of groups that belong to nobody (RFC 2365)."""


def write_capture(
    path: str | PathLike[str], encoder: Encoder, batches: Iterable[EventBatch], session: str, flows: tuple[Flow, ...]
) -> int:
    """Write batches as a capture of one session on some lines. Returns its bytes. Raises as `write()` does."""
    packer, last = Packer(session), 0
    with PcapWriter(path) as writer:
        for batch in batches:
            data, ends = encoder.encode_rows(batch)
            if not len(batch):
                continue
            # Rows of one time share packets; what comes before the first row, such as its directory, is of its time.
            border = np.append(np.flatnonzero(np.diff(batch.ts_recv)), len(batch) - 1)
            run_end, times = ends[border], batch.ts_recv[border]
            run_end[-1] = len(data)
            last = int(times[-1])
            writer.write(packer.pack(np.frombuffer(bytearray(data), np.uint8), run_end, times, *flows))
        data = encoder.end()
        whole = np.array([len(data)])
        writer.write(packer.pack(np.frombuffer(bytearray(data), np.uint8), whole, np.array([last]), *flows))
        writer.write(packer.end(last, *flows))
        return writer.size
