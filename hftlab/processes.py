"""Names of processes for error messages: this one, another notebook's kernel, a command."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["process_name", "this_process"]

_SHELLS: Final = ("python", "python3", "node", "bash", "sh")
"""Programs that are named by the script that they run."""


def this_process() -> str:
    """Name this process: "this kernel" where a notebook runs it, else "this process"."""
    if "IPython" in sys.modules:
        from IPython import get_ipython

        if hasattr(get_ipython(), "kernel"):
            return "this kernel"
    return "this process"


def process_name(number: int) -> str:
    """Name a process of this machine by what it runs, such as "hftlab serve (process 4711)"."""
    import psutil  # not at the top: `hftlab doctor` runs without it

    if number == os.getpid():
        return this_process()
    name = "a process"
    with suppress(psutil.Error, OSError):
        process = psutil.Process(number)
        name = process.name()
        name = _of_command(name, process.cmdline())
    return f"{name} (process {number})"


def _of_command(name: str, words: list[Any]) -> str:
    if any("ipykernel" in word for word in words):
        return "another notebook's kernel"
    programs = [Path(word).name for word in words]
    if len(programs) > 1 and programs[0].rstrip(".0123456789") in _SHELLS:
        programs = programs[1:]
    if programs[:1] == ["hftlab"]:
        return " ".join(programs[:2])
    return name
