"""UDP datagrams of a packet capture, as columns over the captured bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Datagrams", "Flow"]


class Flow(NamedTuple):
    """Flow of datagrams: the addresses, as text, and UDP ports that they come from and go to."""

    source: str
    source_port: int
    destination: str
    destination_port: int


@dataclass(frozen=True, slots=True, eq=False)
class Datagrams:
    """UDP datagrams in the order of their capture; one contiguous numpy array of equal length per column.

    The payload of datagram i is `data[start[i]:end[i]]`. `ts_recv` is when it was captured, in int64 ns since 1970 UTC;
    `flow` is the number of its Flow in `flows`, which a reader only ever extends.
    """

    data: npt.NDArray[np.uint8]
    ts_recv: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    flow: npt.NDArray[np.int32]
    flows: tuple[Flow, ...]

    @classmethod
    def of(cls, payloads: Sequence[bytes], ts_recv: int | Sequence[int], *flows: Flow) -> Datagrams:
        """Make datagrams of some payloads, received at one time or at a time each.

        Each goes out on the next of the flows in turn: on two, as a venue's A and B lines, one after the other.
        """
        ends = np.cumsum([len(one) for one in payloads], dtype=np.int64)
        count = len(payloads)
        return cls(
            data=np.frombuffer(bytearray(b"".join(payloads)), np.uint8),
            ts_recv=np.broadcast_to(np.array(ts_recv, np.int64), count).copy(),
            start=np.concatenate([np.zeros(min(1, count), np.int64), ends[:-1]]),
            end=ends,
            flow=np.arange(count, dtype=np.int32) % np.int32(len(flows)),
            flows=flows,
        )

    def __len__(self) -> int:
        return len(self.start)

    def payload(self, number: int) -> bytes:
        """Return the payload of one datagram."""
        return self.data[self.start[number] : self.end[number]].tobytes()
