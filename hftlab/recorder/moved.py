"""Finds what was in hftlab.recorder in 0.1 under its old address: names of the package, and whole modules.

Homes are imported when they are asked for, by name: recorder does not depend on its sibling ingest.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

__all__ = ["MODULES", "NAMES", "find", "register"]

_PACKAGE: Final = "hftlab.recorder"

NAMES: Final = {
    "FORMATS": "ingest",
    "Imported": "ingest",
    "Recovery": "session",
    "Replay": "session",
    "Session": "session",
    "SessionWriter": "session",
    "import_capture": "ingest",
    "open_session": "session",
    "recover": "session",
}
"""Names that `from hftlab.recorder import ...` had, and their packages."""

MODULES: Final = {
    "event_table": "session.event_table",
    "growing": "market.growing_processor",
    "importing": "ingest.importing",
    "journal": "session.journal",
    "manifest": "session.manifest",
    "parts": "session.parts",
    "reader": "session.reader",
    "recovery": "session.recovery",
    "replay": "session.replay",
    "schema": "session.schema",
    "session": "session.session",
    "simulation": "ingest.simulation",
    "tables": "session.tables",
    "times": "session.times",
    "writer": "session.writer",
}
"""Modules that `import hftlab.recorder.importing` and the like had, and where they are."""


def find(name: str) -> Any:
    """Return what was called hftlab.recorder.NAME. Raises AttributeError."""
    if name in NAMES:
        return getattr(importlib.import_module(f"hftlab.{NAMES[name]}"), name)
    if name in MODULES:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")


def register() -> None:
    """Have import statements find the modules; registering again does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder, Loader):
    """Finds a moved module, and puts the module of today in its place: both addresses are one object."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == _PACKAGE and name in MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes what is in sys.modules afterwards.
        sys.modules[module.__name__] = importlib.import_module(f"hftlab.{MODULES[module.__name__.rpartition('.')[2]]}")
