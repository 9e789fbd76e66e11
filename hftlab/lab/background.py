"""The background event loop that a notebook's servers, clients and recordings run on."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from hftlab.calling import use_plain_calls
from hftlab.forking import Home
from hftlab.lab.kept import kept
from hftlab.loop import detach_from_parent, new_loop

__all__ = ["background"]

T = TypeVar("T")

_END: Final = 2.0
"""Seconds that the loop may take to end with the process."""


class _Background:
    """A daemon thread with an event loop of its own (uvloop where it is installed), started at the first call.

    A forked child has another one, which starts at the child's first call.
    """

    def __init__(self) -> None:
        self._start_afresh()
        # Registered before the servers' and recordings' ends, and therefore called after them.
        atexit.register(self.end)

    def clear(self) -> None:
        """Start afresh in a forked child, where the thread is missing and the lock may be held by it for ever."""
        if self._loop is not None:
            detach_from_parent(self._loop)
            if self._is_current():  # forked in a callback: the child ends when that returns, see _run
                self._loop.stop()
        self._start_afresh()

    def end(self) -> None:
        """End the loop with its tasks and the thread, as the process does.

        Python ends daemon threads wherever they are, and in the middle of uvloop's code that may crash the process.
        """
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        with suppress(Exception):  # a task that does not end keeps nobody from leaving
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(_END)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_END)

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result; an interrupt cancels it and waits for its end."""
        if self._is_current():
            coroutine.close()
            raise RuntimeError(
                "a callback runs on the background loop and cannot wait for it: put the message into a queue.Queue, "
                "and make the call that waits from the main thread"
            )
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(_ending(coroutine, ended), self._running())
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait()
            raise

    def start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start a coroutine on the loop and return at once."""
        asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def call(self, function: Callable[[], T]) -> T:
        """Call a function that does not wait on the loop, and return its result."""
        if self._is_current():
            return function()

        async def called() -> T:
            return function()

        return self.run(called())

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                _let_interrupts_through()
                self._loop = new_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="hftlab I/O", daemon=True)
                self._thread.start()
            return self._loop

    def _is_current(self) -> bool:
        return threading.current_thread() is self._thread


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop on its thread, which in a child that was forked in a callback is all that there is."""
    home = Home()
    try:
        loop.run_forever()
    finally:
        if not home.is_here:
            sys.stdout.flush()
            sys.stderr.write(
                "hftlab: a process that was forked in a callback has returned from it, to a loop that is its parent's, "
                "and ends: end it with os._exit(), or start it as a multiprocessing.Process\n"
            )
            sys.stderr.flush()
            os._exit(1)


async def _ending(coroutine: Coroutine[Any, Any, T], ended: threading.Event) -> T:
    use_plain_calls()
    try:
        return await coroutine
    finally:
        ended.set()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _let_interrupts_through() -> None:
    """Let SIGINT interrupt system calls, as Python does; loading polars turns that off (pola-rs/polars#21739)."""
    if hasattr(signal, "siginterrupt"):  # not on Windows
        signal.siginterrupt(signal.SIGINT, True)


background: Final = kept("background loop", _Background)
