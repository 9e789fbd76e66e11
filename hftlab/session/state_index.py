"""Index of a part: where its row groups are, and where the state of each symbol is found.

It is a Parquet file beside the tables, with two kinds of rows, in the order of `group`:

- One without a symbol for each row group: the bytes `start` to `stop` of the part (`stop` not included) and their
  CRC32, the first and last message and their times (`started`, `ended`, ts_recv in ns). The last of them is the
  Parquet footer, which has no messages. Together they cover every byte of the part.
- One for each symbol of a row group: the last message with its `state`, `bids`, `asks` and `last_trade` in
  market_data; in messages its first and last BOOK_DELTA, and the last one that needs none before it (`restart`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON
from hftlab.session.payload_texts import texts_payloads
from hftlab.session.table_ids import TableId

__all__ = ["FIELDS", "SCHEMA", "Group", "StateIndex", "byte_ranges", "symbol_rows"]

FIELDS: Final = ("state", "bids", "asks", "last_trade")
"""Parts of a symbol's state: its last row, and for each field that this row leaves out the last row that has it."""

_NEVER: Final = 2**63 - 1

_NUMBERS: Final = ("start", "stop", "crc32", "first", "last", "started", "ended", *FIELDS, "restart")
SCHEMA: Final = pl.Schema(
    {"group": pl.Int32(), "symbol": pl.String()} | dict.fromkeys(_NUMBERS, pl.Int64()),
)


class Group(NamedTuple):
    """Row group of a part: its bytes and their CRC32, its first and last message and their times (ts_recv, ns)."""

    start: int
    stop: int
    crc32: int
    first: int
    last: int
    started: int
    ended: int


def byte_ranges(data: memoryview) -> list[tuple[int, int, int]]:
    """Return start, stop and CRC32 of each row group of a Parquet file, and of its footer; they cover all bytes."""
    metadata = pq.read_metadata(pa.BufferReader(data))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    starts = [_start(metadata.row_group(group)) for group in range(metadata.num_row_groups)]
    edges = [0, *starts[1:], footer, len(data)] if starts else [0, len(data)]
    return [(start, stop, zlib.crc32(data[start:stop])) for start, stop in pairwise(edges)]


def _start(group: Any) -> int:
    columns = (group.column(number) for number in range(group.num_columns))
    start: int = min(
        column.data_page_offset
        if column.dictionary_page_offset is None
        else min(column.dictionary_page_offset, column.data_page_offset)
        for column in columns
    )
    return start


def symbol_rows(table: TableId, rows: pl.DataFrame, cuts: Sequence[int]) -> pl.DataFrame:
    """Return the rows of an index that have symbols; `cuts` are the first rows of the groups and the number of rows."""
    if table not in (TableId.MARKET_DATA, TableId.MESSAGES):
        return pl.DataFrame(schema=SCHEMA)
    groups = np.repeat(np.arange(len(cuts) - 1, dtype=np.int32), np.diff(cuts))
    rows = rows.with_columns(pl.Series("group", groups, pl.Int32))
    number = pl.col("message")
    if table is TableId.MARKET_DATA:
        found = [number.max().alias("state")]
        found += [number.filter(pl.col(name).is_not_null()).max().alias(name) for name in FIELDS[1:]]
    else:
        rows = rows.filter((pl.col("type") == "BOOK_DELTA") & pl.col("symbol").is_not_null())
        restarts = number.filter(number.is_in(_restarts(rows)))
        found = [number.min().alias("first"), number.max().alias("last"), restarts.max().alias("restart")]
    made = rows.group_by("group", "symbol").agg(found).sort("group", "symbol")
    return pl.concat([pl.DataFrame(schema=SCHEMA), made], how="diagonal")


def _restarts(deltas: pl.DataFrame) -> list[int]:
    """Return the numbers of the BOOK_DELTAs that need no earlier one."""
    # Few have the field at all; in those it may be spelled in any way that JSON allows.
    some = deltas.filter(pl.col("payload").str.contains("snapshot", literal=True) | pl.col("encoding").is_not_null())
    pairs = zip(some["message"], texts_payloads(some), strict=True)
    return [number for number, payload in pairs if _is_restart(payload)]


def _is_restart(payload: str | bytes) -> bool:
    try:
        return bool(getattr(JSON.decode(payload), "is_restart", False))
    except MessageParseError:
        return False  # kept because it was received, but no replay streams it


class StateIndex:
    """Index of one part, in memory: its `groups`, its `footer` and, for each symbol, where its state is."""

    def __init__(self, rows: pl.DataFrame) -> None:
        of_groups = rows.filter(pl.col("symbol").is_null())
        places = of_groups.select(Group._fields).rows()
        self.groups = [Group(*place) for place in places[:-1]]
        self.footer: tuple[int, int, int] | None = places[-1][:3] if places else None
        """Start and stop of the Parquet footer in the part, and its CRC32."""
        of_symbols = rows.filter(pl.col("symbol").is_not_null())
        self._group = of_symbols["group"].to_numpy()
        names = of_symbols["symbol"].unique(maintain_order=True)
        self.symbols: list[str] = names.to_list()
        codes = of_symbols["symbol"].cast(pl.Enum(names)) if self.symbols else pl.Series(dtype=pl.UInt32)
        self._code = codes.to_physical().to_numpy()
        columns = ("first", "last", *FIELDS, "restart")
        self._numbers = {name: of_symbols[name].fill_null(-1).to_numpy() for name in columns}

    def newest(self, before: int) -> dict[tuple[str, str], int]:
        """Map each symbol and field of FIELDS to the last message that has it, in the groups before `before`."""
        found: dict[tuple[str, str], int] = {}
        for field in FIELDS:
            last = self._last(field, before)
            found |= {(self.symbols[code], field): int(last[code]) for code in np.flatnonzero(last >= 0).tolist()}
        return found

    @cached_property
    def all_newest(self) -> dict[tuple[str, str], int]:
        """Result of newest() for the whole part."""
        return self.newest(len(self.groups))

    def restarts(self, before: int) -> dict[str, int]:
        """Map symbols to their last BOOK_DELTA that needs none before it, in the groups before `before`."""
        last = self._last("restart", before)
        return {self.symbols[code]: int(last[code]) for code in np.flatnonzero(last >= 0).tolist()}

    def firsts(self, before: int) -> dict[str, int]:
        """Map symbols to their first BOOK_DELTA in the groups before `before`."""
        stop = int(np.searchsorted(self._group, before))
        first = np.full(len(self.symbols), -1)
        # Of equal places the last assignment stays: backwards, that is the first row.
        first[self._code[:stop][::-1]] = self._numbers["first"][:stop][::-1]
        return {self.symbols[code]: int(first[code]) for code in np.flatnonzero(first >= 0).tolist()}

    def groups_with(self, first_needed: dict[str, int]) -> list[int]:
        """Return the groups that have a BOOK_DELTA of these symbols with the number that is given for it, or later."""
        if not self.symbols:
            return []
        needed = np.array([first_needed.get(symbol, _NEVER) for symbol in self.symbols])
        found: list[int] = np.unique(self._group[self._numbers["last"] >= needed[self._code]]).tolist()
        return found

    def _last(self, name: str, before: int) -> npt.NDArray[np.int64]:
        """Return for each symbol the last number in a column, in the groups before `before`; -1 if there is none."""
        stop = int(np.searchsorted(self._group, before))
        numbers, codes = self._numbers[name][:stop], self._code[:stop]
        has = numbers >= 0
        last = np.full(len(self.symbols), -1)
        # Numbers rise from group to group, and of equal places the last assignment stays.
        last[codes[has]] = numbers[has]
        return last
