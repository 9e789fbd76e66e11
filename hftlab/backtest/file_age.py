"""Age of a file beside that of the process: one that is older is as it was when it was imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

__all__ = ["is_older_than_process"]

_MARGIN: Final = 1.0
"""Seconds by which the clocks of files and of processes may be apart."""


def is_older_than_process(file: Path) -> bool:
    """True if nothing has changed a file, or a link to it, since this process began; False where that is not known."""
    with suppress(OSError):
        states = (file.stat(), file.lstat())
        return max(max(one.st_mtime, one.st_ctime) for one in states) + _MARGIN < _STARTED
    return False


def _started() -> float:
    """Return when the process began (s since 1970), or the one that it may have been forked from, with its modules."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    is_child = multiprocessing is not None and multiprocessing.parent_process() is not None
    processes = [os.getpid(), os.getppid()] if is_child else [os.getpid()]
    try:
        began = [float(psutil.Process(one).create_time()) for one in processes]
    except (psutil.Error, OSError):
        return 0.0
    return min(began)


_STARTED: Final = _started()
"""A process that is forked from here keeps it, as it does what was imported."""
