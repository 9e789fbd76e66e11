"""The thread that refreshes every widget.

A cell that computes or sleeps keeps the kernel's main thread, so nothing that must go on may run there. The thread
refers to widgets weakly: a widget that nothing else refers to is garbage, and the thread ends with the last one.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from hftlab.widgets.core.jupyter_kernel import JupyterKernel

__all__ = ["REFRESH_LOOP", "RefreshLoop", "Refreshable"]

_log = logging.getLogger(__name__)


class Refreshable(Protocol):
    """A widget, or anything else that a RefreshLoop refreshes."""

    def tick(self, now: float, busy: bool) -> float | None:
        """Do what is due; return when to come back, None for not before `RefreshLoop.wake()`. Must not raise.

        `now` is in seconds of the loop's timer; `busy` says that the Jupyter kernel does not read its messages.
        """


class RefreshLoop:
    """A daemon thread that calls `tick` of everything added, each when it asked for it."""

    def __init__(self, kernel: JupyterKernel | None = None, timer: Callable[[], float] = time.monotonic) -> None:
        self.kernel = JupyterKernel() if kernel is None else kernel
        self._timer = timer
        # Reentrant: the collector may run a widget's close() in this very thread, at any line.
        self._changed = threading.Condition(threading.RLock())
        self._refreshables: weakref.WeakSet[Refreshable] = weakref.WeakSet()
        self._woken = False
        self._thread: threading.Thread | None = None

    def now(self) -> float:
        """The time of the loop's timer, in seconds."""
        return self._timer()

    def add(self, refreshable: Refreshable) -> None:
        """Tick something from now on; starts the thread if it does not run."""
        with self._changed:
            self._refreshables.add(refreshable)
            if self._thread is None or not self._thread.is_alive():  # not alive: this is the child of a fork
                self._thread = threading.Thread(target=self._run, name="hftlab-widgets", daemon=True)
                self._thread.start()
            self.wake()

    def discard(self, refreshable: Refreshable) -> None:
        """Tick something no longer."""
        with self._changed:
            self._refreshables.discard(refreshable)
            self.wake()

    def wake(self) -> None:
        """Call every `tick` now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Discard everything and wait for the thread to end."""
        with self._changed:
            thread = self._thread
            self._refreshables.clear()
            self.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)

    def start_afresh(self) -> None:
        """Forget everything in a forked child, where the thread is missing and the lock may be held by it for ever."""
        self._changed = threading.Condition(threading.RLock())
        self._refreshables, self._woken, self._thread = weakref.WeakSet(), False, None

    @property
    def is_running(self) -> bool:
        """True while the thread is alive."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self) -> None:
        while True:
            due = self._pass()
            with self._changed:
                if not self._woken:
                    self._changed.wait(None if due is None else max(0.0, due - self._timer()))
                self._woken = False
                if not self._refreshables:
                    self._thread = None
                    return

    def _pass(self) -> float | None:
        # A method of its own, so that no widget is referred to while the thread waits.
        with self._changed:
            refreshables = list(self._refreshables)
        now = self._timer()
        busy = self.kernel.is_busy(now)
        dues = [due for each in refreshables if (due := self._tick(each, now, busy)) is not None]
        return min(dues, default=None)

    def _tick(self, refreshable: Refreshable, now: float, busy: bool) -> float | None:
        try:
            return refreshable.tick(now, busy)
        except Exception:
            # Widgets show their own errors; an error that arrives here would come again at every tick.
            _log.exception("%r failed and is no longer refreshed", refreshable)
            self.discard(refreshable)
            return None


REFRESH_LOOP = RefreshLoop()
"""The loop of all widgets of this process."""
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=REFRESH_LOOP.start_afresh)
atexit.register(REFRESH_LOOP.stop)  # before the kernel closes the sockets that the thread writes to
