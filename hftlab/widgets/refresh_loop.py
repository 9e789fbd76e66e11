"""The one thread that feeds every widget, and what a widget needs of a client.

A cell that computes or sleeps keeps the kernel's main thread, so nothing that must go on may run there. The thread
holds its widgets weakly: one that nobody else holds is gone, and with the last one the thread ends.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from hftlab.protocol.messages import MarketDataSymbol
from hftlab.widgets.jupyter_kernel import Kernel

__all__ = ["FEED", "Book", "Client", "Fed", "Feed", "Histogram", "Level", "Metrics"]

_log = logging.getLogger(__name__)

Level: TypeAlias = tuple[float, float, int]
"""(price, size, orders)"""


class Book(Protocol):
    @property
    def stale(self) -> bool: ...
    @property
    def ts_event(self) -> int: ...
    def bids(self, n: int, /) -> Sequence[Level]: ...
    def asks(self, n: int, /) -> Sequence[Level]: ...


class Histogram(Protocol):
    """A LatencyHistogram: all values in nanoseconds."""

    @property
    def count(self) -> int: ...
    def summary(self) -> Mapping[str, float]: ...
    def bars(self) -> tuple[Sequence[float], Sequence[int]]: ...


class Metrics(Protocol):
    @property
    def latency(self) -> Mapping[str, Histogram]: ...
    @property
    def messages_received(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def gaps(self) -> int: ...


class Client(Protocol):
    """What the widgets draw from. Every call comes from the feeding thread, and must be safe and cheap there."""

    @property
    def connection_status(self) -> Any: ...
    @property
    def metrics(self) -> Metrics: ...
    def book(self, symbol: str, /) -> Book | None: ...
    def latest(self, symbol: str, /) -> MarketDataSymbol | None: ...


class Fed(Protocol):
    def tick(self, now: float, busy: bool) -> float | None:
        """Do what is due; return when to come back, None for not before `Feed.wake()`. Must not raise."""


class Feed:
    """A daemon thread that calls `tick` of everything added, each when it asked for it."""

    def __init__(self, kernel: Kernel | None = None, timer: Callable[[], float] = time.monotonic) -> None:
        self.kernel = Kernel() if kernel is None else kernel
        self._timer = timer
        # Reentrant: the collector may run a widget's close() in this very thread, at any line.
        self._changed = threading.Condition(threading.RLock())
        self._fed: weakref.WeakSet[Fed] = weakref.WeakSet()
        self._woken = False
        self._thread: threading.Thread | None = None

    def add(self, fed: Fed) -> None:
        with self._changed:
            self._fed.add(fed)
            if self._thread is None or not self._thread.is_alive():  # not alive: we are the child of a fork
                self._thread = threading.Thread(target=self._run, name="hftlab-widgets", daemon=True)
                self._thread.start()
            self.wake()

    def discard(self, fed: Fed) -> None:
        with self._changed:
            self._fed.discard(fed)
            self.wake()

    def wake(self) -> None:
        """Have every `tick` called now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Let go of everything and wait for the thread to end."""
        with self._changed:
            thread = self._thread
            self._fed.clear()
            self.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)

    @property
    def running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self) -> None:
        while True:
            due = self._pass()
            with self._changed:
                if not self._woken:
                    self._changed.wait(None if due is None else max(0.0, due - self._timer()))
                self._woken = False
                if not self._fed:
                    self._thread = None
                    return

    def _pass(self) -> float | None:
        # A method of its own, so that no widget is held while the thread waits.
        with self._changed:
            fed = list(self._fed)
        now = self._timer()
        busy = self.kernel.busy(now)
        dues = [due for each in fed if (due := self._tick(each, now, busy)) is not None]
        return min(dues, default=None)

    def _tick(self, fed: Fed, now: float, busy: bool) -> float | None:
        try:
            return fed.tick(now, busy)
        except Exception:
            # Widgets show their own errors; what arrives here would come again at every tick.
            _log.exception("%r failed and is no longer fed", fed)
            self.discard(fed)
            return None


FEED = Feed()
atexit.register(FEED.stop)  # before the kernel closes the sockets that the thread writes to
