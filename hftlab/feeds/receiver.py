"""Receiver of a live feed: a thread with the connections to a venue, and the offset of the venue's clock."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from hftlab.clock import wall_time
from hftlab.errors import HftlabError
from hftlab.feeds.arrivals import Arrival, Failed
from hftlab.feeds.stream_link import LinkCounts, StreamLink
from hftlab.log import get_logger
from hftlab.loop import new_loop
from hftlab.transport.backoff import Backoff
from hftlab.transport.clock_offset import ClockOffset

__all__ = ["Receiver"]

_END: Final = 2.0
"""Seconds that the thread may take to end."""

_log = get_logger("hftlab.feeds")


class Receiver(ABC):
    """Receiver of the streams and snapshots of some symbols, on a thread of its own from start() to stop().

    `tell` gets what comes, on that thread. Snapshots are asked for by want(), from any thread; `backoff` has the waits
    before those that are asked for in vain. A venue's receiver says what its work is, and how it asks for a snapshot.
    """

    def __init__(self, symbols: Sequence[str], backoff: Backoff, tell: Callable[[Arrival], None]) -> None:
        self.links: list[StreamLink] = []
        self.counts = LinkCounts()
        self.offset = ClockOffset()
        self.snapshots = 0
        self.problem: str | None = None
        """Sentence that says why the instruments or a snapshot cannot be had at present; None if they can."""
        self._symbols, self._backoff, self._tell = tuple(symbols), backoff, tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stops: asyncio.Event | None = None
        self._is_started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hftlab feed", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._is_started.wait()
        # Python ends daemon threads wherever they are, and in the middle of uvloop's code that may crash the process.
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the connections and the thread."""
        atexit.unregister(self.stop)
        loop, stops = self._loop, self._stops
        if loop is not None and stops is not None:
            with suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(stops.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_END)

    def want(self, symbol: str, attempts: int) -> None:
        """Ask for a snapshot, the later the more were of no use."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(self._want, symbol, attempts)

    def _want(self, symbol: str, attempts: int) -> None:
        assert self._loop is not None
        delay = 0.0 if attempts == 0 else self._backoff.delay(attempts)
        self._loop.call_later(delay, self._ask, symbol, attempts)

    def stats(self) -> dict[str, Any]:
        """Return the counts of the connections, as FeedStats has them."""
        best = self.offset.best
        return dataclasses.asdict(self.counts) | {
            "snapshots": self.snapshots,
            "offset": None if best is None else best.offset,
            "offset_uncertainty": None if best is None else best.delay // 2,
        }

    # --- the thread ---

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._received())

    async def _received(self) -> None:
        self._loop, self._stops = asyncio.get_running_loop(), asyncio.Event()
        self._is_started.set()
        work = asyncio.ensure_future(self._work())
        stopped = asyncio.ensure_future(self._stops.wait())
        try:
            await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
            if work.done() and (error := work.exception()) is not None:
                while isinstance(error, BaseExceptionGroup):
                    error = error.exceptions[0]
                if not isinstance(error, HftlabError):  # one of ours says itself what to do, and its reader gets it
                    _log.error("the feed has failed", exc_info=error)
                    error = HftlabError(f"the feed has failed: {error!r}")
                self._tell(Failed(wall_time(), error))
                await stopped
        finally:
            for task in (work, stopped):
                task.cancel()
            await asyncio.gather(work, stopped, return_exceptions=True)

    async def _together(self, jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Run the links and some jobs until one fails."""
        async with asyncio.TaskGroup() as group:
            for job in [*(link.run() for link in self.links), *jobs]:
                group.create_task(job)

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            _log.warning("the venue cannot be asked", reason=problem)
        self.problem = problem

    # --- what a venue's receiver says ---

    @abstractmethod
    async def _work(self) -> None:
        """Find the instruments, and keep the links up. Raises SubscriptionFailed."""

    @abstractmethod
    def _ask(self, symbol: str, attempts: int) -> None:
        """Ask for a symbol's snapshot now."""
