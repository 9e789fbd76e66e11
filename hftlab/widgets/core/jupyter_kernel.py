"""Detects whether the Jupyter kernel reads the messages of its pages at the moment.

Widgets stop sending to a page that has fallen silent. But a kernel does not read the pages' messages while a cell runs
(unless the frontend sends them through a subshell), and then silence does not mean that the page is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import Any, Final

__all__ = ["JupyterKernel", "read_as_addressed"]

PROBE_EVERY: Final = 0.5  # seconds


class JupyterKernel:
    """The kernel that this process is, busy while a cell runs or a loop that reads pages' messages does not answer.

    The first sign covers cells that await, which leave the loop free although no messages are read; the second covers
    callbacks that block, on the main thread or on that of a subshell. Without IPython and without a loop the kernel
    counts as free.
    """

    def __init__(self) -> None:
        self.in_cell = False
        self._probes: dict[asyncio.AbstractEventLoop, _Probe] = {}
        self._shell: Any = None

    def attach(self) -> None:
        """Find the running loop and the IPython shell; called where widgets are made, normally the main thread."""
        self._watch_running_loop()
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

    def hear(self) -> bool:
        """Called while a page's message is read: True if the page is heard even while a cell runs."""
        self._watch_running_loop()
        # Cells run on the main thread; a subshell has a thread of its own.
        return self._shell is not None and not _on_main_thread()

    @property
    def is_unattended(self) -> bool:
        """True while a program runs the cells, as nbconvert --execute and papermill do: no page shows its widgets.

        Such programs let a cell ask for no input, and those that have a page do. Voilà lets it neither, but has pages.
        """
        if self._shell is None or any(name.startswith("VOILA_") for name in os.environ):
            return False
        request = self._shell.kernel.get_parent()
        return request.get("content", {}).get("allow_stdin") is False

    def is_busy(self, now: float) -> bool:
        """True while a cell runs, or a loop that reads messages has not answered its last probe; `now` in seconds."""
        if self.in_cell:
            return True
        for loop, probe in list(self._probes.items()):
            if loop.is_closed():
                self._probes.pop(loop, None)
            elif not probe.answers(now):
                return True
        return False

    def _watch_running_loop(self) -> None:
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._probes.setdefault(loop, _Probe(loop))

    def _cell_starts(self, _: Any) -> None:
        # A subshell may run code, too, and that keeps no message from being read elsewhere.
        if _on_main_thread():
            self.in_cell = True

    def _cell_ends(self, _: Any) -> None:
        if _on_main_thread():
            self.in_cell = False


class _Probe:
    """Finds out whether a loop that another thread runs gets round to what it is asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_waiting = False
        self._asked = float("-inf")

    def answers(self, now: float) -> bool:
        """False while the last question is unanswered; asks the next one when it is time."""
        if self._is_waiting:
            return False
        if now - self._asked >= PROBE_EVERY:
            self._asked, self._is_waiting = now, True
            try:
                self._loop.call_soon_threadsafe(self._answered)
            except RuntimeError:  # closed just now
                self._is_waiting = False
        return True

    def _answered(self) -> None:
        self._is_waiting = False


def read_as_addressed(comm: Any) -> None:
    """Have the kernel read the messages of a comm's pages in the subshell that they name.

    ipykernel 7.4 reads them in the shell that published on the comm last, so that a cell can wait for an answer. What
    the refresh thread publishes counts as the work of the newest request, normally the running cell: clicks and
    heartbeats would wait for its end, and be lost where that subshell is no longer there.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_addressed


def _as_addressed(_: Any, subshell: str | None) -> str | None:
    return subshell


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _ipython() -> Any:
    """The shell of the IPython kernel that this process is, else None; a terminal's shell has no pages."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None
