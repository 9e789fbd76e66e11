"""Code that a module was imported from, as Python keeps it beside the file, compared with what the file says now.

It tells of what a comparison of the module itself cannot: a value that the module computes as it is imported, such as
`LEVELS = spread(3)`, in a file that was edited since.
"""

from __future__ import annotations

import importlib.util
import inspect
import marshal
import os
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Final

from hftlab.backtest.loaded_source import code_contents, compiled_text

__all__ = ["computes_otherwise"]

_HEADER: Final = 16
"""Bytes before the code: a magic number, flags, and the time and the size of the text (PEP 552)."""
_PATCHING: Final = "IPython.extensions.autoreload"
"""Extension that patches modules in place, after which the code beside the file is not what runs."""


def computes_otherwise(module: types.ModuleType, text: bytes) -> bool:
    """Tell whether a module was imported from a text whose statements, outside of functions, were others than `text`'s.

    False where that is not known: the code is not kept, or another process has imported the edited file since.
    """
    code = _imported_code(module)
    if code is None:
        return False
    try:
        said = compiled_text(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _statements(code) != _statements(said)


def _imported_code(module: types.ModuleType) -> types.CodeType | None:
    """Return the code beside a module's file if that is of an earlier text; None where it is not known to have run."""
    file, cached = (getattr(module, name, None) for name in ("__file__", "__cached__"))
    is_kept = type(getattr(module, "__loader__", None)) is SourceFileLoader and not sys.dont_write_bytecode
    if not is_kept or not file or not cached or _PATCHING in sys.modules:
        return None
    try:
        data, state = Path(cached).read_bytes(), os.stat(file)  # noqa: PTH116 - as imports do
        # Where it cannot be written it may be of a text that was never imported here.
        if data[:4] != importlib.util.MAGIC_NUMBER or any(data[4:8]) or not os.access(Path(cached).parent, os.W_OK):
            return None
        stamp = tuple(int.from_bytes(data[at : at + 4], "little") for at in (8, 12))
        if stamp == (int(state.st_mtime) & 0xFFFFFFFF, state.st_size & 0xFFFFFFFF):
            return None
        code = marshal.loads(data[_HEADER:])  # noqa: S302 - what the import itself has run
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return code if isinstance(code, types.CodeType) else None


def _statements(code: types.CodeType) -> tuple[Any, ...]:
    """Return what the code of a module or a class does, whatever the functions do that it defines."""
    return code_contents(code, _of_function)


def _of_function(code: types.CodeType) -> str | None:
    """Return the name of a function that is defined there; None of a class, and of what is computed at once."""
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return code.co_name if is_function else None
