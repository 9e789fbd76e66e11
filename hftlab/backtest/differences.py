"""Differences of two results of backtests: a fact, and a row of a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from hftlab.clock import in_words

__all__ = ["FactDifference", "RowDifference", "moment"]

_MOMENTS: Final = frozenset({"at", "heard", "created", "arrived", "ended", "sent", "from", "to"})
"""Columns of times in ns."""
_BOUNDS: Final = ("start", "end")
"""Facts that are times."""


class FactDifference(NamedTuple):
    """Fact that differs: its name, such as "latency.entry", and both values; "absent" where one does not have it."""

    name: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.texts[0]}, and {self.texts[1]}"

    @property
    def texts(self) -> tuple[str, str]:
        """Both values as text: times are in words."""
        show = moment if self.name.partition(" (")[0] in _BOUNDS else _shown
        return show(self.a), show(self.b)


class RowDifference(NamedTuple):
    """First row that differs: its table, its place there, its time (ns), the first column that differs, both values.

    `column` is "rows" where one of the tables ends; the values are the numbers of rows then.
    """

    table: str
    row: int
    at: int
    column: str
    a: Any
    b: Any

    def __str__(self) -> str:
        where = f"{self.table}, row {self.row:,}, {moment(self.at)}"
        if self.column == "rows":
            return f"{where}: one of them ends, with {self.a:,} rows, and {self.b:,}"
        return f"{where}: `{self.column}` is {self.texts[0]}, and {self.texts[1]}"

    @property
    def texts(self) -> tuple[str, str]:
        """Both values as text: times are in words."""
        show = moment if self.column in _MOMENTS else _shown
        return show(self.a), show(self.b)


def _shown(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value)


def moment(ns: object) -> str:
    """Show a time with its nanoseconds."""
    return f"{in_words(ns)[:26]}{ns % 1000:03d} UTC" if isinstance(ns, int) else repr(ns)
