"""Comparison of two sessions: the first message in which they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.errors import SessionError
from hftlab.session.session import Session, open_session
from hftlab.session.table_ids import EVENTS, TableId

__all__ = ["Difference", "diff"]

_CHUNK: Final = 1 << 16
"""Rows compared at a time."""
_TABLES: Final = (*(table.folder for table in TableId), EVENTS)


class Difference(NamedTuple):
    """First difference of two sessions.

    `message` is the number of the message in the first session (None for events, and where it has none), `row` the
    row's place in its table, `field` the column, or "rows" where one of the tables ends; `a` and `b` are both values,
    or the tables' rows.
    """

    table: str
    row: int
    message: int | None
    field: str
    a: Any
    b: Any

    def __str__(self) -> str:
        if self.field == "rows":
            return f"{self.table} has {self.a:,} rows, and {self.b:,}"
        where = f"row {self.row:,}" if self.message is None else f"message {self.message:,} (row {self.row:,})"
        return f"{self.table}, {where}: `{self.field}` is {self.a!r}, and {self.b!r}"


def diff(
    a: Session | PathLike[str] | str,
    b: Session | PathLike[str] | str,
    *,
    ignore: str | Iterable[str] = (),
    progress: Callable[[int], object] | None = None,
) -> Difference | None:
    """Compare two sessions, row by row; returns their first difference, None if they are equal.

    `ignore` names columns, such as ts_recv, and tables, such as control. Message numbers count the rows of all tables,
    so that they are not compared where a table is ignored. The first difference is that with the lowest message number;
    events, which have none, are compared last. What is read has been verified: raises what open_session() does, and
    SessionError for a name in `ignore` that no table has. `progress` is called with the rows compared so far.
    """
    one, other = (given if isinstance(given, Session) else open_session(given) for given in (a, b))
    for session in (one, other):
        if not isinstance(session.folder, Path):
            session.verify()
    left_out = {ignore} if isinstance(ignore, str) else set(ignore)
    unknown = left_out.difference(_TABLES, *(one.table(name).collect_schema() for name in _TABLES))
    if unknown:
        raise SessionError(f"no session has a column or table {', '.join(sorted(unknown))}: look at its columns")
    if not left_out.isdisjoint(_TABLES):
        left_out.add("message")
    tell, done = progress or (lambda _: None), 0
    some: list[Difference] = []
    for name in (name for name in _TABLES if name not in left_out):
        found = _table_difference(name, one, other, left_out, partial(_tell, tell, done))
        some += [] if found is None else [found]
        done += min(one.manifest.rows(name), other.manifest.rows(name))
    return min(some, key=lambda each: (each.message is None, each.message or 0), default=None)


def _tell(progress: Callable[[int], object], before: int, rows: int) -> None:
    progress(before + rows)


def _table_difference(
    name: str, a: Session, b: Session, ignore: set[str], tell: Callable[[int], object]
) -> Difference | None:
    one, other = a.table(name), b.table(name)
    columns = [column for column in one.collect_schema() if column not in ignore]
    rows, others = a.manifest.rows(name), b.manifest.rows(name)
    for start in range(0, min(rows, others), _CHUNK):
        here, there = (frame.slice(start, _CHUNK).collect() for frame in (one, other))
        length = min(here.height, there.height)
        here, there = here[:length], there[:length]
        if not here.select(columns).equals(there.select(columns)):
            return _first(name, start, here, there, columns)
        tell(start + length)
    if rows == others:
        return None
    longer = one if rows > others else other
    numbers = longer.slice(min(rows, others), 1).collect()
    message = numbers["message"][0] if "message" in numbers.columns else None
    return Difference(name, min(rows, others), message, "rows", rows, others)


def _first(name: str, start: int, a: pl.DataFrame, b: pl.DataFrame, columns: list[str]) -> Difference | None:
    """Find the first row that differs by halving, and in it the first column."""
    low, high = 0, a.height
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle].select(columns).equals(b[low:middle].select(columns)):
            low = middle
        else:
            high = middle
    for column in columns:
        if not a[low:high].select(column).equals(b[low:high].select(column)):
            message = a["message"][low] if "message" in a.columns else None
            return Difference(name, start + low, message, column, _plain(a[column][low]), _plain(b[column][low]))
    return None


def _plain(value: Any) -> Any:
    return value.to_list() if isinstance(value, pl.Series) else value
