"""The journal of a recording: append-only files of checksummed records, on disk before they are turned into Parquet.

A file, called segment, is the magic `HFTLABJ2` and then records. All numbers are little-endian:

    length   uint32   of the body, in bytes: below 16 MiB, so that its last byte is zero
    crc32    uint32   of the body, begun with 0x32545048 in place of 0
    body
      table    uint8    number of the table (hftlab.session.table_ids.TableId, below 15; 15 is the seal), plus flags:
                        128 an account follows, 64 the clock's reading, 32 a reason, 16 the payload is base64
      number   int64    of the message or control row in the session, counted from 0
      ts_recv  int64    ns
      clock    int64    ns, what the clock said where that is not ts_recv; only with that flag
      account  uint32 length in bytes and UTF-8 text; only with that flag
      reason   the same: why the payload could not be decoded; only with that flag
      payload  the rest: JSON as it was received, or as hftlab encodes the message. Bytes that hold a zero, which no
               JSON text does, are base64

A segment that was finished ends with a seal, a record whose payload is `{"records":N,"crc32":C}`: the number of records
before it, and the CRC32 of all their lengths and checksums. A file without one was being written when the process
ended.

Damage costs the record that it is in and no other: a zero byte occurs in no payload, so that the search for the next
record looks only at the few places where a length can end, and a record within a payload cannot be mistaken for one.

Segments of version 1 (magic `HFTLABJ1`) have no numbers, reasons and seals, and their CRC32 begins with 0. They are
read up to the first damage.
"""

from __future__ import annotations

import binascii
import errno
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np

__all__ = ["JOURNAL", "LONGEST", "MAGIC", "Hole", "Journal", "Record", "Segment", "read_segment", "segment_paths"]

JOURNAL: Final = "journal"
"""Folder of a session's segments. It exists only while the session is recorded, or after a crash."""
LONGEST: Final = (1 << 24) - 1
"""Length of a record's body in bytes at most."""

MAGIC: Final = b"HFTLABJ2"
"""First bytes of a segment."""
_SEGMENT: Final = re.compile(r"[0-9]{6,}\.wal")
_MAGIC_1: Final = b"HFTLABJ1"
_START: Final = 0x32545048
"""Initial value of a checksum: a record of version 1 never passes for one of version 2."""
_HEADER: Final = struct.Struct("<II")
_BODY: Final = struct.Struct("<Bqq")
_BODY_1: Final = struct.Struct("<Bq")
_LENGTH: Final = struct.Struct("<I")
_NUMBER_ENDS: Final = _HEADER.size + 8
"""Offset of a number's last byte in a record: numbers stay below 2**48."""
_CLOCK: Final = struct.Struct("<q")
_HAS_ACCOUNT: Final = 0x80
_HAS_CLOCK: Final = 0x40
_HAS_REASON: Final = 0x20
_IS_BASE64: Final = 0x10
_TABLE: Final = 0x0F
_SEAL: Final = 0x0F
_LONGEST_1: Final = 256 * 1024 * 1024
_PIECE: Final = 5 * 1024
_HELD: Final = 64 * 1024
"""Bytes of a body whose checksum takes no longer than other threads can wait."""


class Record(NamedTuple):
    """One message or control row: the number of its table (below 15), its time (ns), its JSON and its account.

    `clock` is what the clock said (ns), None where that is its time. `number` counts the session's messages and
    control rows from 0, and is None in segments of version 1. `reason` says why `payload` could not be decoded, None
    where it could.
    """

    table: int
    ts_recv: int
    payload: bytes
    account: str | None = None
    clock: int | None = None
    number: int | None = None
    reason: str | None = None


class Hole(NamedTuple):
    """Stretch of a segment that holds no intact record: where it begins, and its length in bytes.

    `is_torn` says that it is the end of a file that was being written, as a crash leaves it.
    """

    offset: int
    length: int
    is_torn: bool = False


class _Seal(msgspec.Struct):
    records: int
    crc32: int


class Journal:
    """Writer of one segment. Nothing counts as recorded before `commit()` has returned.

    After a commit that failed every further one fails in the same way: what is on disk is then unknown. The records
    that were not committed go on in another segment with `continued()`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = len(MAGIC)
        """Size in bytes, with what is not committed."""
        self._waiting = [MAGIC]
        self._records = self._checksum = 0
        self._durable = 0
        self._durable_records = 0
        self._failure: OSError | None = None
        self._file = path.open("xb", buffering=0)

    def append(self, record: Record) -> None:
        """Add a record to those that the next commit() writes. Raises ValueError if it is longer than LONGEST."""
        fields, payload = _encode(record)
        if len(fields) + len(payload) > LONGEST:
            raise ValueError(f"a message of {len(record.payload):,} bytes cannot be recorded: at most 16 MiB")
        self._add(fields, payload)
        self._records += 1

    def _add(self, fields: bytes, payload: bytes) -> None:
        length = len(fields) + len(payload)
        header = _HEADER.pack(length, _crc32(payload, zlib.crc32(fields, _START)))
        self._waiting += (header, fields, payload)  # put together once, by commit()
        self.size += len(header) + length
        self._checksum = zlib.crc32(header, self._checksum)

    def commit(self) -> None:
        """Write the appended records to the file and wait until they are on disk. Raises OSError."""
        if self._failure is not None:
            raise OSError(self._failure.errno or errno.EIO, self._failure.strerror or str(self._failure))
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        try:
            _write_all(self._file.fileno(), data)
            _sync(self._file.fileno())
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "its folder was deleted while it was written", str(self.path))
        except OSError as exc:
            self._failure = exc
            raise
        self._durable += len(data)
        self._durable_records = self._records
        self._waiting = []

    @property
    def is_empty(self) -> bool:
        """Whether none of its records is certain to be on disk."""
        return self._durable_records == 0

    def close(self) -> None:
        """Commit the last records, seal the segment and close the file. Raises OSError."""
        try:
            self.commit()
            seal = msgspec.json.encode(_Seal(self._records, self._checksum))
            self._add(_BODY.pack(_SEAL, 0, 0), seal)
            self.commit()
        except OSError:
            self._cut()
            raise
        finally:
            self.abandon()

    def continued(self, path: Path) -> Journal:
        """Return a journal with the records that are not committed, in a new segment; this one is closed.

        Those of them that reached the file are cut off it if that can be done, and are in both files if not.
        """
        new = Journal(path)
        waiting = self._waiting[0 if self._durable else 1 :]
        new._records = self._records - self._durable_records
        for header in waiting[::3]:
            new._checksum = zlib.crc32(header, new._checksum)
        new._waiting += waiting
        new.size += sum(map(len, waiting))
        self._cut()
        with suppress(OSError):
            self.abandon()
        return new

    def _cut(self) -> None:
        """Cut off what a commit that failed has left at the end of the file, if that can be done."""
        with suppress(OSError):  # a record's number tells that it is there twice
            os.ftruncate(self._file.fileno(), self._durable)

    def abandon(self) -> None:
        """Close the file without writing the records that were not committed."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Segment:
    """A segment that was read: its intact records in order, and the holes between them.

    `is_sealed` tells that it was finished and that nothing is missing from it.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._version = 1 if data.startswith(_MAGIC_1) else 2
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
        decode = _decode_1 if self._version == 1 else _decode
        view = memoryview(self._data)
        return (decode(view[start:stop]) for start, stop in self._bodies)

    @property
    def ends_in_hole(self) -> bool:
        """Whether what comes after the last intact record is damaged, or torn."""
        return bool(self.holes) and self.holes[-1].offset >= (self._bodies[-1][1] if self._bodies else 0)

    @property
    def damaged_bytes(self) -> int:
        """Count the bytes that belong to no intact record."""
        return sum(hole.length for hole in self.holes)

    def _scan_1(self) -> None:
        data, at = self._data, len(_MAGIC_1)
        while (stop := _intact(data, at, _BODY_1.size, _LONGEST_1, 0)) is not None:
            self._bodies.append((at + _HEADER.size, stop))
            at = stop
        if at < len(data):
            self.holes.append(Hole(at, len(data) - at, is_torn=_is_torn(data, at, _BODY_1.size, _LONGEST_1, 0)))

    def _scan(self) -> None:
        data = self._data
        at = len(MAGIC) if data.startswith(MAGIC) else 0
        lost = None if at else 0
        """Where the hole begins that the scan is in, None outside of one."""
        places: Iterator[int] | None = None
        while at < len(data):
            stop = _intact(data, at, _BODY.size, LONGEST, _START)
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
            if data[at + _HEADER.size] & _TABLE == _SEAL:
                seal = msgspec.json.decode(data[at + _HEADER.size + _BODY.size : stop], type=_Seal)
                self.is_sealed = not self.holes and (seal.records, seal.crc32) == (len(self), self._checksum())
                if not self.is_sealed and not self.holes:
                    self.holes.append(Hole(at, 0))  # records were cut out at their very ends
            else:
                self._bodies.append((at + _HEADER.size, stop))
            at = stop
        if lost is not None and len(data) > lost:
            self.holes.append(Hole(lost, len(data) - lost, is_torn=_is_torn(data, lost, _BODY.size, LONGEST, _START)))

    def _checksum(self) -> int:
        """Compute what a seal says about the records."""
        checksum = 0
        for start, _ in self._bodies:
            checksum = zlib.crc32(self._data[start - _HEADER.size : start], checksum)
        return checksum


def read_segment(path: Path) -> Segment:
    """Read a segment: every intact record in it, and what is damaged."""
    return Segment(path.read_bytes())


def segment_paths(folder: Path) -> list[Path]:
    """Return the segments in the journal of a session folder, in order. Files of others, such as copies, are none."""
    return sorted(path for path in (folder / JOURNAL).glob("*.wal") if _SEGMENT.fullmatch(path.name))


def _intact(data: bytes, at: int, shortest: int, longest: int, start: int) -> int | None:
    """Return where the record that begins at a place ends, None if none does."""
    body = at + _HEADER.size
    if body > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, at)
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
    last = bytes_.size - _HEADER.size - _BODY.size
    if last < 0:
        return
    found = np.flatnonzero(bytes_[3 : last + 4] == 0)
    found = found[(bytes_[found + _NUMBER_ENDS - 1] == 0) & (bytes_[found + _NUMBER_ENDS] == 0)]
    lengths = bytes_[found] | bytes_[found + 1].astype(np.int64) << 8 | bytes_[found + 2].astype(np.int64) << 16
    room = bytes_.size - found - _HEADER.size
    yield from (found[(lengths >= _BODY.size) & (lengths <= room)] + at + 1).tolist()


def _is_torn(data: bytes, at: int, shortest: int, longest: int, start: int) -> bool:
    """Whether the end of a file is what a write leaves that did not finish: nothing, or a record that is cut off.

    A record that is whole but for its length is damaged, and not cut off.
    """
    rest = data[at:]
    if not rest.strip(b"\0") or not rest.strip(b"\xff"):  # what file systems and erased flash hold
        return True
    if len(rest) < _HEADER.size:
        return True
    length, checksum = _HEADER.unpack_from(rest)
    body = memoryview(rest)[_HEADER.size :]
    is_cut = max(shortest, len(body) + 1) <= int(length) <= longest
    return is_cut and zlib.crc32(body, start) != checksum


def _crc32(body: bytes, checksum: int) -> int:
    """Compute a CRC32 with the interpreter's lock held, if that is for some microseconds only.

    zlib lets go of it for more than 5 KiB, and beside a busy thread it takes 5 ms to get it back: for each message.
    """
    if len(body) > _HELD:
        return zlib.crc32(body, checksum)
    with memoryview(body) as view:
        for start in range(0, len(body), _PIECE):
            checksum = zlib.crc32(view[start : start + _PIECE], checksum)
    return checksum


def _encode(record: Record) -> tuple[bytes, bytes]:
    """Return the body of a record in two pieces: what is before the payload, and the payload."""
    number, more, payload = record.table, b"", record.payload
    if record.clock is not None:
        number |= _HAS_CLOCK
        more += _CLOCK.pack(record.clock)
    if record.account is not None:
        number |= _HAS_ACCOUNT
        more += _text(record.account)
    if record.reason is not None:
        number |= _HAS_REASON
        more += _text(record.reason)
    if b"\0" in payload:
        number |= _IS_BASE64
        payload = binascii.b2a_base64(payload, newline=False)
    return _BODY.pack(number, record.number or 0, record.ts_recv) + more, payload


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


def _decode(body: memoryview) -> Record:
    flags, number, ts_recv = _BODY.unpack_from(body)
    at, clock, account, reason = _BODY.size, None, None, None
    if flags & _HAS_CLOCK:
        (clock,) = _CLOCK.unpack_from(body, at)
        at += _CLOCK.size
    if flags & _HAS_ACCOUNT:
        account, at = _read_text(body, at)
    if flags & _HAS_REASON:
        reason, at = _read_text(body, at)
    payload = binascii.a2b_base64(body[at:]) if flags & _IS_BASE64 else bytes(body[at:])
    return Record(flags & _TABLE, ts_recv, payload, account, clock, number, reason)


def _decode_1(body: memoryview) -> Record:
    flags, ts_recv = _BODY_1.unpack_from(body)
    at, clock, account = _BODY_1.size, None, None
    if flags & _HAS_CLOCK:
        (clock,) = _CLOCK.unpack_from(body, at)
        at += _CLOCK.size
    if flags & _HAS_ACCOUNT:
        account, at = _read_text(body, at)
    return Record(flags & ~(_HAS_ACCOUNT | _HAS_CLOCK), ts_recv, bytes(body[at:]), account, clock)


def _read_text(body: memoryview, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(body, at)
    at += _LENGTH.size
    return str(body[at : at + length], "utf-8"), at + length


def _write_all(descriptor: int, data: bytes) -> None:
    written = 0
    with memoryview(data) as view:
        while written < len(view):
            with view[written:] as rest:
                written += os.write(descriptor, rest)


# fdatasync skips metadata such as the time of the last change. Not every system has it.
_sync = getattr(os, "fdatasync", os.fsync)
