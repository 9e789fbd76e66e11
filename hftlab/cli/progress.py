"""A progress bar on standard error, for commands that may take longer than two seconds."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["Progress"]


class Progress:
    """A progress bar towards `total` (bytes, or any other unit; None: unknown); a context manager.

    Nothing is shown where standard error is not a terminal.
    """

    def __init__(self, task: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(task, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, to: Any) -> None:
        """Move the bar to a number of units, or show another text."""
        if isinstance(to, str):
            self._bar.update(self._task, description=to)
        else:
            self._bar.update(self._task, completed=to)
