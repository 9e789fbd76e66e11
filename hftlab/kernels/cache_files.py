"""Files of compiled kernels: those of functions that a later hftlab has moved or renamed are removed."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["known", "remove_outdated"]

_known: Final[defaultdict[tuple[str, str], set[str]]] = defaultdict(set)
"""Names without an ending of the files that belong to today's functions, by folder and module."""
_FILE: Final = re.compile(r"((\w+)\.([\w.]+)-\d+\.(py\w+))(?:\.\d+)?\.nb[ic]")
"""Pattern of numba's names: module.function-line.py311, the number of a signature, nbi (index) or nbc (code)."""


def known(folder: str, base: str) -> None:
    """Note the files of a function: their folder, and their name up to its ending."""
    _known[folder, base.partition(".")[0]].add(base)


def remove_outdated(folder: str, base: str) -> None:
    """Remove the files of a module's functions that are not there any more, but for other versions of Python.

    Call it when a function of the module is compiled anew: all of the module has been imported then. Functions inside
    of functions are left alone, as they exist only once their function has run.
    """
    module, _, rest = base.partition(".")
    tag = rest.rpartition(".")[2]
    today = _known.get((folder, module), set())
    with suppress(OSError):
        for path in Path(folder).iterdir():
            found = _FILE.fullmatch(path.name)
            if found is None or (found[2], found[4]) != (module, tag) or "locals" in found[3] or found[1] in today:
                continue
            with suppress(OSError):  # another process has removed it, or reads it on Windows
                path.unlink()
