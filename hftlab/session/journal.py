"""The journal of a recording: an append-only file of checked records, safe on disk before it is turned into Parquet.

A segment is the magic `HFTLABJ1`, then records: length of the body (uint32), CRC32 of the body (uint32), body. A body
is table (uint8), ts_recv (int64 ns), payload (JSON), all little-endian.
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
"""The folder of a session's segments; there only while it is recorded, or after a crash."""

_MAGIC: Final = b"HFTLABJ1"
_HEADER: Final = struct.Struct("<II")
_BODY: Final = struct.Struct("<Bq")
_LONGEST: Final = 256 * 1024 * 1024


class Record(NamedTuple):
    table: int
    ts_recv: int
    payload: bytes


class Journal:
    """Appends to one segment. Nothing counts as recorded before `commit()` has returned."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = len(_MAGIC)
        self._waiting = bytearray(_MAGIC)
        self._file = path.open("xb", buffering=0)

    def append(self, record: Record) -> None:
        body = _BODY.pack(record.table, record.ts_recv) + record.payload
        self._waiting += _HEADER.pack(len(body), zlib.crc32(body))
        self._waiting += body
        self.size += _HEADER.size + len(body)

    def commit(self) -> None:
        """Write what was appended and wait until the disk has it."""
        if self._waiting:
            _write_all(self._file.fileno(), self._waiting)
            self._waiting = bytearray()
            _sync(self._file.fileno())

    def close(self) -> None:
        self.commit()
        self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_segment(path: Path) -> tuple[Iterator[Record], int]:
    """The whole records at the start of a segment, and how many bytes after them are torn or damaged."""
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
        table, ts_recv = _BODY.unpack_from(view, at)
        yield Record(table, ts_recv, bytes(view[at + _BODY.size : at + length]))
        at += length


def _write_all(descriptor: int, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


# fdatasync leaves out what only says when a file was touched; not every system has it.
_sync = getattr(os, "fdatasync", os.fsync)
