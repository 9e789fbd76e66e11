"""Executors of sweeps: what takes runs, and how many are given to it at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, NamedTuple, TypeVar

from hftlab.errors import ArgumentError, ArgumentTypeError, ExecutorFailed
from hftlab.sweeps.worker_pool import WorkerPool

__all__ = ["Calls", "opened_executor"]

K = TypeVar("K")

_AHEAD: Final = 1024
"""Calls that a foreign executor has at a time: it is not asked how many it makes at once."""


class _Opened(NamedTuple):
    submit: Callable[..., Any]
    window: int


@contextmanager
def opened_executor(executor: Any, workers: int | None, tries: int) -> Iterator[_Opened]:
    """Provide the call that submits runs, and how many may be submitted at a time.

    None is a pool of processes, which ends with the block: at once if that is left by an exception. A
    `distributed.Client` is taken by its own executor. Raises ArgumentTypeError for something else, and ExecutorFailed
    for a client that is closed.
    """
    if executor is None:
        pool = WorkerPool(workers, tries=tries)
        try:
            yield _Opened(pool.submit, 2 * pool.workers)
        except BaseException:
            pool.kill()
            raise
        pool.shutdown()
        return
    if workers is not None:
        raise ArgumentError("workers is for the pool that a sweep makes: an executor has its own")
    if isinstance(executor, WorkerPool):
        yield _Opened(executor.submit, 2 * executor.workers)
    elif callable(getattr(executor, "get_executor", None)):  # distributed.Client, without importing it
        if executor.status in ("closing", "closed"):
            raise _failed(RuntimeError("the client is closed"))
        # Not pure: Dask would hash each task, and give a run of before for the same one.
        yield _Opened(executor.get_executor(pure=False, retries=tries - 1).submit, max(_AHEAD, 2 * _threads(executor)))
    elif isinstance(executor, Executor) or callable(getattr(executor, "submit", None)):
        yield _Opened(executor.submit, _AHEAD)
    else:
        raise ArgumentTypeError(
            f"executor is {executor!r}: give a concurrent.futures executor, a distributed.Client, or None for a pool "
            "of processes"
        )


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


class Calls(Generic[K]):
    """Calls that an executor is making, by their keys."""

    def __init__(self, submit: Callable[..., Any]) -> None:
        self._submit = submit
        self._futures: dict[K, Any] = {}
        self._ended: SimpleQueue[K] = SimpleQueue()

    def __len__(self) -> int:
        return len(self._futures)

    def submit(self, key: K, function: Callable[..., Any], *args: Any) -> None:
        """Submit a call. Raises ExecutorFailed."""
        try:
            future = self._submit(function, *args)
        except (BrokenExecutor, RuntimeError) as error:
            raise _failed(error) from error
        self._futures[key] = future
        future.add_done_callback(lambda _: self._ended.put(key))

    def next_ended(self, timeout: float | None) -> tuple[K, Any, Exception | None] | None:
        """Wait for a call that ends: its key, and its result or what it raised. None if none ends in time (s).

        Raises ExecutorFailed if the executor has broken.
        """
        try:
            key = self._ended.get(timeout=timeout)
        except Empty:
            return None
        try:
            return key, self._futures.pop(key).result(), None
        except (BrokenExecutor, CancelledError) as error:
            raise _failed(error) from error
        except Exception as error:
            return key, None, error

    def cancel(self) -> None:
        """Cancel the calls that have not begun."""
        for future in self._futures.values():
            future.cancel()


def _failed(error: BaseException) -> ExecutorFailed:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ExecutorFailed(
        f"the executor takes no more runs ({said}): what ended is kept, so make another one and start the sweep again; "
        "executor=None replaces processes that die"
    )
