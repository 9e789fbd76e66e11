"""Writer of pcap files with times in ns: datagrams with Ethernet, IP and UDP headers.

Source: IETF draft "PCAP Capture File Format" (draft-ietf-opsawg-pcap), sections 4 and 5.
"""

from __future__ import annotations

import gzip
import struct
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from hftlab.errors import ArgumentError
from hftlab.venues.pcap.datagrams import Datagrams, Flow
from hftlab.venues.pcap.frame_kernel import LARGEST_PAYLOAD, FlowHeaders, flow_headers, frame_sizes, write_frames
from hftlab.venues.pcap.ip_kernel import ETHERNET

__all__ = ["PcapWriter"]

_NANOSECONDS: Final = 0xA1B23C4D
_SNAP: Final = 1 << 18
_LAST: Final = (1 << 32) * 10**9


class PcapWriter:
    """Writer of the pcap file at `path`, gzip if its name ends in .gz; a context manager.

    The file is little-endian. Headers are those of Ethernet, IPv4 or IPv6 (as a flow's addresses are) and UDP, with
    their checksums. A file that is there is replaced.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.size = 0
        """Bytes written, before they are packed."""
        is_gzip = str(path).endswith(".gz")
        self._file = gzip.open(path, "wb", compresslevel=6) if is_gzip else Path(path).open("wb")  # noqa: SIM115
        self._flows: tuple[Flow, ...] = ()
        self._headers: FlowHeaders | None = None
        self._put(struct.pack("<IHHIIII", _NANOSECONDS, 2, 4, 0, 0, _SNAP, ETHERNET))

    def write(self, datagrams: Datagrams) -> None:
        """Write datagrams in their order.

        Raises ArgumentError for a payload longer than UDP holds, a time before 1970 or after 2106, or a flow whose
        addresses or ports cannot be.
        """
        sizes = datagrams.end - datagrams.start
        if not len(sizes):
            return
        if (largest := int(sizes.max())) > LARGEST_PAYLOAD:
            raise ArgumentError(f"a payload has {largest:,} bytes: a datagram holds {LARGEST_PAYLOAD:,}, so split it")
        if datagrams.ts_recv.min() < 0 or datagrams.ts_recv.max() >= _LAST:
            raise ArgumentError(
                "ts_recv has times before 1970 or after 2106: pcap holds the ns since 1970 of a u32's s"
            )
        if self._headers is None or self._flows != datagrams.flows:
            try:
                self._headers = flow_headers(datagrams.flows)
            except (ValueError, OverflowError) as error:
                raise ArgumentError(f"a flow cannot be: {error}; give addresses of IP and ports of 16 bits") from error
            self._flows = datagrams.flows
        out = np.empty(frame_sizes(self._headers, sizes, datagrams.flow), np.uint8)
        write_frames(
            datagrams.data, datagrams.start, datagrams.end, datagrams.ts_recv, datagrams.flow, self._headers, out
        )
        self._put(out.data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _put(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self.size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
