"""Sources of a strategy: the files of its modules, and of those of the same project that these import."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hftlab.backtest.loaded_source import parsed_tree

__all__ = ["is_own", "source_file", "source_texts"]

_INSTALLED: Final = frozenset(["site-packages", "dist-packages"])
"""Folders whose packages are not a project's own."""


def source_texts(modules: Iterable[str]) -> dict[str, bytes]:
    """Return the text of modules' files by name, and of all modules of the same project that they import.

    Of the same project is what lies outside of the standard library, of installed packages and of hftlab, or in the
    package of one of the modules. An import in a function counts as well; one by a computed name is not seen.
    """
    waiting = list(modules)
    own = {name.partition(".")[0] for name in waiting} - {"hftlab"}
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        file = None if name in found else source_file(name)
        if file is None:
            continue
        found[name] = file.read_bytes()
        waiting += [one for one in _imported(name, file, found[name]) if one not in found and is_own(one, own)]
    return dict(sorted(found.items()))


def source_file(name: str) -> Path | None:
    """Return the file of a module's text, also of one that is not imported as yet; None if it has none."""
    module = sys.modules.get(name)
    file = _found(name) if module is None else getattr(module, "__file__", None)
    path = None if file is None else Path(file)
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _found(name: str) -> str | None:
    package = name.rpartition(".")[0]
    if package and package not in sys.modules:  # it would be imported for this
        return None
    with suppress(Exception):  # whatever a package's own finder raises
        spec = importlib.util.find_spec(name)
        return None if spec is None else spec.origin
    return None


def is_own(name: str, packages: Collection[str] = ()) -> bool:
    """True if a module is of a project, and not of an installed package; those of `packages` are."""
    top = name.partition(".")[0]
    if top == "hftlab" or top in sys.stdlib_module_names:
        return False
    file = source_file(name)
    return file is not None and (top in packages or _INSTALLED.isdisjoint(file.parts))


def _imported(name: str, file: Path, text: bytes) -> Iterator[str]:
    """Return the names of the modules that a module's text imports, or may import, and of their packages."""
    try:
        tree = parsed_tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield from _with_packages(one.name)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_packages(home)
            yield from (f"{home}.{one.name}" for one in node.names)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])
