"""Runs of a sweep: each session with each point of the grid, and what they need wherever they run."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any, Final, NamedTuple, TypeAlias

import polars as pl

from hftlab.backtest import FillModel, Latency
from hftlab.backtest.arguments import latency_of, parameters_of
from hftlab.backtest.backtesting import account_terms
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.session import Catalogue, Session, open_session
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.sweeps.grid import ARGUMENTS, CASH, Grid, points_of
from hftlab.sweeps.planned_modules import Sources
from hftlab.sweeps.run import Task, manifest_hash
from hftlab.sweeps.run_rows import Run, json_of
from hftlab.sweeps.subject import Subject, pickled
from hftlab.sweeps.value_identity import value_identity, value_sources

__all__ = ["PlannedRun", "SweptSessions", "planned_runs"]

SweptSessions: TypeAlias = Session | PathLike[str] | str | Catalogue | Iterable[Session | PathLike[str] | str]

_OFTEN: Final = 500
"""Points that are planned between two times that it is told."""


class PlannedRun(NamedTuple):
    """Run of a sweep, and the task that an executor is given for it."""

    run: Run
    task: Task


class _Recording(NamedTuple):
    """Session of a sweep: its name in the table, its folder, and the hash of its manifest."""

    name: str
    folder: Location
    manifest: str


def _untold(done: int, total: int) -> None:
    """Tell nobody."""


def planned_runs(
    subject: Subject,
    sessions: SweptSessions,
    grid: Grid | None,
    parameters: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
    tell: Callable[[int, int], None] = _untold,
) -> dict[str, PlannedRun]:
    """Return the runs of a sweep by their keys, in their order: all sessions of the first point of the grid first.

    `parameters` and `arguments` are those of all runs; the arguments have all of ARGUMENTS. What would be run twice is
    run once. `tell` is called now and then with how many points are planned, and of how many. Raises ArgumentError for
    what no run could begin with, and what open_session() raises.
    """
    given = parameters_of(parameters)
    of_all = [
        name for name in ARGUMENTS if arguments[name] is not None and not (name == "cash" and arguments[name] == CASH)
    ]
    fixed = [f"strategy.{name}" for name in given] + [f"backtest.{name}" for name in of_all]
    points = points_of(grid, subject, fixed)
    recordings, strategy = _recordings(sessions), subject.to_bytes()
    once, runs = _Once(), dict[str, PlannedRun]()
    sources: dict[Sources, Sources] = {}
    for number, point in enumerate(points):
        if number % _OFTEN == 0:
            tell(number, len(points))
        own, of_backtest = given | point.parameters, {**arguments, **point.arguments}
        subject.check(own)
        once.check(of_backtest)
        data = pickled((own, of_backtest), f"the point {point.values!r} of the grid")
        needed = tuple(sorted({*subject.sources, *(one for value in own.values() for one in once.sources(value))}))
        needed = sources.setdefault(needed, needed)
        settings = once.settings({"parameters": own, "arguments": of_backtest})
        for one in recordings:
            run = Run(subject.name, subject.code, one.name, str(one.folder), one.manifest, point.values, settings)
            runs.setdefault(run.key, PlannedRun(run, Task(strategy, one.folder, one.manifest, data, needed)))
    return runs


class _Once:
    """Checks and identities of the values of a grid, each made once: thousands of points have the same objects."""

    def __init__(self) -> None:
        self._checked: set[tuple[int, ...]] = set()
        self._sources: dict[int, tuple[Any, Sources]] = {}
        self._identities: dict[int, tuple[Any, str]] = {}
        """By the ids of the values, which are kept: another one might get its id."""

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise ArgumentError for arguments that a backtest would not take."""
        self._checked_once(_check_account, arguments, "terms", "fees", "cash")
        self._checked_once(_check_models, arguments, "fill", "latency")
        self._checked_once(_check_seed, arguments, "seed")

    def _checked_once(self, check: Callable[..., None], arguments: Mapping[str, Any], *names: str) -> None:
        given = [arguments[name] for name in names]
        mark = (id(check), *map(id, given))
        if mark not in self._checked:
            check(*given)
            for value in given:
                self._identity(value)  # which keeps it
            self._checked.add(mark)

    def sources(self, value: Any) -> Sources:
        """Return the modules that a value is of."""
        if id(value) not in self._sources:
            self._sources[id(value)] = value, value_sources(value)
        return self._sources[id(value)][1]

    def settings(self, settings: Mapping[str, Mapping[str, Any]]) -> str:
        """Return what value_identity() says of mappings, as JSON."""
        return _map((name, _map((one, self._identity(it)) for one, it in of.items())) for name, of in settings.items())

    def _identity(self, value: Any) -> str:
        if id(value) not in self._identities:
            self._identities[id(value)] = value, json_of(value_identity(value))
        return self._identities[id(value)][1]


def _map(items: Iterable[tuple[str, str]]) -> str:
    """Return the JSON of the identity of a mapping, whose values are JSON already."""
    return f'{{"map": [{", ".join(f"[{json.dumps(name)}, {value}]" for name, value in items)}]}}'


def _check_models(fill: Any, latency: Any) -> None:
    if isinstance(fill, str):
        FillModel.parse(fill)
    elif fill is not None and not isinstance(fill, FillModel):
        raise ArgumentTypeError(f"fill is {fill!r}: give a name such as 'risk_averse', or an hl.backtest.FillModel")
    latency_of(latency)


def _check_account(terms: Any, fees: Any, cash: Any) -> None:
    account_terms(terms, fees, cash)


def _check_seed(seed: Any) -> None:
    if seed is not None:
        Latency(seed=seed)


def _recordings(sessions: SweptSessions) -> list[_Recording]:
    if isinstance(sessions, Catalogue):
        named = _of_catalogue(sessions)
    else:
        listed = [sessions] if isinstance(sessions, Session | str | PathLike) else sessions
        if not isinstance(listed, Iterable):
            raise ArgumentTypeError(
                f"sessions is {sessions!r}: give a session or its folder, a list of them, or hl.sessions('data')"
            )
        opened = [one if isinstance(one, Session) else open_session(one) for one in listed]
        counts = Counter(one.folder.name for one in {one.folder: one for one in opened}.values())
        named = {one.folder: one.folder.name if counts[one.folder.name] == 1 else str(one.folder) for one in opened}
    if not named:
        raise ArgumentError("there are no sessions to run on: give at least one")
    return [_Recording(name, folder, manifest_hash(folder)) for folder, name in named.items()]


def _of_catalogue(catalogue: Catalogue) -> dict[Location, str]:
    rows = catalogue.manifests.select("path", "session", "problem").collect()
    left_out = rows.filter(pl.col("problem").is_not_null())
    if len(left_out):
        told = "; ".join(f"{path} ({problem})" for path, _, problem in left_out.iter_rows())
        warnings.warn(f"left out of the sweep: {told}", stacklevel=2)
    kept = rows.filter(pl.col("problem").is_null())
    options = catalogue.folder.options if isinstance(catalogue.folder, ObjectPath) else None
    return {located(path, options): name for path, name, _ in kept.iter_rows()}
