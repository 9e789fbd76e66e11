"""An event loop on a virtual clock: where everything waits, the clock jumps to what comes next."""

from __future__ import annotations

import asyncio
import functools
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

from hftlab.clock import NANOSECONDS

__all__ = ["VirtualLoop", "run", "settled", "virtual_loop", "virtual_time"]

P = ParamSpec("P")
T = TypeVar("T")

_START: Final = 1_767_364_200 * NANOSECONDS
"""Wall time at which each virtual clock starts: 2026-01-02 14:30:00 UTC."""
_DAY: Final = 86_400.0
_PATIENCE: Final = 5.0
"""Real seconds to wait for other threads where nothing is left to do."""
_INSTANT: Final = 1e-6
"""Virtual seconds after which everything that follows at once has happened; the loop's resolution is below it."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Event loop whose time is virtual: it stands while there is something to do, and then jumps to the next timer.

    asyncio.sleep(), timeouts and everything of hftlab that waits take no real time, and happen in the same order in
    every run. It raises TimeoutError once `limit` seconds have passed in which the test has not ended. The clock does
    not wait for sockets and other threads.
    """

    def __init__(self, limit: float = _DAY) -> None:
        self._now = 0.0
        self._limit = limit
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._now

    def wall_time(self) -> int:
        """Return the virtual time in ns since 1970; a loop starts at 2026-01-02 14:30 UTC."""
        return _START + round(self._now * NANOSECONDS)

    def jump(self, seconds: float) -> None:
        """Move the clock forward. For its selector. Raises TimeoutError beyond the limit."""
        if self._now + seconds > self._limit:
            limit, self._limit = self._limit, math.inf  # what ends the loop's tasks may wait as well
            raise TimeoutError(
                f"the test has not ended within {limit:g} s of virtual time: what it waits for does not come; "
                "hftlab.testing.run(..., limit=) allows more"
            )
        self._now += seconds


class _Selector(selectors.DefaultSelector):
    """Selector that does not wait for a timer, but moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            if not (ready := super().select(_PATIENCE)):
                raise TimeoutError("nothing is left to happen, and the test still waits: nothing will wake it up")
            return ready
        self._loop.jump(max(timeout, 0.0))
        return []


def run(test: Coroutine[Any, Any, T], *, limit: float = _DAY) -> T:
    """Run a test on a virtual clock and return its result; as asyncio.run() does, but without waiting.

    Raises what the test raises, and TimeoutError if it has not ended after `limit` virtual seconds, or if nothing is
    left that could happen.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit)) as runner:
        return runner.run(test)


def virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a plain function of a coroutine function, which runs on a virtual clock: a decorator of tests. See run()."""

    @functools.wraps(test)
    def on_virtual_clock(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return on_virtual_clock


def virtual_loop() -> VirtualLoop:
    """Return the running loop. Raises RuntimeError if its clock is not virtual."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError(
            "the clock of this loop is the real one: decorate the test with @hftlab.testing.virtual_time"
        )
    return loop


async def settled() -> None:
    """Return when everything has happened that follows at once from what has been done."""
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        await asyncio.sleep(_INSTANT)
        return
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


_ROUNDS: Final = 100
"""Turns of a loop on the real clock, of which no chain of the client's tasks needs as many."""
