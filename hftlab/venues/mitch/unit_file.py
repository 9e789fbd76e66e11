"""Files of MITCH's units: packet captures of them, or the units alone, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from hftlab.errors import CaptureError
from hftlab.venues import pcap
from hftlab.venues.capture_file import Progress
from hftlab.venues.content_stream import ContentStream, check_content
from hftlab.venues.feed_datagrams import feed_datagrams
from hftlab.venues.mitch.decoder_state import NO_TIME
from hftlab.venues.mitch.unit_headers import HEADER_SIZE, find_units, unit_headers
from hftlab.venues.packet_capture import is_capture
from hftlab.venues.pcap import Datagrams, Flow
from hftlab.venues.progress_bar import progress_reporter
from hftlab.venues.recognition import looks_like

__all__ = ["UnitFile"]

_BLOCK: Final = 1 << 20
_FLOW: Final = Flow("", 0, "", 0)
_HEAD: Final = 4


class UnitFile:
    """Units of the file at `path` as datagrams, part by part. Raises CaptureError at once if it cannot be read.

    Those of a file of units alone were received at -1, for it does not say when. The iterator raises CaptureError
    before any part for a file that is neither, or most of whose first datagrams are not units; and, after all before
    it, for damage.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        check_content(path)
        self.path, self._progress = path, progress
        self.truncated_bytes, self.is_torn = 0, False
        self.capture: pcap.Reader | None = None
        """Reader of the packet capture, None where the file is not one."""
        with ContentStream(path, lambda _: None) as content:
            head = bytearray(_HEAD)
            content.readinto(memoryview(head))
        if is_capture(bytes(head)):
            self.capture = pcap.read(path, progress=progress)

    def __iter__(self) -> Iterator[Datagrams]:
        if self.capture is None:
            yield from self._units()
            return
        yield from feed_datagrams(self.capture, "mitch", lambda some: unit_headers(some).is_unit, "units", self._error)
        stats = self.capture.stats
        self.truncated_bytes, self.is_torn = stats.truncated_bytes, stats.is_torn

    def _units(self) -> Iterator[Datagrams]:
        position, found, rest = 0, 0, np.empty(0, np.uint8)
        with progress_reporter(self.path, self._progress) as progress, ContentStream(self.path, progress) as content:
            is_last = False
            while not is_last:
                data = np.empty(len(rest) + _BLOCK, np.uint8)
                data[: len(rest)] = rest
                count = content.readinto(memoryview(data)[len(rest) :])  # type: ignore[arg-type]
                end, is_last = len(rest) + count, count == 0
                starts, ends = np.empty((2, end // HEADER_SIZE + 1), np.int64)
                used, units, is_lost = find_units(data, end, starts, ends)
                if units:
                    received, flows = np.full(units, NO_TIME), np.zeros(units, np.int32)
                    yield Datagrams(data, received, starts[:units], ends[:units], flows, (_FLOW,))
                found += units
                if is_lost:
                    raise self._lost(position + used)
                position, rest = position + used, data[used:end]
            self.truncated_bytes, self.is_torn = len(rest), content.is_torn
        if not found and self.path.stat().st_size:
            raise self._error("it does not begin with a whole unit")

    def _lost(self, position: int) -> CaptureError:
        if position == 0:
            return self._error("it does not begin with a unit")
        return CaptureError(
            f"{self.path}: the bytes from {position:,} on are not a unit of MITCH: bytes are missing there or do not "
            f"belong to it, so fetch the file again, or go on with what was read before it",
            path=self.path,
        )

    def _error(self, found: str) -> CaptureError:
        return CaptureError(
            f"{self.path} is neither a packet capture of LSE's MITCH nor a file of its units ({found}); "
            f"{looks_like(self.path, 'mitch')}",
            path=self.path,
        )
