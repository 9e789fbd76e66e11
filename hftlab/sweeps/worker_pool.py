"""Pool of processes of its own: each is started afresh, makes one call at a time, and is replaced when it dies.

concurrent.futures.ProcessPoolExecutor gives up all of its calls when one process is killed, and its processes begin by
running the script that made it once more. Here a process that dies costs the call that it made, which is tried again;
nothing of the parent is forked or run again, so that a pool may be made in a notebook, in a thread, or at the top of a
script.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO, Final, TypeVar, cast

import cloudpickle

from hftlab.errors import ArgumentError, WorkerDied
from hftlab.forking import Home, hold
from hftlab.sweeps.framing import read_block, write_block

__all__ = ["WorkerPool", "cores"]

T = TypeVar("T")

_ONE_THREAD: Final = ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that keep the libraries of a process on its core: there is a process a core."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool(Executor):
    """Executor whose calls run in `workers` processes (None: one a core); a context manager.

    Functions and arguments are pickled by cloudpickle: what a notebook defines goes with them. A process starts with
    its first call, knows the modules that this one finds, has its options (-O, -X, -W), and ends with the pool, or with
    this process however that ends. A call whose process dies is made again in a new one; after `tries` its future
    raises WorkerDied.
    """

    def __init__(self, workers: int | None = None, *, tries: int = 3) -> None:
        for name, value in (("workers", 1 if workers is None else workers), ("tries", tries)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} is {value!r}: give a whole number, 1 or more")
        self.workers = workers or cores()
        self._tries = tries
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="hftlab-sweep")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._workers = [_Worker() for _ in range(self.workers)]
        for one in self._workers:
            self._idle.put(one)
        self._is_killed = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Make a call in one of the processes, and return its future."""
        data = cloudpickle.dumps((_called, (fn, args, kwargs)) if kwargs else (fn, args))
        return self._threads.submit(cast("Callable[[bytes], T]", self._call), data)

    def _call(self, data: bytes) -> Any:
        worker = self._idle.get()
        status: int | None = None
        try:
            for _ in range(self._tries):
                answer = worker.call(data)
                if answer is not None:
                    is_result, value = cloudpickle.loads(answer)
                    if not is_result:
                        raise value
                    return value
                status = worker.end()
                if self._is_killed:
                    break
            raise WorkerDied(self._tries, status)
        finally:
            self._idle.put(worker)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls end (those not begun only without `cancel_futures`), and then the processes."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            for one in self._workers:
                one.end()

    def kill(self) -> None:
        """End the processes at once, also in the middle of a call."""
        self._is_killed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for one in self._workers:
            one.kill()
        self.shutdown()


def _called(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    return function(*args, **kwargs)


class _Worker:
    """One process, from its first call on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_killed = False
        self._home = Home()
        hold(self)

    def call(self, data: bytes) -> bytes | None:
        """Send a call and return its answer; None if the process has died, or was killed."""
        with self._lock:
            if self._is_killed:
                return None
            if self._process is None:
                self._process = _started()
        process = self._process
        with suppress(OSError):  # the pipe of a process that is dead
            write_block(cast("BinaryIO", process.stdin), data)
            return read_block(cast("BinaryIO", process.stdout))
        return None

    def end(self) -> int | None:
        """End the process, which makes no call, and return how it did: an exit status, or a signal below 0."""
        process, self._process = self._process, None
        if process is None or not self._home.is_here:
            return None
        with suppress(OSError):
            cast("BinaryIO", process.stdin).close()
        status = process.wait()
        cast("BinaryIO", process.stdout).close()
        return status

    def kill(self) -> None:
        """End the process at once; there will not be another one."""
        with self._lock:
            self._is_killed = True
            if self._process is not None and self._home.is_here:
                self._process.kill()

    def descriptors(self) -> list[int]:
        """Return the ends of its pipes, which a forked child must let go of: the process would outlive this one."""
        process = self._process
        return [] if process is None else [pipe.fileno() for pipe in (process.stdin, process.stdout) if pipe]


def _started() -> subprocess.Popen[bytes]:
    # The modules that this process finds, wherever it has them from; an empty entry is the present folder.
    paths = [path or str(os.getcwd()) for path in sys.path if isinstance(path, str)]  # noqa: PTH109 - a text
    found = {"PYTHONPATH": os.pathsep.join(paths), **dict.fromkeys(_ONE_THREAD, "1")}
    return subprocess.Popen(  # noqa: S603 - this interpreter, with its own options
        [sys.executable, *_options(), "-P", "-m", "hftlab.sweeps.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | found,
        # A key that interrupts what runs in a terminal, or in a notebook, is for this process: it ends the others.
        start_new_session=True,
    )


def _options() -> list[str]:
    """Return the options of this interpreter that decide what code does: -O, -b, -W and -X, and -B.

    Those that leave the environment out (-E, -I) are not among them: by it a process finds the modules.
    """
    counts = {"O": sys.flags.optimize, "b": sys.flags.bytes_warning, "B": int(sys.dont_write_bytecode)}
    named = [f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()]
    letters = [f"-{letter * count}" for letter, count in counts.items() if count]
    return [*letters, *(f"-W{one}" for one in sys.warnoptions), *named]
