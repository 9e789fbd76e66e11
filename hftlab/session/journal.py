"""The journal of a recording: append-only files of checksummed records, on disk before they are turned into Parquet.

A file, called segment, is the magic `HFTLABJ1` and then records. All numbers are little-endian:

    length   uint32   of the body, in bytes
    crc32    uint32   of the body
    body
      table    uint8    number of the table (hftlab.session.table_ids.TableId), plus 128 if an account follows, 64
                        if the clock's reading does and 32 if a reason does
      ts_recv  int64    ns
      clock    int64    ns, what the clock said where that is not ts_recv; only with that flag
      account  uint32 length in bytes and UTF-8 text, only with that flag
      reason   likewise
      payload  the rest: JSON as it was received, or as hftlab encodes the message

Journals written before there were accounts, clocks and reasons have no record with these flags and are read the same
way. A record that needs none of them is still written without them.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

__all__ = ["JOURNAL", "Journal", "Record", "read_segment"]

JOURNAL: Final = "journal"
"""Folder of a session's segments. It exists only while the session is recorded, or after a crash."""

_MAGIC: Final = b"HFTLABJ1"
_HEADER: Final = struct.Struct("<II")
_BODY: Final = struct.Struct("<Bq")
_TEXT_LENGTH: Final = struct.Struct("<I")
_CLOCK: Final = struct.Struct("<q")
_HAS_ACCOUNT: Final = 0x80
_HAS_CLOCK: Final = 0x40
_HAS_REASON: Final = 0x20
_LONGEST: Final = 256 * 1024 * 1024


class Record(NamedTuple):
    """One message or control row: the number of its table (below 32), its time (ns), its JSON and its account.

    `clock` is what the clock said (ns), None where that is its time. `reason` is why a message is only kept as it came.
    """

    table: int
    ts_recv: int
    payload: bytes
    account: str | None = None
    clock: int | None = None
    reason: str | None = None


class Journal:
    """Writer of one segment. Nothing counts as recorded before `commit()` has returned."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = len(_MAGIC)
        self._waiting = bytearray(_MAGIC)
        self._file = path.open("xb", buffering=0)

    def append(self, record: Record) -> None:
        """Add a record to those that the next commit() writes."""
        body = _encode(record)
        self._waiting += _HEADER.pack(len(body), zlib.crc32(body))
        self._waiting += body
        self.size += _HEADER.size + len(body)

    def commit(self) -> None:
        """Write the appended records to the file and wait until they are on disk."""
        if self._waiting:
            _write_all(self._file.fileno(), self._waiting)
            self._waiting = bytearray()
            _sync(self._file.fileno())

    def close(self) -> None:
        """Commit the last records and close the file."""
        self.commit()
        self.abandon()

    def abandon(self) -> None:
        """Close the file without writing the records that were not committed."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_segment(path: Path) -> tuple[Iterator[Record], int]:
    """Return the intact records at the start of a segment, and how many bytes behind them are torn or damaged."""
    data = path.read_bytes()
    good = _good_length(data)
    return _records(memoryview(data)[len(_MAGIC) : good]), len(data) - good


def _good_length(data: bytes) -> int:
    if not data.startswith(_MAGIC):
        return 0
    view, at = memoryview(data), len(_MAGIC)
    while at + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, at)
        body = view[at + _HEADER.size : at + _HEADER.size + length]
        if not _BODY.size <= length <= _LONGEST or len(body) < length or zlib.crc32(body) != checksum:
            break
        at += _HEADER.size + length
    return at


def _records(view: memoryview) -> Iterator[Record]:
    at = 0
    while at < len(view):
        length, _ = _HEADER.unpack_from(view, at)
        at += _HEADER.size
        yield _decode(view[at : at + length])
        at += length


def _encode(record: Record) -> bytes:
    number, more = record.table, b""
    if record.clock is not None:
        number |= _HAS_CLOCK
        more += _CLOCK.pack(record.clock)
    for text, flag in ((record.account, _HAS_ACCOUNT), (record.reason, _HAS_REASON)):
        if text is not None:
            data = text.encode()
            number |= flag
            more += _TEXT_LENGTH.pack(len(data)) + data
    return _BODY.pack(number, record.ts_recv) + more + record.payload


def _decode(body: memoryview) -> Record:
    number, ts_recv = _BODY.unpack_from(body)
    at, clock = _BODY.size, None
    if number & _HAS_CLOCK:
        (clock,) = _CLOCK.unpack_from(body, at)
        at += _CLOCK.size
    texts: list[str | None] = [None, None]
    for place, flag in enumerate((_HAS_ACCOUNT, _HAS_REASON)):
        if number & flag:
            (length,) = _TEXT_LENGTH.unpack_from(body, at)
            at += _TEXT_LENGTH.size
            texts[place] = str(body[at : at + length], "utf-8")
            at += length
    account, reason = texts
    table = number & ~(_HAS_ACCOUNT | _HAS_CLOCK | _HAS_REASON)
    return Record(table, ts_recv, bytes(body[at:]), account, clock, reason)


def _write_all(descriptor: int, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


# fdatasync skips metadata such as the time of the last change. Not every system has it.
_sync = getattr(os, "fdatasync", os.fsync)
