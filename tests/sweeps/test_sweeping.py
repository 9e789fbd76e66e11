"""Sweeps: the same table whoever runs it, from where it was, and whatever happens to a run."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import Latency, Lognormal, run_backtest
from hftlab.errors import ArgumentError, ExecutorFailed, SessionNotFound
from hftlab.sweeps import WorkerPool
from hftlab.sweeps.measures import measures_of
from tests.session.object_server import BUCKET, object_server
from tests.sweeps.recordings import outcome, two_days
from tests.sweeps.strategies import Joiner, joiner, maker

GRID = {"ticks": [0, 1, 2], "size": [100, 50]}


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads of this process: the cheapest executor."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def expected(threads: ThreadPoolExecutor) -> pl.DataFrame:
    return outcome(hl.sweep(Joiner, two_days(), GRID, executor=threads))


class TestTable:
    def test_has_what_single_backtests_give(self, expected: pl.DataFrame) -> None:
        """In the order of the grid, whose last name changes first, with all sessions of each point."""
        sessions = two_days()
        points = [(ticks, size) for ticks in GRID["ticks"] for size in GRID["size"]]
        names = [str(session.folder) for session in sessions]  # both folders are called levels
        assert expected.select("ticks", "size", "session").rows() == [
            (*point, name) for point in points for name in names
        ]
        for place, (ticks, size) in enumerate(points):
            for number, session in enumerate(sessions):
                result = run_backtest(Joiner, session, parameters={"ticks": ticks, "size": size})
                row = expected.row(2 * place + number, named=True)
                assert {name: row[name] for name in measures_of(result.summary())} == measures_of(result.summary())
        assert expected["fills"].sum() > 20
        assert expected["error"].null_count() == len(expected)

    def test_is_the_same_of_one_process(self, pool: WorkerPool, expected: pl.DataFrame) -> None:
        assert_frame_equal(outcome(hl.sweep(Joiner, two_days(), GRID, executor=pool)), expected, check_exact=True)

    @pytest.mark.parametrize("workers", [2, pytest.param(3, marks=pytest.mark.soak)])
    def test_is_the_same_of_more_processes(self, workers: int, expected: pl.DataFrame) -> None:
        assert_frame_equal(outcome(hl.sweep(Joiner, two_days(), GRID, workers=workers)), expected, check_exact=True)

    def test_is_the_same_of_a_function_that_makes_the_strategy(
        self, threads: ThreadPoolExecutor, expected: pl.DataFrame
    ) -> None:
        made = hl.sweep(joiner, two_days(), GRID, executor=threads)
        assert_frame_equal(outcome(made), expected, check_exact=True)

    def test_of_sessions_on_an_object_store(
        self, monkeypatch: pytest.MonkeyPatch, pool: WorkerPool, expected: pl.DataFrame
    ) -> None:
        """The worker gets the options that the catalogue was opened with: its own environment has none."""
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with object_server() as server:
            for day, session in enumerate(two_days()):
                hl.upload(session.folder, f"s3://{BUCKET}/day={day}", storage_options=server.environment)
            stored = hl.sessions(f"s3://{BUCKET}", storage_options=server.environment)
            found = outcome(hl.sweep(Joiner, stored, GRID, executor=pool))
        assert_frame_equal(found.drop("session"), expected.drop("session"), check_exact=True)

    def test_of_a_compiled_strategy(self, threads: ThreadPoolExecutor, pool: WorkerPool) -> None:
        one, other = (
            hl.sweep(maker, two_days()[0], {"ticks": [0, 3], "lots": [1, 5]}, executor=executor)
            for executor in (threads, pool)
        )
        assert_frame_equal(outcome(one), outcome(other), check_exact=True)
        result = run_backtest(maker(ticks=3, lots=5), two_days()[0])
        assert one.table.row(-1, named=True)["turnover"] == result.summary().total.turnover > 0

    def test_arguments_of_the_backtest_are_in_the_grid(self, threads: ThreadPoolExecutor) -> None:
        slow = Latency(entry=Lognormal("50ms", sigma=1))
        grid = {"fill": ["risk_averse", "power(3)"], "latency": [None, slow], "seed": [1, 2]}
        found = hl.sweep(Joiner, two_days()[0], grid, executor=threads, parameters={"ticks": 1}).table
        assert found["latency"].to_list() == [None, None, repr(slow), repr(slow)] * 2
        assert found["seed"].to_list() == [1, 2] * 4
        drawn = Latency(entry=Lognormal("50ms", sigma=1), seed=2)
        result = run_backtest(Joiner, two_days()[0], fill="power(3)", latency=drawn, parameters={"ticks": 1}).summary()
        row = found.row(-1, named=True)
        assert (row["pnl"], row["fills"]) == (result.total.pnl, result.total.fills)

    def test_of_no_grid_is_a_row_a_session(self, threads: ThreadPoolExecutor) -> None:
        found = hl.sweep(Joiner, two_days(), executor=threads)
        assert found.table.height == 2
        assert found.names == []
        assert found.by_point()["sessions"].to_list() == [2]


class TestFolder:
    def test_keeps_what_has_ended_and_goes_on_from_there(
        self, tmp_path: Path, threads: ThreadPoolExecutor, expected: pl.DataFrame
    ) -> None:
        part = hl.sweep(Joiner, two_days(), {"ticks": [0, 1], "size": [100]}, executor=threads, folder=tmp_path / "s")
        counted = _Counting(threads)
        whole = hl.sweep(Joiner, two_days(), GRID, executor=counted, folder=tmp_path / "s")
        assert counted.calls == 12 - part.table.height
        assert_frame_equal(outcome(whole), expected, check_exact=True)
        assert_frame_equal(hl.open_sweep(tmp_path / "s").table, whole.table, check_exact=True)
        assert_frame_equal(pl.read_parquet(tmp_path / "s" / "table.parquet"), whole.table, check_exact=True)

    def test_a_session_that_was_moved_has_its_new_name(self, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
        """Another one has its old name since; the table is that of a sweep which begins now."""
        first, second = (one.folder for one in two_days())
        shutil.copytree(first, tmp_path / "a")
        hl.sweep(Joiner, tmp_path / "a", executor=threads, folder=tmp_path / "s")
        (tmp_path / "a").rename(tmp_path / "b")
        shutil.copytree(second, tmp_path / "a")
        both, counted = [tmp_path / "a", tmp_path / "b"], _Counting(threads)
        with pytest.warns(UserWarning, match="the data of the session"):
            found = hl.sweep(Joiner, both, executor=counted, folder=tmp_path / "s")
        assert counted.calls == 1
        assert found.table["session"].to_list() == ["a", "b"]
        assert_frame_equal(outcome(found), outcome(hl.sweep(Joiner, both, executor=threads)), check_exact=True)
        assert_frame_equal(hl.open_sweep(tmp_path / "s").table, found.table, check_exact=True)

    def test_says_that_code_has_changed_and_runs_again(self, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
        def made(size: int) -> Any:
            class Changing(Joiner):
                def __init__(self) -> None:
                    super().__init__(size)

            return Changing

        hl.sweep(made(100), two_days()[0], executor=threads, folder=tmp_path)
        counted = _Counting(threads)
        hl.sweep(made(100), two_days()[0], executor=counted, folder=tmp_path)
        assert counted.calls == 0
        with pytest.warns(
            UserWarning, match="Changing: runs are done again, as .* since: the code of the strategy .of 1."
        ):
            changed = hl.sweep(made(50), two_days()[0], executor=counted, folder=tmp_path)
        assert counted.calls == changed.table.height == 1

    def test_an_error_is_kept_or_tried_again(self, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
        counted = _Counting(threads)
        grid = {"fault": ["", "raise"]}
        hl.sweep(Joiner, two_days()[0], grid, executor=counted, folder=tmp_path)
        hl.sweep(Joiner, two_days()[0], grid, executor=counted, folder=tmp_path)
        assert counted.calls == 2
        hl.sweep(Joiner, two_days()[0], grid, executor=counted, folder=tmp_path, retry_errors=True)
        assert counted.calls == 3

    def test_an_interrupt_keeps_what_has_ended(
        self, tmp_path: Path, threads: ThreadPoolExecutor, expected: pl.DataFrame
    ) -> None:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background have none
        try:
            with pytest.raises(KeyboardInterrupt):
                hl.sweep(Joiner, two_days(), GRID, executor=_Interrupting(5), folder=tmp_path)
        finally:
            signal.signal(signal.SIGINT, before)
        kept = hl.open_sweep(tmp_path)
        assert (kept.table.height, kept.planned) == (5, 12)
        assert repr(kept).endswith("5 runs of 12)")
        counted = _Counting(threads)
        whole = hl.sweep(Joiner, two_days(), GRID, executor=counted, folder=tmp_path)
        assert counted.calls == 7
        assert_frame_equal(outcome(whole), expected, check_exact=True)


class TestFailures:
    def test_an_exception_is_a_row_and_the_others_go_on(self, threads: ThreadPoolExecutor) -> None:
        found = hl.sweep(Joiner, two_days()[0], {"fault": ["", "raise", "none"]}, executor=threads)
        assert found.table["error"].is_null().to_list() == [True, False, True]
        assert found.errors["error"][0].startswith("ZeroDivisionError: by nothing (strategies.py, line ")
        assert found.by_point()["fault"].to_list() == ["", "none"]
        assert "3 runs, 1 with an error" in repr(found)

    def test_a_killed_process_costs_its_run(self) -> None:
        found = hl.sweep(Joiner, two_days()[0], {"fault": ["kill", ""]}, workers=1, tries=2)
        assert found.table["error"].is_null().to_list() == [False, True]
        assert "was killed by signal 9 2 times" in found.errors["error"][0]

    def test_a_pool_of_the_standard_library_gives_the_same_table_until_it_breaks(
        self, tmp_path: Path, expected: pl.DataFrame
    ) -> None:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            assert_frame_equal(outcome(hl.sweep(Joiner, two_days(), GRID, executor=pool)), expected, check_exact=True)
            with pytest.raises(ExecutorFailed, match="executor=None replaces processes that die"):
                hl.sweep(Joiner, two_days()[0], {"fault": ["", "kill"]}, executor=pool, folder=tmp_path)
        assert hl.open_sweep(tmp_path).table["fault"].to_list() == [""]

    def test_an_executor_that_has_been_shut_down(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            pass
        with pytest.raises(ExecutorFailed, match="cannot schedule new futures"):
            hl.sweep(Joiner, two_days()[0], executor=pool)

    def test_a_session_that_changes_is_a_row(self, tmp_path: Path) -> None:
        """The rows would be said to be of other data than they are."""
        shutil.copytree(two_days()[0].folder, tmp_path / "day")
        session = hl.open_session(tmp_path / "day")

        class Late(ThreadPoolExecutor):
            def submit(self, *args: Any, **options: Any) -> Any:
                manifest = session.folder / "manifest.json"
                manifest.write_bytes(manifest.read_bytes().replace(b'"messages"', b' "messages"'))
                return super().submit(*args, **options)

        with Late(1) as pool:
            found = hl.sweep(Joiner, session, executor=pool)
        assert found.errors.height == 1

    def test_what_no_run_could_begin_with_is_an_error_at_once(self, tmp_path: Path) -> None:
        counted = _Counting(None)
        with pytest.raises(SessionNotFound):
            hl.sweep(Joiner, tmp_path / "nowhere", executor=counted)
        shutil.copytree(two_days()[0].folder, tmp_path / "day")
        opened = hl.open_session(tmp_path / "day")
        shutil.rmtree(tmp_path / "day")
        with pytest.raises(SessionNotFound, match="is gone since it was opened"):
            hl.sweep(Joiner, opened, executor=counted)
        with pytest.raises(ArgumentError, match="no fill model"):
            hl.sweep(Joiner, two_days(), {"fill": ["fifo", "fof"]}, executor=counted)
        with pytest.raises(ArgumentError, match="there are no sessions"):
            hl.sweep(Joiner, [], executor=counted)
        with pytest.raises(ArgumentError, match="workers is for the pool that a sweep makes"):
            hl.sweep(Joiner, two_days(), executor=counted, workers=2)
        with pytest.raises(ArgumentError, match="cannot be sent to another process"):
            hl.sweep(Joiner, two_days(), {"size": [threading.Lock()]}, executor=counted)
        with pytest.raises(ArgumentError, match="executor is 'dask'"):
            hl.sweep(Joiner, two_days(), executor="dask")
        assert counted.calls == 0


class _Counting:
    """Executor that counts what it is given."""

    def __init__(self, executor: Any) -> None:
        self._executor, self.calls = executor, 0

    def submit(self, *args: Any) -> Any:
        self.calls += 1
        return self._executor.submit(*args)


class _Interrupting:
    """Executor that runs each call at once, and is interrupted after some, as by Ctrl-C while the sweep waits."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def submit(self, function: Any, *args: Any) -> Any:
        future: Future[Any] = Future()
        if self._left:
            self._left -= 1
            future.set_result(function(*args))
            if not self._left:
                threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return future
