"""The messages of a session from any position on, and the state at that position, without reading all of it.

Parts follow each other in time and each is sorted by ts_recv, so that a bisection finds the part of a position, and
Parquet's statistics the row groups within it.
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

from hftlab.protocol import Message
from hftlab.session.manifest import Manifest
from hftlab.session.tables import TABLES, Decoded, Table

__all__ = ["Reader"]

_MARKET_DATA: Final = TABLES[0]
_PAYLOADS: Final = TABLES[4]
_FIELDS: Final = {
    "state": pl.lit(True),
    "bids": pl.col("bids").is_not_null(),
    "asks": pl.col("asks").is_not_null(),
    "last_trade": pl.col("last_trade").is_not_null(),
}
"""What a symbol's state is made of: its last row, and of what that leaves out the last row that has it."""
_LOOK: Final = 4096
"""Rows looked at first when looking back; most often they have all there is to know."""


class Reader:
    """Reads the parts that a manifest names. They are to be verified before; times are ts_recv in ns."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._manifest = manifest
        self._paths = {name: [folder / part.file for part in parts] for name, parts in manifest.tables.items()}
        self._starts: dict[Path, int] = {}
        self._present: dict[Path, set[tuple[str, str]]] = {}
        """Symbols and fields of parts that were looked through in vain once, and need not be again."""

    def messages(self, after: int | None = None) -> Iterator[Decoded]:
        """All that a replay streams, in the order it was received; only what came after `after` if that is given."""
        streams = [self._table(table, after) for table in TABLES if self._paths.get(table.name)]
        return heapq.merge(*streams, key=lambda decoded: decoded.number)

    def state(self, at: int) -> list[Message]:
        """As few messages as give the state of all up to and including `at`, in order."""
        found = [*self._market_state(at), *self._incremental_books(at)]
        return [decoded.message for decoded in sorted(found, key=lambda decoded: decoded.number)]

    # --- from a position on ---

    def _table(self, table: Table, after: int | None) -> Iterator[Decoded]:
        paths = self._paths[table.name]
        first = 0 if after is None else max(0, self._place(paths, after))
        for path in paths[first:]:
            # Whole parts are small (one journal segment); their messages are made a slice at a time.
            rows = pl.read_parquet(path) if after is None else _rows(path, pl.col("ts_recv") > after)
            after = None  # all that follows is later
            for piece in _pieces(rows):
                yield from table.messages(piece)

    def _place(self, paths: list[Path], at: int) -> int:
        """Which part is the last to start at or before `at`; -1 if none does."""
        return bisect_right(paths, at, key=self._start) - 1

    def _start(self, path: Path) -> int:
        if path not in self._starts:
            self._starts[path] = pl.scan_parquet(path).select("ts_recv").head(1).collect().item()
        return self._starts[path]

    # --- the state at a position ---

    def _market_state(self, at: int) -> Iterator[Decoded]:
        paths = self._paths.get(_MARKET_DATA.name, [])
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
                yield from _MARKET_DATA.messages(_numbered(path, numbers))
            if not missing:
                return

    def _incremental_books(self, at: int) -> Iterator[Decoded]:
        """Each symbol's first BOOK_DELTA, which says what nothing else tells of it, and all since its last snapshot."""
        paths = self._paths.get(_PAYLOADS.name, [])
        numbers: defaultdict[Path, set[int]] = defaultdict(set)
        is_complete: dict[str, bool] = {}
        oldest: dict[str, tuple[Path, int]] = {}
        for path in reversed(paths[: self._place(paths, at) + 1]):
            deltas = _rows(path, (pl.col("ts_recv") <= at) & (pl.col("type") == "BOOK_DELTA"))
            snapshots = deltas["payload"].str.contains('"snapshot":true', literal=True)
            for number, symbol, is_snapshot in zip(
                reversed(deltas["message"]), reversed(deltas["symbol"]), reversed(snapshots), strict=True
            ):
                oldest[symbol] = (path, number)
                if not is_complete.get(symbol):
                    numbers[path].add(number)
                    is_complete[symbol] = is_snapshot
        for path, number in oldest.values():
            numbers[path].add(number)
        for path, wanted in numbers.items():
            yield from _PAYLOADS.messages(_numbered(path, wanted))


def _backwards(path: Path, at: int) -> Iterator[pl.DataFrame]:
    """Which fields the rows up to `at` have, the newest rows first, in pieces that grow."""
    rows = pl.scan_parquet(path)
    stop: int = rows.select((pl.col("ts_recv") <= at).sum()).collect().item()
    size = _LOOK
    while stop > 0:
        start = max(0, stop - size)
        fields = (has.alias(field) for field, has in _FIELDS.items())
        yield rows.slice(start, stop - start).select("message", "symbol", *fields).collect()
        stop, size = start, 4 * size


def _newest(piece: pl.DataFrame) -> dict[tuple[str, str], int]:
    """The last message that has a field of a symbol."""
    newest = piece.group_by("symbol").agg(
        pl.col("message").filter(pl.col(field)).max().alias(field) for field in _FIELDS
    )
    return {
        (symbol, field): number
        for symbol, *numbers in newest.iter_rows()
        for field, number in zip(_FIELDS, numbers, strict=True)
        if number is not None
    }


def _numbered(path: Path, numbers: set[int]) -> pl.DataFrame:
    """The rows of some messages."""
    # The range is what statistics can tell row groups by.
    within = pl.col("message").is_between(min(numbers), max(numbers))
    return _rows(path, within & pl.col("message").is_in(sorted(numbers)))


def _rows(path: Path, condition: pl.Expr) -> pl.DataFrame:
    return pl.scan_parquet(path).filter(condition).collect()


def _pieces(rows: pl.DataFrame, size: int = 4096) -> Iterator[pl.DataFrame]:
    """Slices of about `size` rows that do not cut a message in two."""
    numbers, start = rows["message"].to_numpy(), 0
    while start < rows.height:
        last = min(start + size, rows.height) - 1
        stop = int(np.searchsorted(numbers, numbers[last], side="right"))
        yield rows[start:stop]
        start = stop
