"""Progress of a reader: reported to its caller, or as a bar on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hftlab.venues.capture_file import Progress

__all__ = ["no_progress", "progress_reporter"]

_SHOW_ABOVE: Final = 50_000_000


@contextmanager
def progress_reporter(path: Path, progress: Progress | None) -> Iterator[Progress]:
    """Provide the function to call with the bytes of a file read so far.

    It is `progress` if that is given. Without it a file over 50 MB shows a bar where standard error is a terminal.
    """
    total = path.stat().st_size
    if progress is not None or total <= _SHOW_ABOVE or not sys.stderr.isatty():
        yield progress or no_progress
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TransferSpeedColumn

    columns = (*Bar.get_default_columns(), TransferSpeedColumn())  # the default ones have the time that is left
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {path.name}", total=total)
        yield lambda done: bar.update(task, completed=done)


def no_progress(_: int) -> None:
    """Report nothing."""
