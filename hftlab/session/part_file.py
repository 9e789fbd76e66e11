"""One part of a table, read a row group at a time and verified as far as it is read."""

from __future__ import annotations

import io
import os
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.errors import SessionDamaged
from hftlab.session.manifest import File, Part, checksum
from hftlab.session.parts import row_groups
from hftlab.session.state_index import Group, StateIndex, symbol_rows
from hftlab.session.table_ids import TableId

__all__ = ["PartFile", "check_size", "verify_file"]


def check_size(folder: Path, part: Part | File) -> None:
    """Raise SessionDamaged for a file that is not there, or has not the size that the manifest says."""
    path = folder / part.file
    if not path.is_file():
        raise SessionDamaged(f"{path} is missing: restore it from a copy of the session", path=path)
    if path.stat().st_size != part.size:
        raise _damaged(path)


def verify_file(folder: Path, part: Part | File) -> None:
    """Raise SessionDamaged for a file that is not as recorded, by reading all of it."""
    check_size(folder, part)
    if checksum(folder / part.file) != part.crc32:
        raise _damaged(folder / part.file)


class PartFile:
    """Part of a table, opened when it is first asked for something. Times are ts_recv in ns.

    Each row group is compared with its checksum in the part's index, whenever it is read. A part without an index, as
    older versions wrote them, is one whole, and so is one whose index is damaged: it is compared with the manifest's
    checksum, and what the index would say is found in its rows.
    """

    def __init__(self, folder: Path, part: Part, table: TableId) -> None:
        self.part, self.table = part, table
        self._folder, self.path = folder, folder / part.file
        self._index: StateIndex | None = None
        self._file: Any = None
        self._process = os.getpid()
        self._whole: pa.Table | None = None

    @property
    def groups(self) -> list[Group]:
        """The part's row groups."""
        return self.index.groups

    @property
    def index(self) -> StateIndex:
        """Where the state of each symbol is."""
        if self._index is None:
            data = self._index_bytes()
            self._index = self._made_index() if data is None else StateIndex(pl.read_parquet(io.BytesIO(data)))
        return self._index

    @property
    def started(self) -> int:
        """When its first message was received."""
        if self.part.started is None:
            return self._sole().started
        return self.part.started

    @property
    def first(self) -> int:
        """The number of its first message."""
        if self.part.first is None:
            return self._sole().first
        return self.part.first

    def _sole(self) -> Group:
        """Return the first row group, without keeping in memory what was read to find it."""
        had = self._index is not None
        group = self.groups[0]
        if not had:
            self.close()
        return group

    def place(self, at: int) -> int:
        """Return the last row group that starts at or before `at`, -1 if there is none."""
        return int(np.searchsorted([group.started for group in self.groups], at, side="right")) - 1

    def group_of(self, number: int) -> int:
        """Return the row group in which a message is, if it is in this part."""
        return int(np.searchsorted([group.first for group in self.groups], number, side="right")) - 1

    def read(self, group: int, *, use_threads: bool = False) -> pa.Table:
        """Read a row group; with `use_threads` on all cores. Raises SessionDamaged if it is not as recorded."""
        index = self.index
        if index.footer is None:
            self._whole = whole = self._read_whole() if self._whole is None else self._whole
            start, stop, *_ = index.groups[group]
            return whole.slice(start, stop - start)
        if self._file is None or os.getpid() != self._process:
            # In a fork the parent's reader may have been stopped in the middle.
            self._process = os.getpid()
            self._check(*index.footer)
            self._file = self._parsed(lambda: pq.ParquetFile(self.path, memory_map=False))
        self._check(*index.groups[group][:3])
        return self._parsed(lambda: self._file.read_row_group(group, use_threads=use_threads))

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = self._whole = None

    def _check(self, start: int, stop: int, crc32: int) -> None:
        """Compare some bytes of the part with their checksum."""
        try:
            with self.path.open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size != self.part.size:
                    raise _damaged(self.path)
                file.seek(start)
                data = file.read(stop - start)
        except FileNotFoundError:
            raise SessionDamaged(f"{self.path} is missing: restore it from a copy", path=self.path) from None
        if zlib.crc32(data) != crc32:
            raise _damaged(self.path)

    def _parsed(self, read: Any) -> Any:
        try:
            return read()
        except (pa.ArrowException, OSError) as exc:
            raise _damaged(self.path) from exc

    # --- without an index ---

    def _index_bytes(self) -> bytes | None:
        """Return the bytes of the index, None if there is none or it is damaged: it can be made again."""
        file = self.part.index
        if file is None:
            return None
        try:
            data = (self._folder / file.file).read_bytes()
        except OSError:
            return None
        return data if len(data) == file.size and zlib.crc32(data) == file.crc32 else None

    def _read_whole(self) -> pa.Table:
        check_size(self._folder, self.part)
        data = self.path.read_bytes()
        if zlib.crc32(data) != self.part.crc32:
            raise _damaged(self.path)
        return self._parsed(lambda: pq.read_table(io.BytesIO(data), use_threads=False))

    def _made_index(self) -> StateIndex:
        self._whole = whole = self._read_whole()
        names = ["message", "ts_recv", *_SEARCHED.get(self.table, ())]
        rows = pl.DataFrame(pl.from_arrow(whole.select([name for name in names if name in whole.column_names])))
        if "encoding" in names and "encoding" not in rows.columns:
            rows = rows.with_columns(encoding=pl.lit(None, pl.String))  # older versions recorded nothing but text
        numbers, times = rows["message"], rows["ts_recv"]
        cuts = [0, *row_groups(numbers.to_numpy())]
        made = StateIndex(symbol_rows(self.table, rows, cuts))
        # A slice of the table in memory takes the place of the bytes in the file.
        made.groups = [
            Group(start, stop, 0, numbers[start], numbers[stop - 1], times[start], times[stop - 1])
            for start, stop in pairwise(cuts)
        ]
        return made


_SEARCHED: Final = {
    TableId.MARKET_DATA: ["symbol", "bids", "asks", "last_trade"],
    TableId.MESSAGES: ["symbol", "type", "payload", "encoding"],
}


def _damaged(path: Path) -> SessionDamaged:
    return SessionDamaged(
        f"{path} is damaged (its checksum is not the one in the manifest): restore it from a copy; the other "
        "parts of the session are not affected",
        path=path,
    )
