"""Timer of a stream: exact to the system's clock where the system offers that, as Linux does."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hftlab.forking import Home, hold

__all__ = ["StreamTimer"]

_GRAIN: Final = 0.00005
"""Seconds that a system's timer needs at least."""
_LOOP_GRAIN: Final = 0.0015
"""Seconds that an event loop's timer needs at least: it is up to 1 ms late."""
_FLAGS: Final = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0) if hasattr(os, "O_NONBLOCK") else 0
"""TFD_NONBLOCK and TFD_CLOEXEC of timerfd_create(2), which have these values."""
_MOST: Final = 1e9
"""Seconds; whatever is later is looked at again then."""


class StreamTimer:
    """Calls `callback` on the running loop when a delay has passed; one delay at a time.

    An event loop's own timers are up to a millisecond late. Polling the loop until a message is due makes up for it,
    and uses up the time slice in which the message would be sent: on a busy machine the server then loses its processor
    in the middle. Linux' timerfd_create(2) wakes the loop on time, rested. Elsewhere `grain` is longer: poll for the
    rest of a delay that is shorter.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._descriptor = _descriptor()
        if self._descriptor is not None:
            try:
                self._loop.add_reader(self._descriptor, self._fired)
            except NotImplementedError:  # asyncio's loop of Windows; a loop of somebody's own
                os.close(self._descriptor)
                self._descriptor = None
        # A forked child has the same timer and not a copy of it: what it sets would be its parent's.
        self._home = Home()
        hold(self)
        self.grain = _LOOP_GRAIN if self._descriptor is None else _GRAIN
        """Seconds; the shortest delay that start() takes."""

    def start(self, delay: float) -> None:
        """Call back in `delay` seconds, at the earliest, or where timers are not exact shortly before that."""
        if not self._home.is_here:
            return
        if self._descriptor is None:
            self._handle = self._loop.call_later(delay - _LOOP_GRAIN / 2, self._callback)
        else:
            _set(self._descriptor, min(delay, _MOST))

    def stop(self) -> None:
        """Forget a delay that has not passed."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._descriptor is not None and self._home.is_here:
            _set(self._descriptor, 0.0)

    def close(self) -> None:
        """Give the system's timer back."""
        self.stop()
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def descriptors(self) -> list[int]:
        """Return the system's timer, which a forked child lets go of."""
        return [] if self._descriptor is None else [self._descriptor]

    def _fired(self) -> None:
        assert self._descriptor is not None
        with suppress(BlockingIOError):  # it has been set anew meanwhile
            os.read(self._descriptor, 8)
            self._callback()


_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _descriptor() -> int | None:
    """Make a timer of the system's; None where there is none."""
    if _libc is None:
        return None
    descriptor: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, _FLAGS)
    return None if descriptor < 0 else descriptor


def _set(descriptor: int, delay: float) -> None:
    """Let a timer fire once in `delay` seconds; never with 0."""
    nanoseconds = round(delay * 1e9)
    # struct itimerspec: the interval and the first time, each in seconds and nanoseconds.
    times = struct.pack("@4l", 0, 0, nanoseconds // 1_000_000_000, nanoseconds % 1_000_000_000)
    assert _libc is not None
    if _libc.timerfd_settime(descriptor, 0, times, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
