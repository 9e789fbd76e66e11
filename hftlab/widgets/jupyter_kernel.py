"""Whether the Jupyter kernel can hear its pages now.

Widgets stop sending to a page that has fallen silent. But while a cell runs, a kernel leaves the pages' messages
unread (unless the frontend sends them through a subshell), and a page that is not heard is not a page that is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any, Final

__all__ = ["Kernel"]

PROBE_EVERY: Final = 0.5  # seconds


class Kernel:
    """Two signs of a busy kernel: a cell is running, or the main loop does not answer.

    The first covers cells that await, which leave the loop free and the messages unread all the same; the second covers
    callbacks that block. Where there is neither IPython nor a loop, the kernel counts as free.
    """

    def __init__(self) -> None:
        self.in_cell = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shell: Any = None
        self._waiting = False
        self._probed = float("-inf")

    def attach(self) -> None:
        """Look around; to be called where widgets are made, which is the kernel's main thread as a rule."""
        if self._loop is None:
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
        if self._shell is None:
            self.watch(_ipython())

    def watch(self, shell: Any) -> None:
        """Follow the cells of an IPython kernel's shell."""
        if shell is None:
            return
        self._shell = shell
        # We are called from a cell; should it be from a callback, the next cell's end sets this right.
        self.in_cell = True
        # Not pre_execute and post_execute: ipykernel triggers those around every message of a page, too.
        shell.events.register("pre_run_cell", self._cell_starts)
        shell.events.register("post_run_cell", self._cell_ends)

    def busy(self, now: float) -> bool:
        return self.in_cell or not self._loop_answers(now)

    @property
    def reads_in_cells(self) -> bool:
        """To be asked while a page's message is read: whether such messages are read even while a cell runs."""
        # A thread other than the main one is a subshell's.
        return self.in_cell or threading.current_thread() is not threading.main_thread()

    def _loop_answers(self, now: float) -> bool:
        if self._loop is None:
            return True
        if self._waiting:
            return False
        if now - self._probed >= PROBE_EVERY:
            self._probed, self._waiting = now, True
            try:
                self._loop.call_soon_threadsafe(self._answered)
            except RuntimeError:  # closed: nobody will ever answer
                self._loop, self._waiting = None, False
        return True

    def _answered(self) -> None:
        self._waiting = False

    def _cell_starts(self, _: Any) -> None:
        self.in_cell = True

    def _cell_ends(self, _: Any) -> None:
        self.in_cell = False


def _ipython() -> Any:
    """The shell of the IPython kernel that we run in, or None; a terminal's shell has no pages."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None
