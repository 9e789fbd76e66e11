"""A line that says that kernels are compiled, and goes when they are: in a notebook's cell, or on a terminal.

The first use of a kernel by a new version compiles it: a second for one, a minute for all of an exchange. Later
uses read it from disk and show nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from hftlab.compilation import watchers

__all__ = ["Notice", "show_in_notebook", "show_on_terminal"]

_OFTEN: Final = 0.2
"""Seconds between two texts at least."""
_IDLE: Final = 1.0
"""Seconds without a compilation after which the line goes: kernels come one after the other."""

Show = Callable[[str | None], None]
"""Function that shows a line in the place of the last one; None for none."""


class Notice:
    """Line that `show` shows while kernels are compiled, as long as `is_seen` says that somebody is there to see it."""

    def __init__(self, show: Show, is_seen: Callable[[], bool]) -> None:
        self._show, self._is_seen = show, is_seen
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None
        self._count, self._began, self._shown = 0, 0.0, 0.0

    @property
    def is_seen(self) -> bool:
        """True if a line would be seen now."""
        return self._is_seen()

    def begin(self, kernel: str) -> None:
        """Show that a kernel is compiled."""
        with self._lock:
            self._wait_no_more()
            if not self._is_seen():
                return
            now = time.monotonic()
            if not self._count:
                self._began, self._shown = now, 0.0
            self._count += 1
            if now - self._shown >= _OFTEN:
                self._shown = now
                part = f"{now - self._began:.0f} s ({kernel.split('.')[1]})"
                self._show(f"hftlab compiles its kernels, once for this version: {self._count} so far, {part}")

    def end(self) -> None:
        """Let the line go unless another kernel follows."""
        with self._lock:
            self._wait_no_more()
            if self._count:
                self._idle = threading.Timer(_IDLE, self.clear)
                self._idle.daemon = True
                self._idle.start()

    def clear(self) -> None:
        """Take the line away."""
        with self._lock:
            self._wait_no_more()
            if self._count:
                self._count = 0
                self._show(None)

    def _wait_no_more(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def show_in_notebook(shell: Any) -> None:
    """Show compilations in the cells of a notebook that a person runs, and on the terminal of IPython."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        show_on_terminal()
        return
    # Programs that run notebooks (nbclient, papermill, nbval) answer no questions: their outputs are compared and kept.
    notice = Notice(_CellLine(), lambda: bool(getattr(kernel, "_allow_stdin", False)) and _is_main_thread())
    watchers[:] = [notice]
    shell.events.register("post_run_cell", lambda *_: notice.clear())


def show_on_terminal() -> None:
    """Show compilations on standard error if that is a terminal."""
    watchers[:] = [Notice(_TerminalLine(), _is_terminal)]


def _is_terminal() -> bool:
    # Looked up anew: a program that runs the command inside of it, as pytest does, puts another stream there meanwhile.
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()


def _is_main_thread() -> bool:
    # What another thread displays lands in whichever cell ran last.
    return threading.current_thread() is threading.main_thread()


class _CellLine:
    """A line below a cell: an output that is updated, and empty at the end."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, line: str | None) -> None:
        from IPython.display import DisplayHandle

        if line is None:
            self._handle.update({"text/plain": ""}, raw=True)
            self._handle = None
        elif self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display({"text/plain": line}, raw=True)
        else:
            self._handle.update({"text/plain": line}, raw=True)


class _TerminalLine:
    """A line with a spinner on standard error."""

    def __init__(self) -> None:
        self._status: Any = None

    def __call__(self, line: str | None) -> None:
        from rich.console import Console
        from rich.markup import escape

        if line is None:
            self._status.stop()
            self._status = None
        elif self._status is None:
            self._status = Console(stderr=True).status(escape(line))
            self._status.start()
        else:
            self._status.update(escape(line))
