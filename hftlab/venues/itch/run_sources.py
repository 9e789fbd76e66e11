"""Messages of ITCH in packets: in a packet capture, in MoldUDP64 packets one behind the other, in SoupBinTCP."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from hftlab.errors import CaptureError
from hftlab.venues import pcap
from hftlab.venues.arbitration import ArbitrationStats, Gap
from hftlab.venues.binary_signatures import is_itch_in_mold, is_itch_in_soup
from hftlab.venues.capture_file import Progress
from hftlab.venues.content_stream import ContentStream, check_content
from hftlab.venues.itch.blocks import Blocks
from hftlab.venues.moldudp64 import Receiver, Runs
from hftlab.venues.moldudp64.packet_kernel import find_packets
from hftlab.venues.packet_capture import is_capture
from hftlab.venues.pcap.datagrams import Datagrams
from hftlab.venues.progress_bar import no_progress
from hftlab.venues.soupbintcp.packet_kernel import BROKEN, LOGIN, take_messages
from hftlab.venues.soupbintcp.session_order import LOGIN_SIZE, SessionOrder

__all__ = ["Framing", "RunSource", "framing_of", "run_source"]

Framing = Literal["pcap", "moldudp64", "soupbintcp", "lengths"]

_HEAD: Final = 1 << 18
_PACKETS: Final = 1 << 14
_LONGEST: Final = 0xFFFF + 20


def framing_of(path: Path) -> Framing:
    """Tell how the messages of a file are framed, by its head. Raises CaptureError for a path that cannot be read."""
    check_content(path)
    head = bytearray(_HEAD)
    with ContentStream(path, no_progress) as content:
        try:
            size = content.readinto(memoryview(head))
        except CaptureError:
            return "lengths"  # whose reader tells what is wrong with the file
    start = bytes(head[:size])
    if is_capture(start):
        return "pcap"
    if is_itch_in_mold(start):
        return "moldudp64"
    return "soupbintcp" if is_itch_in_soup(start) else "lengths"


class RunSource(Iterator[Runs]):
    """Iterator over runs of messages in order; counts are those of what was read so far."""

    def __init__(self) -> None:
        self.truncated_bytes, self.is_torn = 0, False
        self._parts = self._read()

    def __next__(self) -> Runs:
        return next(self._parts)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line had."""
        return ()

    @property
    def sessions(self) -> tuple[str, ...]:
        """Names of the sessions, by their numbers."""
        return ()

    @property
    def arbitration(self) -> ArbitrationStats | None:
        """Counts of the lines that were put together."""
        return None

    @abstractmethod
    def _read(self) -> Iterator[Runs]: ...


def run_source(path: Path, framing: Framing, session: str | None, progress: Progress | None) -> RunSource:
    """Open the messages of a file that is framed in packets."""
    if framing == "soupbintcp":
        return _Soup(path, session, progress)
    return (_Capture if framing == "pcap" else _Packets)(path, session, progress)


class _Received(RunSource):
    """Runs of a receiver of MoldUDP64."""

    def __init__(self, path: Path, session: str | None, progress: Progress | None) -> None:
        self._path, self._progress = path, progress
        self._receiver = Receiver(session=session)
        super().__init__()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return self._receiver.gaps

    @property
    def sessions(self) -> tuple[str, ...]:
        return self._receiver.sessions

    @property
    def arbitration(self) -> ArbitrationStats | None:
        return self._receiver.stats.arbitration


class _Capture(_Received):
    """Packets of MoldUDP64 in a packet capture."""

    def _read(self) -> Iterator[Runs]:
        reader = pcap.read(self._path, progress=self._progress)
        try:
            for datagrams in reader:
                yield self._receiver.feed(datagrams)
        except CaptureError:
            yield self._receiver.flush()
            raise
        yield self._receiver.flush()
        self.truncated_bytes, self.is_torn = reader.stats.truncated_bytes, reader.stats.is_torn


class _Packets(_Received):
    """Packets of MoldUDP64, one behind the other."""

    def _read(self) -> Iterator[Runs]:
        blocks, position = Blocks(self._path, self._progress), 0
        start, end = np.empty((2, _PACKETS), np.int64)
        for data, filled in blocks:
            at, found = 0, _PACKETS
            while found == _PACKETS:
                part = data[at:filled]
                found, used = find_packets(part, len(part), start, end)
                none = np.zeros(found, np.int64)
                datagrams = Datagrams(part, none, start[:found], end[:found], none.astype(np.int32), (_NOWHERE,))
                yield self._receiver.feed(datagrams)
                at += used
            blocks.used = at
            position += at
            if self._receiver.stats.others or filled - at > _LONGEST:
                yield self._receiver.flush()
                raise CaptureError(
                    f"{self._path}: not all bytes up to {position:,} are packets of MoldUDP64: bytes are missing or do "
                    f"not belong to it, so fetch the file again",
                    path=self._path,
                )
        yield self._receiver.flush()
        self.truncated_bytes, self.is_torn = blocks.rest, blocks.is_torn


_NOWHERE: Final = pcap.Flow("0.0.0.0", 0, "0.0.0.0", 0)  # noqa: S104 - no socket


class _Soup(RunSource):
    """Sequenced messages of SoupBinTCP, also of several connections one after the other."""

    def __init__(self, path: Path, session: str | None, progress: Progress | None) -> None:
        self._path, self._progress = path, progress
        self._order = SessionOrder(session)
        super().__init__()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(self._order.gaps)

    @property
    def sessions(self) -> tuple[str, ...]:
        return self._order.sessions

    @property
    def arbitration(self) -> ArbitrationStats | None:
        return self._order.stats

    def _read(self) -> Iterator[Runs]:
        blocks, position = Blocks(self._path, self._progress), 0
        for data, filled in blocks:
            at, why = 0, LOGIN
            while why == LOGIN:
                self._order.log_in(data[at : at + LOGIN_SIZE].tobytes())
                out = np.empty(filled - at, np.uint8)
                at, end, count, why = take_messages(data, at, filled, out, 0)
                if count and (run := self._order.next_run(out, end, count)) is not None:
                    yield run
            blocks.used = at
            position += at
            if why == BROKEN:
                raise CaptureError(
                    f"{self._path}: the bytes from {position:,} on are not a packet of SoupBinTCP: bytes are missing "
                    f"there or do not belong to it, so fetch the file again",
                    path=self._path,
                )
        self.truncated_bytes, self.is_torn = blocks.rest, blocks.is_torn
