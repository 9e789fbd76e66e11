"""Packet captures: pcap and pcapng files, plain, gzip or zstd, as UDP datagrams.

Sources: IETF drafts "PCAP Capture File Format" (draft-ietf-opsawg-pcap) and "PCAP Now Generic (pcapng) Capture File
Format" (draft-ietf-opsawg-pcapng).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Progress
from hftlab.venues.content_stream import ContentStream, check_content
from hftlab.venues.pcap.datagrams import Datagrams
from hftlab.venues.pcap.packet_parser import BadCapture, PacketParser, PacketStats
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["Reader", "read"]

_BLOCK: Final = 1 << 20


def read(path: str | PathLike[str], *, progress: Progress | None = None) -> Reader:
    """Read a packet capture: an iterator of Datagrams, the UDP datagrams of one part of the file each.

    The file is pcap (times in µs or ns) or pcapng (several interfaces and sections, any resolution of times) in either
    byte order, plain, gzip or zstd, or several such files one behind the other, all pcap or all pcapng. Packets are
    those of Ethernet, Linux cooked (SLL, SLL2), raw IP and loopback interfaces, behind any number of VLAN tags, of IPv4
    or IPv6. `reader.stats` counts what is not a whole UDP datagram and why; fragments of IP are among it. Checksums are
    not compared. A packet without a time, as pcapng can have it, or with one beyond int64's, gets `ts_recv` 0.

    A file that ends within a packet is read up to there, and `stats.is_torn` says so. `progress` gets the bytes of the
    file read; without it a file over 50 MB shows a bar on a terminal. Raises CaptureError at once for a path that is
    not a readable file; from the iterator for one that is not a capture, and, after all before it, for damage.
    """
    return Reader(Path(path).absolute(), progress)


class Reader(Iterator[Datagrams]):
    """Iterator over the datagrams of the capture at `path`."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        check_content(path)
        self.path = path
        self._parser, self._progress = PacketParser(), progress
        self._parts = self._read()

    def __next__(self) -> Datagrams:
        return next(self._parts)

    def close(self) -> None:
        """Close the file before its end; nothing more comes."""
        self._parts.close()

    @property
    def stats(self) -> PacketStats:
        """Counts of what was read so far."""
        return self._parser.stats

    def _read(self) -> Generator[Datagrams]:
        parser, rest = self._parser, np.empty(0, np.uint8)
        with progress_reporter(self.path, self._progress) as progress, ContentStream(self.path, progress) as content:
            is_last = False
            while not is_last:
                # A block of its own each time: a caller may keep what it was given.
                data = np.empty(len(rest) + _BLOCK, np.uint8)
                data[: len(rest)] = rest
                count = content.readinto(memoryview(data)[len(rest) :])  # type: ignore[arg-type]
                end, is_last = len(rest) + count, count == 0
                datagrams, used = self._parse(data, end)
                if len(datagrams):
                    yield datagrams
                rest = data[used:end]
            parser.truncated_bytes = len(rest)
            parser.is_torn = content.is_torn or len(rest) > 0

    def _parse(self, data: np.ndarray[tuple[int], np.dtype[np.uint8]], end: int) -> tuple[Datagrams, int]:
        try:
            return self._parser.feed(data, end)
        except BadCapture as damage:
            if damage.position == 0:
                # Here, because what recognises files asks this package about captures.
                from hftlab.venues.recognition import looks_like

                raise CaptureError(
                    f"{self.path} is not a pcap or pcapng capture ({damage}); {looks_like(self.path, 'pcap')}",
                    path=self.path,
                ) from damage
            raise CaptureError(
                f"{self.path}, byte {damage.position:,} of the capture: {damage}, so that what comes behind it cannot "
                f"be read: fetch the file again, or go on with what was read before it",
                path=self.path,
            ) from damage
