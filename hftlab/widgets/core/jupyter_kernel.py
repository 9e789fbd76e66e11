"""Detects whether the Jupyter kernel reads the messages of its pages at the moment.

Widgets stop sending to a page that has fallen silent. But a kernel does not read the pages' messages while a cell runs
(unless the frontend sends them through a subshell), and then silence does not mean that the page is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any, Final

__all__ = ["JupyterKernel"]

PROBE_EVERY: Final = 0.5  # seconds


class JupyterKernel:
    """The kernel that this process is, busy while a cell runs or the main loop does not answer.

    The first sign covers cells that await, which leave the loop free although no messages are read; the second covers
    callbacks that block. Without IPython and without a loop the kernel counts as free.
    """

    def __init__(self) -> None:
        self.in_cell = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shell: Any = None
        self._is_waiting = False
        self._probed = float("-inf")

    def attach(self) -> None:
        """Find the running loop and the IPython shell; called where widgets are made, normally the main thread."""
        if self._loop is None:
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
        if self._shell is None:
            self.follow(_ipython())

    def follow(self, shell: Any) -> None:
        """Follow the cells of an IPython kernel's shell; None is ignored."""
        if shell is None:
            return
        self._shell = shell
        # Widgets are normally made in a cell; if it was a callback instead, the end of the next cell corrects this.
        self.in_cell = True
        # Not pre_execute and post_execute: ipykernel triggers those around every message of a page, too.
        shell.events.register("pre_run_cell", self._cell_starts)
        shell.events.register("post_run_cell", self._cell_ends)

    def is_busy(self, now: float) -> bool:
        """True while a cell runs or the main loop has not answered the last probe; `now` in seconds."""
        return self.in_cell or not self._loop_answers(now)

    @property
    def reads_in_cells(self) -> bool:
        """Asked while a page's message is read: True if such messages are read even while a cell runs."""
        # A thread other than the main one is a subshell's.
        return self.in_cell or threading.current_thread() is not threading.main_thread()

    def _loop_answers(self, now: float) -> bool:
        if self._loop is None:
            return True
        if self._is_waiting:
            return False
        if now - self._probed >= PROBE_EVERY:
            self._probed, self._is_waiting = now, True
            try:
                self._loop.call_soon_threadsafe(self._answered)
            except RuntimeError:  # the loop is closed, and will never answer
                self._loop, self._is_waiting = None, False
        return True

    def _answered(self) -> None:
        self._is_waiting = False

    def _cell_starts(self, _: Any) -> None:
        self.in_cell = True

    def _cell_ends(self, _: Any) -> None:
        self.in_cell = False


def _ipython() -> Any:
    """The shell of the IPython kernel that this process is, else None; a terminal's shell has no pages."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None
