"""A progress bar on standard error, for commands that may take longer than two seconds."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

__all__ = ["Progress", "Unit", "pace_text"]

Unit: TypeAlias = Literal["bytes", "rows", "messages", ""]
"""Unit that is counted; "" for one whose rate says nothing."""


class Progress:
    """A progress bar towards `total` (None: unknown) with the rate and the time that is left; a context manager.

    Nothing is shown where standard error is not a terminal.
    """

    def __init__(self, task: str, total: int | None, unit: Unit = "") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        class Pace(ProgressColumn):
            max_refresh = 0.5

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text(pace_text(speed, unit, task.time_remaining, task.elapsed or 0.0))

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), Pace())
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


def pace_text(speed: float | None, unit: Unit, left: float | None, elapsed: float) -> str:
    """Format a rate (units per second) and the seconds that are left, as far as they are known, else those elapsed."""
    from rich.filesize import decimal

    rate = ""
    if speed is not None and unit:
        rate = f"{decimal(round(speed)) if unit == 'bytes' else f'{speed:,.0f} {unit}'}/s, "
    return f"{rate}{_time(elapsed)} so far" if left is None else f"{rate}{_time(left)} left"


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
