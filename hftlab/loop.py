"""The event loop that servers and clients run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import select
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["detach_from_parent", "interruption", "new_loop", "run"]

T = TypeVar("T")

_inherited: list[asyncio.AbstractEventLoop] = []
"""Loops of parent processes, which were running when they were copied and cannot be deallocated."""


def new_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop: uvloop's where it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def detach_from_parent(loop: asyncio.AbstractEventLoop) -> None:
    """Detach the copy of a loop in a forked child from the kernel's list of sockets, which both processes share.

    Whatever the copy does at the end of the child would otherwise be done to the parent's loop.
    """
    _inherited.append(loop)
    atexit.register(_restart_threads)
    selector = getattr(loop, "_selector", None)
    with suppress(AttributeError, OSError, ValueError):
        shared = loop._get_backend_id() if selector is None else selector.fileno()  # type: ignore[attr-defined]
        empty = _empty_list()
        os.dup2(empty, shared, inheritable=False)
        os.close(empty)


def _empty_list() -> int:
    """Open what a loop can wait on and nothing comes from: a kernel's list of no sockets, where there are such."""
    if hasattr(select, "epoll"):
        with select.epoll() as sockets:
            return os.dup(sockets.fileno())
    return os.open(os.devnull, os.O_RDWR)


def _restart_threads() -> None:
    """Start the threads with which libuv resolves names: at the end of the process it waits for them to end.

    In a forked child it would wait for those of the parent, and crash.
    """
    loop = new_loop()
    loop.run_until_complete(loop.getaddrinfo("127.0.0.1", None))
    loop.close()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as asyncio.run() does, on such a loop, in a process that does nothing else."""
    # Imported modules stay: frozen, they are not searched for garbage, which would stop the process for 1.5 ms.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(coroutine)


def interruption() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set, instead of ending the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop
