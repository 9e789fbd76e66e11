"""The journal of a recording: append-only files of checksummed records, on disk before they are turned into Parquet.

Their format is that of hftlab.session.journal_record; hftlab.session.segment reads them.
"""

from __future__ import annotations

import errno
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from hftlab.session.journal_record import BODY, HEADER, LONGEST, MAGIC, SEAL, START, Record, Seal, encode

__all__ = ["JOURNAL", "Journal"]

JOURNAL: Final = "journal"
"""Folder of a session's segments. It exists only while the session is recorded, or after a crash."""
_PIECE: Final = 5 * 1024
_HELD: Final = 64 * 1024
"""Bytes of a body whose checksum takes no longer than other threads can wait."""


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
        fields, payload = encode(record)
        if len(fields) + len(payload) > LONGEST:
            raise ValueError(f"a message of {len(record.payload):,} bytes cannot be recorded: at most 16 MiB")
        self._add(fields, payload)
        self._records += 1

    def _add(self, fields: bytes, payload: bytes) -> None:
        length = len(fields) + len(payload)
        header = HEADER.pack(length, _crc32(payload, zlib.crc32(fields, START)))
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
        """True if none of its records is certain to be on disk."""
        return self._durable_records == 0

    def close(self) -> None:
        """Commit the last records, seal the segment and close the file. Raises OSError."""
        try:
            self.commit()
            seal = msgspec.json.encode(Seal(self._records, self._checksum))
            self._add(BODY.pack(SEAL, 0, 0), seal)
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


def _write_all(descriptor: int, data: bytes) -> None:
    written = 0
    with memoryview(data) as view:
        while written < len(view):
            with view[written:] as rest:
                written += os.write(descriptor, rest)


# fdatasync skips metadata such as the time of the last change. Not every system has it.
_sync = getattr(os, "fdatasync", os.fsync)
