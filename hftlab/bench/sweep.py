"""`sweep`: runs a second of a process a core against those of one process, and what a run costs beside its backtest.

The compiled market maker of `backtest`, whose quotes stand at another distance in each run, on a minute of a market of
one instrument that is made with a seed. Pools have been warmed up: the strategy is compiled, and the session opened.
Rounds of the two alternate, and the medians of their times count.

- `throughput_per_core`: runs a second of all cores over those of one process, a core; must be at least 0.85.
- `overhead_ms`: of a sweep of short runs in one process, its time less that of the backtests themselves, a run; must be
  below 5 ms.
- `cluster_is_the_same`: whether the table of a `distributed.LocalCluster` is the same; left out without distributed.

The ratio is the least of the three over what each must be. On a machine that does other things as well, compare
`processor_ms_a_run` with that of one process: what they share costs no more than the difference.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from logging import ERROR
from pathlib import Path
from typing import Any, Final

import psutil

from hftlab.backtest import Latency
from hftlab.bench.backtest import maker
from hftlab.bench.backtest_market import level_market, record_levels
from hftlab.bench.result import Result
from hftlab.session import Session
from hftlab.sweeps import Sweep, WorkerPool, sweep
from hftlab.sweeps.worker_pool import cores

__all__ = ["run"]

_MUST, _OVERHEAD_MS = 0.85, 5.0
_ROUNDS: Final = 3
_RUNS: Final = 20
"""Runs a core of a round."""
_SECONDS: Final = 60
_SHORT, _SHORT_SECONDS = 200, 2
"""Short runs, and how long their market is (s)."""
_PACE: Final = 100_000_000
_LATENCY: Final = Latency(entry="5ms", response="5ms")


def run() -> Result:
    """Alternate rounds of one process and of one a core, and compare; then measure short runs, and Dask's table."""
    count = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hftlab-bench-")))
        session, short = (_recorded(folder, seconds) for seconds in (_SECONDS, _SHORT_SECONDS))
        pools = {size: stack.enter_context(WorkerPool(size)) for size in (1, count)}
        for size, pool in pools.items():
            _swept(session, 4 * size, pool)  # compiles, and is not counted
        times: dict[int, list[float]] = {size: [] for size in pools}
        spent: dict[int, list[float]] = {size: [] for size in pools}
        for _ in range(_ROUNDS):
            for size, pool in pools.items():
                began, used = time.perf_counter(), _processor_time()
                _swept(session, _RUNS * count, pool)
                times[size].append(time.perf_counter() - began)
                spent[size].append(1e3 * (_processor_time() - used) / (_RUNS * count))
        medians = {size: statistics.median(values) for size, values in times.items()}
        overhead, own = _overhead(short, pools[1])
        cluster = _cluster_is_the_same(session, pools[count])
    scaling = medians[1] / medians[count] / count
    ratio = min(scaling / _MUST, _OVERHEAD_MS / max(overhead, 1e-9), 0.0 if cluster is False else 1e9)
    figures: dict[str, Any] = {
        "throughput_per_core": scaling,
        "cores": count,
        "runs_per_s": _RUNS * count / medians[count],
        "runs_per_s_of_one_process": _RUNS * count / medians[1],
        "processor_ms_a_run": statistics.median(spent[count]),
        "processor_ms_a_run_of_one_process": statistics.median(spent[1]),
        "overhead_ms": overhead,
        "short_backtest_ms": own,
        "cluster_is_the_same": "distributed is not installed" if cluster is None else cluster,
    }
    return Result("sweep", ratio, 1.0, ratio >= 1.0, figures)


def _recorded(folder: Path, seconds: int) -> Session:
    place = folder / str(seconds)
    place.mkdir()
    return record_levels(level_market(seconds, seed=7), place, pace=_PACE)


def _swept(session: Session, runs: int, executor: Any) -> Sweep:
    return sweep(maker, session, {"distance": range(runs)}, executor=executor, latency=_LATENCY, show_progress=False)


def _processor_time() -> float:
    """Return the processor's time of this process and of all that it has started (s)."""
    me = psutil.Process()
    used = [one.cpu_times() for one in (me, *me.children(recursive=True))]
    return float(sum(one.user + one.system for one in used))


def _overhead(session: Session, pool: WorkerPool) -> tuple[float, float]:
    """Return what a run of a sweep takes beside its backtest, and what that takes (ms); with rows on the disk."""
    _swept(session, 4, pool)
    with tempfile.TemporaryDirectory(prefix="hftlab-bench-") as folder:
        began = time.perf_counter()
        found = sweep(
            maker, session, {"distance": range(_SHORT)}, executor=pool, folder=folder, latency=_LATENCY,
            show_progress=False,
        )  # fmt: skip
        taken = time.perf_counter() - began
    own = float(found.table["seconds"].sum())
    return 1e3 * (taken - own) / _SHORT, 1e3 * own / _SHORT


def _cluster_is_the_same(session: Session, pool: WorkerPool) -> bool | None:
    try:
        import distributed
    except ImportError:
        return None
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=ERROR
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = _swept(session, 4, client).table
    return found.drop("seconds").equals(_swept(session, 4, pool).table.drop("seconds"))
