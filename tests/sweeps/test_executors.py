"""Executors of sweeps: Dask's, and calls as they end."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.errors import ExecutorFailed
from hftlab.sweeps.executors import Calls, opened_executor
from tests.needs import absent
from tests.sweeps.recordings import outcome, two_days
from tests.sweeps.strategies import Joiner

GRID = {"ticks": [0, 1], "fault": ["", "raise"]}


def client(**options: Any) -> Any:
    """Start a cluster of this machine.

    Dask gives up a worker that has not come back after 15 s, and never starts another: a busy machine takes longer to
    start one that was killed. It gives up a run that has killed one more worker than it allows.
    """
    try:
        import dask
        import distributed
    except ImportError:
        absent("needs distributed")
    dask.config.set({"distributed.deploy.lost-worker-timeout": "1h", "distributed.scheduler.allowed-failures": 1})
    return distributed.Client(n_workers=1, threads_per_worker=2, dashboard_address=None, **options)


@pytest.mark.filterwarnings("default")  # Dask's own, when a cluster starts and ends
def test_a_cluster_of_dask_gives_the_same_table() -> None:
    with ThreadPoolExecutor(1) as threads:
        expected = outcome(hl.sweep(Joiner, two_days(), GRID, executor=threads))
    with client(processes=False) as cluster:
        found = hl.sweep(Joiner, two_days(), GRID, executor=cluster)
    assert_frame_equal(outcome(found), expected, check_exact=True)
    with pytest.raises(ExecutorFailed, match="the client is closed"):
        hl.sweep(Joiner, two_days(), GRID, executor=cluster)


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
def test_processes_of_dask_give_the_same_table_and_a_killed_one_costs_its_run() -> None:
    grid = {"ticks": [0, 1], "fault": ["", "raise", "kill"]}
    with client(processes=True, host="127.0.0.1") as cluster:
        found = hl.sweep(Joiner, two_days(), grid, executor=cluster, tries=2)
    whole = hl.sweep(Joiner, two_days(), {**grid, "fault": ["", "raise"]}, workers=2)
    killed = found.table["fault"] == "kill"
    assert_frame_equal(outcome(found).filter(~killed), outcome(whole), check_exact=True)
    assert all("KilledWorker" in error for error in found.table.filter(killed)["error"])


class TestCalls:
    def test_come_as_they_end(self) -> None:
        futures: list[Future[int]] = []

        def submit(*_: Any) -> Future[int]:
            futures.append(Future())
            return futures[-1]

        calls = Calls[str](submit)
        for key in "abc":
            calls.submit(key, int)
        assert calls.next_ended(0) is None
        futures[2].set_result(7)
        futures[0].set_exception(ValueError("no"))
        assert calls.next_ended(1) == ("c", 7, None)
        key, result, error = calls.next_ended(1) or ("", 0, None)
        assert (key, result, str(error)) == ("a", None, "no")
        assert len(calls) == 1
        calls.cancel()
        assert futures[1].cancelled()
        with pytest.raises(ExecutorFailed, match="takes no more runs"):
            calls.next_ended(1)


def test_a_pool_has_twice_as_many_runs_as_processes() -> None:
    with opened_executor(None, 3, 1) as (_, window):
        assert window == 6
    with hl.sweeps.WorkerPool(2) as pool, opened_executor(pool, None, 1) as (submit, window):
        assert (submit, window) == (pool.submit, 4)
