"""Where Python is when a test hangs: shown after ten minutes."""

from __future__ import annotations

import faulthandler
import os
import time

__all__ = ["HangWatch"]

PATIENCE = 600.0  # s: kernels that are compiled for the first time take minutes on a busy machine
EVERY = 60.0  # s


class HangWatch:
    """A plugin that has all threads' tracebacks written when a test takes ten minutes, or one less.

    pytest's own `faulthandler_timeout` starts a thread with each test and waits for its end: on a busy machine a few
    milliseconds, of more than ten thousand tests. Here one thread watches all tests that begin within a minute.
    """

    def __init__(self) -> None:
        self._stderr = os.dup(2)  # before pytest captures it
        self._last = -EVERY

    def pytest_runtest_setup(self) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY:
            faulthandler.dump_traceback_later(PATIENCE, file=self._stderr)
            self._last = now

    def pytest_unconfigure(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        os.close(self._stderr)
