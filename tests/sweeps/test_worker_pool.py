"""Pool of processes: calls, errors, processes that die, and ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import psutil
import pytest

from hftlab.errors import ArgumentError, WorkerDied
from hftlab.sweeps import WorkerPool
from hftlab.sweeps.framing import read_block, write_block
from hftlab.sweeps.worker_pool import cores
from tests.command import environment
from tests.waiting import until


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def died(path: Path, times: int) -> int:
    """Kill this process the first `times` times."""
    with path.open("a") as file:
        file.write("x")
    if path.stat().st_size <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.stat().st_size


class TestCalls:
    def test_return_and_raise(self, pool: WorkerPool) -> None:
        assert list(pool.map(pow, [2, 3], [3, 2])) == [8, 9]
        assert pool.submit(lambda: os.getpid()).result() != os.getpid()
        assert pool.submit(int, "11", base=2).result() == 3
        with pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result()

    def test_an_exception_that_cannot_be_pickled_is_its_text(self, pool: WorkerPool) -> None:
        def fail() -> None:
            class Own(Exception):
                def __init__(self) -> None:
                    super().__init__("mine")
                    self.lock = threading.Lock()

            raise Own

        with pytest.raises(RuntimeError, match="Own: mine"):
            pool.submit(fail).result()

    def test_what_they_print_and_read_is_not_the_answer(self, pool: WorkerPool) -> None:
        def talk() -> str:
            os.write(1, b"noise")
            print("more noise")  # noqa: T201
            return sys.stdin.read()

        assert pool.submit(talk).result() == ""

    def test_libraries_keep_to_their_core_and_modules_are_found(self, pool: WorkerPool) -> None:
        def threads() -> Any:
            import polars

            import tests.sweeps.strategies

            return polars.thread_pool_size(), tests.sweeps.strategies.Joiner.__name__

        assert pool.submit(threads).result() == (1, "Joiner")

    def test_what_a_call_forks_answers_nothing(self, pool: WorkerPool) -> None:
        def forks(number: int) -> int:
            os.fork()
            return number

        assert [pool.submit(forks, number).result() for number in range(3)] == [0, 1, 2]
        assert pool.submit(pow, 2, 5).result() == 32

    def test_large_values(self, pool: WorkerPool) -> None:
        assert len(pool.submit(lambda data: data + data, b"x" * 1_000_000).result()) == 2_000_000


class TestDeaths:
    def test_a_call_is_made_again_in_a_new_process(self, pool: WorkerPool, tmp_path: Path) -> None:
        before = pool.submit(os.getpid).result()
        assert pool.submit(died, tmp_path / "calls", 2).result() == 3
        assert pool.submit(os.getpid).result() != before

    def test_after_some_tries_it_is_given_up(self, pool: WorkerPool, tmp_path: Path) -> None:
        with pytest.raises(WorkerDied, match="was killed by signal 9 3 times: it may need more memory") as caught:
            pool.submit(died, tmp_path / "calls", 9).result()
        assert (caught.value.tries, caught.value.status) == (3, -9)
        assert (tmp_path / "calls").read_text() == "xxx"

    def test_a_process_that_exits(self) -> None:
        with WorkerPool(1, tries=1) as pool, pytest.raises(WorkerDied, match=r"exited \(7\): it may"):
            pool.submit(os._exit, 7).result()


class TestEnds:
    def test_processes_end_with_the_pool(self) -> None:
        with WorkerPool(1) as pool:
            number = pool.submit(os.getpid).result()
        assert not psutil.pid_exists(number)

    def test_killing_it_ends_a_call_in_its_middle(self, tmp_path: Path) -> None:
        pool = WorkerPool(1)
        running, waiting = pool.submit(_wait_for_ever, tmp_path / "number"), pool.submit(pow, 2, 2)
        until((tmp_path / "number").is_file)
        pool.kill()
        with pytest.raises(WorkerDied):
            running.result()
        with pytest.raises((CancelledError, WorkerDied)):
            waiting.result()

    def test_processes_end_when_the_one_that_has_made_them_is_killed(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib; from hftlab.sweeps import WorkerPool\n"
            "from tests.sweeps.test_worker_pool import _wait_for_ever\n"
            "WorkerPool(1).submit(_wait_for_ever, pathlib.Path(sys.argv[1]))"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "number")], env=environment()) as process:
            until((tmp_path / "number").is_file)
            number = int((tmp_path / "number").read_text())
            process.kill()
        until(lambda: not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE)

    def test_a_script_that_sweeps_at_its_top_is_not_run_again(self, tmp_path: Path) -> None:
        """Pools of the standard library begin by running the script once more."""
        script = tmp_path / "script.py"
        script.write_text(
            "from hftlab.sweeps import WorkerPool\n"
            "def double(x):\n    return 2 * x\n"
            "with WorkerPool(1) as pool:\n    print(pool.submit(double, 21).result())\n"
        )
        done = subprocess.run([sys.executable, script], env=environment(), capture_output=True, text=True, check=True)
        assert done.stdout == "42\n"


def _wait_for_ever(path: Path) -> None:
    path.with_suffix(".new").write_text(str(os.getpid()))
    path.with_suffix(".new").rename(path)
    threading.Event().wait()


def test_processes_have_the_options_of_the_interpreter() -> None:
    """A strategy's assertions hold there as here, and so do its warnings."""
    code = (
        "import sys\n"
        "from hftlab.sweeps import WorkerPool\n"
        "told = lambda: (sys.flags.optimize, sys.flags.dont_write_bytecode, sys._xoptions, sys.warnoptions[-1])\n"
        "with WorkerPool(1) as pool:\n"
        "    print(told() == pool.submit(told).result(), told())\n"
    )
    options = ["-OO", "-B", "-X", "int_max_str_digits=9000", "-X", "utf8", "-W", "error::UserWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    said = "True (2, 1, {'int_max_str_digits': '9000', 'utf8': True}, 'error::UserWarning')"
    assert done.stdout.strip() == said, done.stderr


def test_a_core_is_a_process() -> None:
    assert WorkerPool().workers == cores() >= 1


@pytest.mark.parametrize(("name", "value"), [("workers", 0), ("workers", 1.5), ("tries", True)])
def test_numbers_are_checked(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name} is {value!r}: give a whole number, 1 or more"):
        WorkerPool(**{name: value})


def test_blocks_are_whole_or_none() -> None:
    file = io.BytesIO()
    write_block(file, b"abc")
    for size in range(len(file.getvalue())):
        assert read_block(io.BytesIO(file.getvalue()[:size])) is None
    assert read_block(io.BytesIO(file.getvalue())) == b"abc"
