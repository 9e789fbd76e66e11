"""Sweeps: one strategy over many sessions and parameters, a row of results a run."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import polars as pl

from hftlab.backtest import FillModel, Latency
from hftlab.errors import HftlabError
from hftlab.sweeps.executors import Calls, opened_executor
from hftlab.sweeps.folder import Plan, SweepFolder, folder_path
from hftlab.sweeps.grid import CASH, Grid
from hftlab.sweeps.memory_rows import MemoryRows
from hftlab.sweeps.plan import PlannedRun, SweptSessions, planned_runs
from hftlab.sweeps.progress import Progress, progress
from hftlab.sweeps.run import run_task
from hftlab.sweeps.run_rows import row_of
from hftlab.sweeps.subject import Subject, SweptStrategy
from hftlab.sweeps.sweep_result import Sweep
from hftlab.trading.account import AccountTerms
from hftlab.trading.commissions import Commission
from hftlab.version import __version__

__all__ = ["sweep"]

_MANY: Final = 5_000
"""Points whose planning takes so long that it is shown."""


def sweep(
    strategy: SweptStrategy,
    sessions: SweptSessions,
    grid: Grid | None = None,
    *,
    executor: Any = None,
    workers: int | None = None,
    folder: Path | str | None = None,
    fill: FillModel | str | None = None,
    latency: Latency | None = None,
    fees: Mapping[str, Commission] | Commission | None = None,
    cash: float | Mapping[str, float] = CASH,
    terms: AccountTerms | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    retry_errors: bool = False,
    tries: int = 3,
    show_progress: bool | None = None,
) -> Sweep:
    """Run a strategy over sessions with every point of a grid, on many cores, and return the table of what came of it.

    `strategy` is a class derived from hl.Strategy, a strategy of @hl.compiled, or a function that makes either.
    `sessions` are sessions or their folders, a catalogue (hl.sessions()), or one of them. `grid` has lists of values by
    name, of which each combination is run, or is a list of dicts. Its names are parameters of the strategy, or
    arguments of the backtest: fill, latency, fees, cash, terms, and seed, that of the latency's draws; "strategy.fill"
    and "backtest.fill" tell the two apart. What all runs have in common is given as in hl.backtest().

    Runs are spread over `workers` processes (None: one a core), each of which opens a session and compiles the strategy
    once; or over `executor`: any of concurrent.futures, or a distributed.Client. Results are the same for all of these.
    A run that raises is a row with an `error`, also one whose process died `tries` times.

    With a `folder` the rows are kept there as runs end, and a sweep that is started again goes on from them: a run is
    done again only if the code of the strategy, its parameters, the arguments, the data of the session or the version
    of hftlab are others, or if it had an error, with `retry_errors`. An interrupt stops the sweep, and what has ended
    is kept.

    Raises ArgumentError for what no run could begin with, SweepExists for the folder of another strategy's sweep,
    SweepBusy for one in which a sweep is being run, and ExecutorFailed for an executor that has broken.
    """
    subject = Subject(strategy)
    arguments = {"fill": fill, "latency": latency, "fees": fees, "cash": cash, "terms": terms, "seed": seed}
    with ExitStack() as stack:
        shown_plan: list[Progress] = []

        def tell(done: int, total: int) -> None:
            if total >= _MANY and not shown_plan:
                shown_plan.append(stack.enter_context(progress(total, is_shown=show_progress, of="points planned")))
            for one in shown_plan:
                one.advance(done, 0)

        planned = planned_runs(subject, sessions, grid, parameters, arguments, tell)
    names = list(dict.fromkeys(name for one in planned.values() for name in one.run.values))
    count = len({one.run.manifest for one in planned.values()})
    plan = Plan(strategy=subject.name, names=names, runs=list(planned), sessions=count)
    with (
        opened_executor(executor, workers, tries) as (submit, window),
        MemoryRows() if folder is None else SweepFolder(folder_path(folder), plan) as rows,
    ):
        _say_what_changed(subject, planned, rows.rows)
        kept = rows.rows.filter(pl.col("key").is_in(plan.runs))
        if retry_errors:
            kept = kept.filter(pl.col("error").is_null())
        for moved in _moved_rows(kept, planned):
            rows.add(moved)
        done = set(kept["key"])
        left = {key: one for key, one in planned.items() if key not in done}
        errors = kept["error"].count()
        try:
            with (
                progress(len(planned), kept=len(kept), is_shown=show_progress) as shown,
                closing(_ended_rows(left, submit, window, rows)) as ended_rows,
            ):
                for ended, row in enumerate(ended_rows, len(kept) + 1):
                    rows.add(row)
                    errors += row["error"] is not None
                    shown.advance(ended, errors)
        finally:
            rows.flush()
            result = Sweep(plan, rows.rows, rows.path)
            rows.save(result.table)
    return result


def _moved_rows(kept: pl.DataFrame, planned: Mapping[str, PlannedRun]) -> Iterator[dict[str, Any]]:
    """Yield the rows of runs whose session lies elsewhere by now, or has another name, with where it is today."""
    places = zip(*kept.select("key", "session", "path"), strict=True)
    moved = [key for key, *place in places if place != [planned[key].run.session, planned[key].run.path]]
    for row in kept.filter(pl.col("key").is_in(moved)).iter_rows(named=True):
        run = planned[row["key"]].run
        yield row | {"session": run.session, "path": run.path, "case": run.case}


def _ended_rows(
    runs: Mapping[str, PlannedRun], submit: Any, window: int, rows: MemoryRows | SweepFolder
) -> Generator[dict[str, Any], None, None]:
    """Run all, and yield the row of each as it ends."""
    waiting, calls = iter(runs.items()), Calls[str](submit)
    try:
        while True:
            while len(calls) < window and (following := next(waiting, None)) is not None:
                key, one = following
                calls.submit(key, run_task, one.task)
            if not len(calls):
                return
            ended = calls.next_ended(rows.wait)
            if ended is None:
                rows.flush()
                continue
            key, outcome, error = ended
            if error is not None:
                said = str(error) if isinstance(error, HftlabError) else f"{type(error).__name__}: {error}"
                yield row_of(runs[key].run, {}, None, said)
            else:
                yield row_of(runs[key].run, *outcome)
    finally:
        calls.cancel()


def _say_what_changed(subject: Subject, planned: Mapping[str, PlannedRun], rows: pl.DataFrame) -> None:
    """Warn of runs that are done again because something else than what was asked for has changed."""
    if rows.is_empty():
        return
    done = set(rows["key"])
    asked = {one.run.case: one.run for key, one in planned.items() if key not in done}
    counts = dict.fromkeys(("the code of the strategy", "the data of the session", "the version of hftlab"), 0)
    latest = rows.filter(pl.col("case").is_in(list(asked))).unique("case", keep="last")
    for case, code, manifest, version in latest.select("case", "code", "manifest", "hftlab").iter_rows():
        changes = (code != subject.code, manifest != asked[case].manifest, version != __version__)
        for name, has_changed in zip(counts, changes, strict=True):
            counts[name] += has_changed
    said = [f"{name} (of {count:,})" for name, count in counts.items() if count]
    if said:
        warnings.warn(
            f"{subject.name}: runs are done again, as something has changed since: {', '.join(said)}",
            stacklevel=3,
        )
