"""Grid of a sweep: names with lists of values, and which of them are the strategy's and which the backtest's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import describe_unknown, meant
from hftlab.sweeps.subject import Subject

__all__ = ["ARGUMENTS", "CASH", "Grid", "Point", "points_of"]

Grid: TypeAlias = Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]]

ARGUMENTS: Final = ("fill", "latency", "fees", "cash", "terms", "seed")
"""Arguments of a backtest that may be in a grid; `seed` is that of the latency."""
CASH: Final = 1_000_000.0
"""Cash with which an account begins where nothing else is said."""
_STRATEGY, _BACKTEST = "strategy.", "backtest."


class Point(NamedTuple):
    """Point of a grid: its values by the names of the grid, and what they are for."""

    values: dict[str, Any]
    parameters: dict[str, Any]
    """Arguments with which the strategy is made."""
    arguments: dict[str, Any]
    """Arguments of the backtest."""


def points_of(grid: Grid | None, subject: Subject, fixed: Collection[str] = ()) -> list[Point]:
    """Return the points of a grid in its order: of a mapping the product, whose last name changes first.

    A name is a parameter of the strategy or one of ARGUMENTS; "strategy.fill" and "backtest.fill" say which where it
    could be both. `fixed` are names that the sweep gives a value to. Raises ArgumentError, and ArgumentTypeError for
    what is not a grid.
    """
    rows = _rows(grid)
    homes = {name: _home(name, subject) for name in dict.fromkeys(name for row in rows for name in row)}
    for name, (home, short) in homes.items():
        if f"{home}{short}" in fixed:
            raise ArgumentError(f"{name!r} is in the grid and given as well: leave one of the two out")
    for row in dict.fromkeys(tuple(row) for row in rows):
        both = [name for name in row if sum(homes[name] == homes[one] for one in row) > 1]
        if both:
            raise ArgumentError(f"grid: {' and '.join(map(repr, both))} are the same: leave one of the two out")
    return [_point(row, homes) for row in rows]


def _rows(grid: Grid | None) -> list[dict[str, Any]]:
    if grid is None:
        return [{}]
    if isinstance(grid, Mapping):
        columns = [_values(name, values) for name, values in grid.items()]
        return [dict(zip(grid, row, strict=True)) for row in product(*columns)]
    if isinstance(grid, str) or not isinstance(grid, Iterable):
        raise _not_a_grid(grid)
    rows = []
    for row in grid:
        if not isinstance(row, Mapping):
            raise _not_a_grid(grid)
        rows.append({_name(name): _plain(value) for name, value in row.items()})
    if not rows:
        raise ArgumentError("the grid is empty, so there is nothing to run: give lists of values by name, or None")
    return rows


def _not_a_grid(grid: object) -> ArgumentTypeError:
    return ArgumentTypeError(
        f"grid is {grid!r}: give lists of values by name, such as {{'distance': [1, 2, 3]}}, or a list of dicts"
    )


def _values(name: object, values: object) -> list[Any]:
    _name(name)
    is_single = isinstance(values, str | bytes | Mapping) or getattr(values, "shape", None) == ()
    if is_single or not isinstance(values, Iterable):
        raise ArgumentTypeError(
            f"grid: {name!r} is {values!r}, which is not a list of values: to give it one value write [{values!r}]"
        ).advise(instead={name: f"[{values!r}]"})
    listed = [_plain(value) for value in values]
    if not listed:
        raise ArgumentError(f"grid: {name!r} has no values, so there is nothing to run: give it some, or leave it out")
    return listed


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise ArgumentTypeError(f"grid: the name {name!r} is not a text: names are those of parameters")
    return name


def _plain(value: Any) -> Any:
    """Return Python's own value of a number or text of numpy's; of times there is none that says as much."""
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value


def _home(name: str, subject: Subject) -> tuple[str, str]:
    """Return whether a name of a grid is "strategy." or "backtest.", and the name there."""
    for home, there in ((_STRATEGY, subject.takes), (_BACKTEST, ARGUMENTS.__contains__)):
        if name.startswith(home):
            short = name.removeprefix(home)
            if not there(short):
                raise _unknown(short, subject if home == _STRATEGY else None)
            return home, short
    if name in ARGUMENTS:
        if name in subject.parameters:
            raise ArgumentError(
                f"grid: {name!r} is a parameter of {subject.name} and an argument of the backtest: write "
                f"'strategy.{name}' or 'backtest.{name}'"
            )
        return _BACKTEST, name
    if not subject.takes(name):
        raise _unknown(name, subject)
    return _STRATEGY, name


def _unknown(name: str, subject: Subject | None) -> ArgumentError:
    names = [*(() if subject is None else subject.parameters), *ARGUMENTS]
    whose = "a backtest" if subject is None else subject.name
    own = "" if subject is None else f" it has {', '.join(subject.parameters) or 'none'};"
    return ArgumentError(
        f"grid: {whose} has no parameter {describe_unknown([name], names)}:{own} arguments of the backtest are "
        f"{', '.join(ARGUMENTS)}"
    ).advise(instead=meant([name], names))


def _point(row: dict[str, Any], homes: Mapping[str, tuple[str, str]]) -> Point:
    parameters = {homes[name][1]: value for name, value in row.items() if homes[name][0] == _STRATEGY}
    arguments = {homes[name][1]: value for name, value in row.items() if homes[name][0] == _BACKTEST}
    return Point(row, parameters, arguments)
