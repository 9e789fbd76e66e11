"""Row groups of a part on an object store: fetched once, verified, and parsed from memory."""

from __future__ import annotations

import io
import zlib
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.errors import ObjectStoreFailed
from hftlab.session.object_path import ObjectPath
from hftlab.session.object_store import told
from hftlab.session.state_index import Group

__all__ = ["FetchedPart"]

_AT_ONCE: Final = 4 << 20
"""Bytes of neighbouring row groups that one request fetches, if that many are wanted."""


class FetchedPart:
    """Part on an object store: the row groups that are asked for are fetched, several with one request.

    What is parsed are the very bytes that were verified. Raises FileNotFoundError for an object that is gone,
    ValueError for one that is not as recorded, and ObjectStoreFailed.
    """

    def __init__(self, path: ObjectPath, size: int, footer: tuple[int, int, int], groups: list[Group]) -> None:
        self._path, self._groups = path, groups
        self._file = path.open()
        if self._file.size() != size:
            raise ValueError
        self._held: dict[int, bytes] = {}
        start, stop, crc32 = footer
        data = self._fetched(start, stop)
        _check(data, crc32)
        self._metadata = pq.read_metadata(pa.BufferReader(data))

    def read(self, group: int, until: int, *, use_threads: bool) -> pa.Table:
        """Read a row group; those up to `until`, not included, are read next, and may be fetched with it."""
        if group not in self._held:
            self._fetch(group, until)
        place = self._groups[group]
        data = self._held.pop(group)
        _check(data, place.crc32)
        source = pa.PythonFile(_Range(data, place.start), mode="r")
        with pq.ParquetFile(source, metadata=self._metadata) as file:
            return file.read_row_group(group, use_threads=use_threads)

    def close(self) -> None:
        """Let go of what was fetched."""
        self._held.clear()
        self._file.close()

    def _fetch(self, group: int, until: int) -> None:
        start = self._groups[group].start
        last = group
        while last + 1 < min(until, len(self._groups)) and self._groups[last + 1].stop - start <= _AT_ONCE:
            last += 1
        data = memoryview(self._fetched(start, self._groups[last].stop))
        self._held = {
            number: bytes(data[self._groups[number].start - start : self._groups[number].stop - start])
            for number in range(group, last + 1)
        }

    def _fetched(self, start: int, stop: int) -> bytes:
        try:
            with told(self._path):
                data: bytes = self._file.read_at(stop - start, start)
        except ObjectStoreFailed:
            if not self._path.listed().is_file():
                raise FileNotFoundError(str(self._path)) from None
            raise
        return data


class _Range(io.RawIOBase):
    """Bytes of a file from `start` on, at their places in it: what is not there is not asked for."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._start, self._at = memoryview(data), start, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            offset += self._at if whence == io.SEEK_CUR else self._start + len(self._data)
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        first = self._at - self._start
        if first < 0:
            raise EOFError(f"byte {self._at} was not fetched")
        data = bytes(self._data[first:] if size < 0 else self._data[first : first + size])
        self._at += len(data)
        return data


def _check(data: bytes, crc32: int) -> None:
    if zlib.crc32(data) != crc32:
        raise ValueError
