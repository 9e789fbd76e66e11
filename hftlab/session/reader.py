"""Reads the messages of a session from any position on, and the state at that position, without reading all of it.

Parts follow each other in time and each is sorted by ts_recv: a bisection finds the part of a position, and Parquet's
statistics find the row groups within it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from hftlab.protocol import JSON, Message
from hftlab.session.manifest import Manifest
from hftlab.session.parts import scan_parts
from hftlab.session.payload_texts import texts_payloads
from hftlab.session.table_ids import TableId
from hftlab.session.tables import TABLES, Decoded

__all__ = ["Reader"]

_FIELDS: Final = {
    "state": pl.lit(True),
    "bids": pl.col("bids").is_not_null(),
    "asks": pl.col("asks").is_not_null(),
    "last_trade": pl.col("last_trade").is_not_null(),
}
"""Parts of a symbol's state: its last row, and for each field that this row leaves out the last row that has it."""
_FIRST_LOOK: Final = 4096
"""Rows searched first when searching backwards; most often the whole state is among them."""


class Reader:
    """Reader of the parts that a manifest names. Verify them first; times are ts_recv in ns."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._manifest = manifest
        self._paths = {
            table: [folder / part.file for part in manifest.tables.get(table.folder, ())] for table in TableId
        }
        self._starts: dict[Path, int] = {}
        self._present: dict[Path, set[tuple[str, str]]] = {}
        """Symbols and fields that occur in a part, for parts that a search has read to their beginning."""

    def messages(self, after: int | None = None) -> Iterator[Decoded]:
        """Yield the messages that a replay streams in the order of their reception, those after `after` if given."""
        streams = [self._table(table, after) for table in TableId if self._paths[table]]
        return heapq.merge(*streams, key=lambda decoded: decoded.number)

    def state(self, at: int) -> list[Message]:
        """Return the fewest messages that give the state after all messages up to and including `at`, in order."""
        found = [*self._market_state(at), *self._incremental_books(at)]
        return [decoded.message for decoded in sorted(found, key=lambda decoded: decoded.number)]

    # --- from a position on ---

    def _table(self, table: TableId, after: int | None) -> Iterator[Decoded]:
        paths = self._paths[table]
        first = 0 if after is None else max(0, self._place(paths, after))
        for path in paths[first:]:
            # A whole part is small (one journal segment); its messages are made a slice at a time.
            rows = _rows(path, table, None if after is None else pl.col("ts_recv") > after)
            after = None  # the following parts are later
            for piece in _pieces(rows):
                yield from TABLES[table].messages(piece)

    def _place(self, paths: list[Path], at: int) -> int:
        """Return the index of the last part that starts at or before `at`, -1 if there is none."""
        return bisect_right(paths, at, key=self._start) - 1

    def _start(self, path: Path) -> int:
        if path not in self._starts:
            self._starts[path] = pl.scan_parquet(path).select("ts_recv").head(1).collect().item()
        return self._starts[path]

    # --- the state at a position ---

    def _market_state(self, at: int) -> Iterator[Decoded]:
        paths = self._paths[TableId.MARKET_DATA]
        missing = {(symbol, field) for symbol in self._manifest.symbols for field in _FIELDS}
        own = self._place(paths, at)
        for place in range(own, -1, -1):
            path = paths[place]
            if place < own and missing.isdisjoint(self._present.get(path, missing)):
                continue
            present: set[tuple[str, str]] = set()
            numbers: set[int] = set()
            for piece in _backwards(path, at):
                newest = _newest(piece)
                numbers.update(newest[one] for one in newest.keys() & missing)
                present.update(newest)
                missing.difference_update(newest)
                if not missing:
                    break
            else:
                if place < own:
                    self._present[path] = present
            if numbers:
                yield from _numbered(path, TableId.MARKET_DATA, numbers)
            if not missing:
                return

    def _incremental_books(self, at: int) -> Iterator[Decoded]:
        """Yield each symbol's BOOK_DELTAs from its last snapshot with levels on, and its first, for the exchange."""
        paths = self._paths[TableId.MESSAGES]
        numbers: defaultdict[Path, set[int]] = defaultdict(set)
        is_complete: dict[str, bool] = {}
        oldest: dict[str, tuple[Path, int]] = {}
        for path in reversed(paths[: self._place(paths, at) + 1]):
            is_delta = (pl.col("type") == "BOOK_DELTA") & pl.col("reason").is_null()
            deltas = _rows(path, TableId.MESSAGES, (pl.col("ts_recv") <= at) & is_delta)
            restarts = _restarts(deltas)
            for number, symbol in zip(reversed(deltas["message"]), reversed(deltas["symbol"]), strict=True):
                oldest[symbol] = (path, number)
                if not is_complete.get(symbol):
                    numbers[path].add(number)
                    is_complete[symbol] = number in restarts
        for path, number in oldest.values():
            numbers[path].add(number)
        for path, wanted in numbers.items():
            yield from _numbered(path, TableId.MESSAGES, wanted)


def _restarts(deltas: pl.DataFrame) -> set[int]:
    """Return the numbers of the BOOK_DELTAs that need no earlier one."""
    # Few have the field at all; in those it may be spelled in any way that JSON allows.
    may_be = pl.col("payload").str.contains("snapshot", literal=True) | pl.col("encoding").is_not_null()
    some = deltas.filter(may_be)
    messages = map(JSON.decode, texts_payloads(some))
    return {number for number, one in zip(some["message"], messages, strict=True) if getattr(one, "is_restart", False)}


def _backwards(path: Path, at: int) -> Iterator[pl.DataFrame]:
    """Yield which fields the rows up to `at` have, the newest rows first, in pieces of growing size."""
    rows = pl.scan_parquet(path)
    stop: int = rows.select((pl.col("ts_recv") <= at).sum()).collect().item()
    size = _FIRST_LOOK
    while stop > 0:
        start = max(0, stop - size)
        fields = (has.alias(field) for field, has in _FIELDS.items())
        yield rows.slice(start, stop - start).select("message", "symbol", *fields).collect()
        stop, size = start, 4 * size


def _newest(piece: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Map each symbol and field to the last message that has it."""
    newest = piece.group_by("symbol").agg(
        pl.col("message").filter(pl.col(field)).max().alias(field) for field in _FIELDS
    )
    return {
        (symbol, field): number
        for symbol, *numbers in newest.iter_rows()
        for field, number in zip(_FIELDS, numbers, strict=True)
        if number is not None
    }


def _numbered(path: Path, table: TableId, numbers: set[int]) -> list[Decoded]:
    """Return some messages of a part by their numbers."""
    # Parquet's statistics can rule out row groups by a range, but not by a list.
    within = pl.col("message").is_between(min(numbers), max(numbers))
    return TABLES[table].messages(_rows(path, table, within & pl.col("message").is_in(sorted(numbers))))


def _rows(path: Path, table: TableId, condition: pl.Expr | None) -> pl.DataFrame:
    rows = scan_parts([path], TABLES[table].schema)
    return (rows if condition is None else rows.filter(condition)).collect()


def _pieces(rows: pl.DataFrame, size: int = 4096) -> Iterator[pl.DataFrame]:
    """Yield slices of about `size` rows that never cut a message in two."""
    numbers, start = rows["message"].to_numpy(), 0
    while start < rows.height:
        last = min(start + size, rows.height) - 1
        stop = int(np.searchsorted(numbers, numbers[last], side="right"))
        yield rows[start:stop]
        start = stop
