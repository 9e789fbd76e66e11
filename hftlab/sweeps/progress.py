"""Progress of a sweep: a bar on the terminal, or a line with one below a notebook's cell, which goes at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

__all__ = ["Progress", "progress"]

_OFTEN: Final = 0.2
"""Seconds between two updates of a notebook's line."""


class Progress(Protocol):
    """Display of a sweep's progress."""

    def advance(self, ended: int, errors: int) -> None:
        """Show how many runs have ended, and how many of these with an error."""


@contextmanager
def progress(total: int, *, kept: int = 0, is_shown: bool | None = None, of: str = "runs") -> Iterator[Progress]:
    """Provide the display of the progress towards `total` runs, or whatever they are `of`; `kept` are there already.

    With None it is shown where somebody sees it: on a terminal, and in a notebook that a person runs; programs that run
    notebooks compare and keep outputs.
    """
    shell = _kernel_shell()
    if shell is not None and (is_shown or (is_shown is None and getattr(shell.kernel, "_allow_stdin", False))):
        line = _CellBar(total, kept, of)
        try:
            yield line
        finally:
            line.close()
    elif shell is None and (is_shown or (is_shown is None and sys.stderr is not None and sys.stderr.isatty())):
        with _terminal_bar(total, kept, of) as bar:
            yield bar
    else:
        yield _Nothing()


def _kernel_shell() -> Any:
    """Return the shell of a notebook's kernel, None elsewhere."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


class _Nothing:
    def advance(self, ended: int, errors: int) -> None:
        """Show nothing."""


class _CellBar:
    """Bar below a notebook's cell."""

    def __init__(self, total: int, kept: int, of: str) -> None:
        from IPython.display import DisplayHandle

        self._total, self._kept, self._of = total, kept, of
        self._began, self._shown = time.monotonic(), 0.0
        handle: Any = DisplayHandle  # which has no types
        self._handle = handle()
        self._handle.display(self._bundle(kept, 0), raw=True)

    def advance(self, ended: int, errors: int) -> None:
        now = time.monotonic()
        if now - self._shown >= _OFTEN:
            self._shown = now
            self._handle.update(self._bundle(ended, errors), raw=True)

    def close(self) -> None:
        """Take the bar away."""
        self._handle.update({"text/plain": ""}, raw=True)

    def _bundle(self, ended: int, errors: int) -> dict[str, str]:
        text = _text(ended, self._total, errors, ended - self._kept, time.monotonic() - self._began, self._of)
        return {
            "text/plain": text,
            "text/html": (
                f"<progress value='{ended}' max='{self._total}' style='width:20em;vertical-align:middle'></progress> "
                f"<span style='font-variant-numeric:tabular-nums'>{text}</span>"
            ),
        }


def _text(ended: int, total: int, errors: int, done: int, passed: float, of: str) -> str:
    said = f"{ended:,} of {total:,} {of}"
    if errors:
        said += f", {errors:,} with an error"
    if done and ended < total:
        said += f", {_time(passed / done * (total - ended))} left"
    return said


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@contextmanager
def _terminal_bar(total: int, kept: int, of: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    class Shown:
        def advance(self, ended: int, errors: int) -> None:
            said = _text(ended, total, errors, ended - kept, time.monotonic() - began, of)
            bar.update(task, completed=ended, description=said)

    console = Console(stderr=True)
    with Bar(BarColumn(), TextColumn("{task.description}", markup=False), console=console, transient=True) as bar:
        began = time.monotonic()
        task = bar.add_task("", total=total)
        shown = Shown()
        shown.advance(kept, 0)
        yield shown
