"""Segments of a journal as they are read: every intact record, and what is damaged."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from hftlab.session.journal import JOURNAL
from hftlab.session.journal_record import (
    BODY,
    BODY_1,
    HEADER,
    LONGEST,
    MAGIC,
    MAGIC_1,
    SEAL,
    START,
    TABLE,
    Record,
    Seal,
    decode,
    decode_1,
)

__all__ = ["Hole", "Segment", "read_segment", "segment_paths"]

_SEGMENT: Final = re.compile(r"[0-9]{6,}\.wal")
_NUMBER_ENDS: Final = HEADER.size + 8
"""Offset of a number's last byte in a record: numbers stay below 2**48."""
_LONGEST_1: Final = 256 * 1024 * 1024


class Hole(NamedTuple):
    """Stretch of a segment that holds no intact record: where it begins, and its length in bytes.

    `is_torn` says that it is the end of a file that was being written, as a crash leaves it.
    """

    offset: int
    length: int
    is_torn: bool = False


class Segment:
    """A segment that was read: its intact records in order, and the holes between them.

    `is_sealed` tells that it was finished and that nothing is missing from it.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._version = 1 if data.startswith(MAGIC_1) else 2
        self._bodies: list[tuple[int, int]] = []
        self.holes: list[Hole] = []
        self.is_sealed = False
        if self._version == 1:
            self._scan_1()
        else:
            self._scan()

    def __len__(self) -> int:
        return len(self._bodies)

    def __iter__(self) -> Iterator[Record]:
        of_bytes = decode_1 if self._version == 1 else decode
        view = memoryview(self._data)
        return (of_bytes(view[start:stop]) for start, stop in self._bodies)

    @property
    def ends_in_hole(self) -> bool:
        """True if what comes after the last intact record is damaged, or torn."""
        return bool(self.holes) and self.holes[-1].offset >= (self._bodies[-1][1] if self._bodies else 0)

    @property
    def damaged_bytes(self) -> int:
        """Count the bytes that belong to no intact record."""
        return sum(hole.length for hole in self.holes)

    def _scan_1(self) -> None:
        data, at = self._data, len(MAGIC_1)
        while (stop := _intact(data, at, BODY_1.size, _LONGEST_1, 0)) is not None:
            self._bodies.append((at + HEADER.size, stop))
            at = stop
        if at < len(data):
            self.holes.append(Hole(at, len(data) - at, is_torn=_is_torn(data, at, BODY_1.size, _LONGEST_1, 0)))

    def _scan(self) -> None:
        data = self._data
        at = len(MAGIC) if data.startswith(MAGIC) else 0
        lost = None if at else 0
        """Beginning of the hole that the scan is in, None outside of one."""
        places: Iterator[int] | None = None
        while at < len(data):
            stop = _intact(data, at, BODY.size, LONGEST, START)
            if stop is None:
                if lost is None:
                    lost = at
                if places is None:
                    places = _places(data, at)
                at = next((place for place in places if place > at), len(data))
                continue
            if lost is not None and at > lost:
                self.holes.append(Hole(lost, at - lost))
            lost, places = None, None
            if data[at + HEADER.size] & TABLE == SEAL:
                seal = msgspec.json.decode(data[at + HEADER.size + BODY.size : stop], type=Seal)
                self.is_sealed = not self.holes and (seal.records, seal.crc32) == (len(self), self._checksum())
                if not self.is_sealed and not self.holes:
                    self.holes.append(Hole(at, 0))  # records were cut out at their very ends
            else:
                self._bodies.append((at + HEADER.size, stop))
            at = stop
        if lost is not None and len(data) > lost:
            self.holes.append(Hole(lost, len(data) - lost, is_torn=_is_torn(data, lost, BODY.size, LONGEST, START)))

    def _checksum(self) -> int:
        """Compute what a seal says about the records."""
        checksum = 0
        for start, _ in self._bodies:
            checksum = zlib.crc32(self._data[start - HEADER.size : start], checksum)
        return checksum


def read_segment(path: Path) -> Segment:
    """Read a segment: every intact record in it, and what is damaged."""
    return Segment(path.read_bytes())


def segment_paths(folder: Path) -> list[Path]:
    """Return the segments in the journal of a session folder, in order. Files of others, such as copies, are none."""
    return sorted(path for path in (folder / JOURNAL).glob("*.wal") if _SEGMENT.fullmatch(path.name))


def _intact(data: bytes, at: int, shortest: int, longest: int, start: int) -> int | None:
    """Return where the record that begins at a place ends, None if none does."""
    body = at + HEADER.size
    if body > len(data):
        return None
    length, checksum = HEADER.unpack_from(data, at)
    stop = body + length
    if not shortest <= length <= longest or stop > len(data):
        return None
    return stop if zlib.crc32(memoryview(data)[body:stop], start) == checksum else None


def _places(data: bytes, at: int) -> Iterator[int]:
    """Yield the places behind `at` where a record can begin: those with a possible length and number.

    A length ends in a zero, and a number in two. Without the second condition each of a stretch's many zeros would cost
    a checksum of up to 16 MiB, and an account that somebody chose could pass for a record.
    """
    bytes_ = np.frombuffer(data, np.uint8, offset=at + 1) if at + 1 < len(data) else np.empty(0, np.uint8)
    last = bytes_.size - HEADER.size - BODY.size
    if last < 0:
        return
    found = np.flatnonzero(bytes_[3 : last + 4] == 0)
    found = found[(bytes_[found + _NUMBER_ENDS - 1] == 0) & (bytes_[found + _NUMBER_ENDS] == 0)]
    lengths = bytes_[found] | bytes_[found + 1].astype(np.int64) << 8 | bytes_[found + 2].astype(np.int64) << 16
    room = bytes_.size - found - HEADER.size
    yield from (found[(lengths >= BODY.size) & (lengths <= room)] + at + 1).tolist()


def _is_torn(data: bytes, at: int, shortest: int, longest: int, start: int) -> bool:
    """Tell whether the end of a file is that of an unfinished write: nothing, or a record that is cut off.

    A record that is whole but for its length is damaged, and not cut off.
    """
    rest = data[at:]
    if not rest.strip(b"\0") or not rest.strip(b"\xff"):  # what file systems and erased flash hold
        return True
    if len(rest) < HEADER.size:
        return True
    length, checksum = HEADER.unpack_from(rest)
    body = memoryview(rest)[HEADER.size :]
    is_cut = max(shortest, len(body) + 1) <= int(length) <= longest
    return is_cut and zlib.crc32(body, start) != checksum
