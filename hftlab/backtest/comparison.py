"""Comparison of two results of backtests: what went into them otherwise, and the first row in which they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.backtest.differences import FactDifference, RowDifference, moment
from hftlab.backtest.facts import Facts
from hftlab.backtest.result import Result, open_result
from hftlab.backtest.result_tables import EXACT, TIMES
from hftlab.errors import ArgumentError
from hftlab.nearest import describe_unknown

__all__ = ["Comparison", "compare"]

_ORDER: Final = ("orders", "requests", "fills", "positions", "equity", "queue", "gaps", "quotes")
"""Precedence of tables that differ first at the same time: requests come before what came of them."""
_SHOWN: Final = 8
"""Facts that are shown."""
_LEFT: Final = "style='text-align:left'"


@dataclass(frozen=True, repr=False)
class Comparison:
    """Comparison of two results: false if they are equal."""

    facts: tuple[FactDifference, ...]
    """Facts that differ."""
    first: RowDifference | None
    """The earliest row in which their tables differ; None if those are equal."""

    def __bool__(self) -> bool:
        return bool(self.facts) or self.first is not None

    def __str__(self) -> str:
        if not self:
            return "the results are equal"
        lines = [f"fact {one}" for one in self.facts[:_SHOWN]]
        if len(self.facts) > _SHOWN:
            lines.append(f"and {len(self.facts) - _SHOWN:,} more facts")
        lines.append("the tables are equal" if self.first is None else f"first difference: {self.first}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        if not self:
            return "<p>The results are equal.</p>"
        rows = [(one.name, *one.texts) for one in self.facts[:_SHOWN]]
        if len(self.facts) > _SHOWN:
            rows.append((f"and {len(self.facts) - _SHOWN:,} more facts", "", ""))
        if (first := self.first) is not None:
            rows.append((f"{first.table}, row {first.row:,}, {first.column}, at {moment(first.at)}", *first.texts))
        head = "".join(f"<th {_LEFT}>{name}</th>" for name in ("", "a", "b"))
        cells = ("".join(f"<td {_LEFT}>{escape(cell)}</td>" for cell in row) for row in rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><caption {_LEFT}>Where two results differ</caption><tr>{head}</tr>{body}</table>"


def compare(a: Result | Path | str, b: Result | Path | str, *, ignore: str | Iterable[str] = ()) -> Comparison:
    """Compare two results, or saved ones: the facts that differ, then the earliest row in which their tables do.

    The comparison is false if they are equal. `ignore` names facts, such as "versions" or "latency.entry", and tables.
    Where a session lies is not compared, if its manifest is the same. Raises what open_result() does, and ArgumentError
    for a name in `ignore` that is neither.
    """
    one, other = (given if isinstance(given, Result) else open_result(given) for given in (a, b))
    left_out = {ignore} if isinstance(ignore, str) else set(ignore)
    facts, others = _flat_facts(one.facts), _flat_facts(other.facts)
    known = {*EXACT, *Facts.__struct_fields__, *facts, *others}
    if unknown := sorted(left_out - known):
        raise ArgumentError(f"results have no fact or table {describe_unknown(unknown, sorted(known))}")
    differing = tuple(
        FactDifference(name, facts.get(name, _ABSENT), others.get(name, _ABSENT))
        for name in dict.fromkeys((*facts, *others))
        if facts.get(name, _ABSENT) != others.get(name, _ABSENT) and not _is_left_out(name, left_out)
    )
    found = [row for name in _ORDER if name not in left_out and (row := _row_difference(name, one, other)) is not None]
    return Comparison(differing, min(found, key=lambda row: row.at, default=None))


# --- facts ---

_ABSENT: Final = "absent"


def _flat_facts(runs: Iterable[Facts]) -> dict[str, Any]:
    """Return all facts by name, such as "latency.entry"; of several sessions with the number of each behind."""
    built: list[dict[str, Any]] = [msgspec.to_builtins(run) for run in runs]
    for one in built:
        if one["manifest"]:
            del one["path"]
    if len(built) == 1:
        return dict(_flattened(built[0]))
    numbered = [dict(_flattened(one)) for one in built]
    return {f"{name} ({place})": value for place, one in enumerate(numbered, 1) for name, value in one.items()}


def _flattened(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _is_left_out(name: str, left_out: set[str]) -> bool:
    plain = name.partition(" (")[0]
    parts = plain.split(".")
    return name in left_out or any(".".join(parts[:end]) in left_out for end in range(1, len(parts) + 1))


# --- rows ---


def _row_difference(name: str, a: Result, b: Result) -> RowDifference | None:
    one, other = (result.exact(name).collect() for result in (a, b))
    length = min(one.height, other.height)
    columns = [column for column in one.columns if column in other.columns]
    same = [(one[column][:length].eq_missing(other[column][:length])).alias(column) for column in columns]
    row = pl.DataFrame(same).select(pl.all_horizontal(pl.all()).arg_min()).item() if length else None
    if row is not None and not all(column[row] for column in same):
        column = next(column.name for column in same if not column[row])
        at = min(one[TIMES[name]][row], other[TIMES[name]][row])
        return RowDifference(name, row, at, column, one[column][row], other[column][row])
    if one.height == other.height:
        return None
    longer = one if one.height > other.height else other
    return RowDifference(name, length, longer[TIMES[name]][length], "rows", one.height, other.height)
