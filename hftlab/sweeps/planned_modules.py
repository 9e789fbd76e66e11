"""Modules that a sweep was planned with: wherever a run is, they are of the text whose hash its row is kept under.

The process that plans a sweep has its modules as they were imported, and refuses to begin where a file says something
else by now. Other processes that still have them as they were before import them anew.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import types
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from hftlab.backtest.file_age import is_older_than_process
from hftlab.backtest.imported_code import computes_otherwise
from hftlab.backtest.loaded_source import difference, skeleton
from hftlab.errors import StaleCode
from hftlab.sweeps.module_sources import source_file, source_texts

__all__ = ["Sources", "check", "forget", "is_stale", "loaded_sources", "prepare"]

Sources: TypeAlias = tuple[tuple[str, str], ...]
"""Names of modules, each with the SHA-256 of the text of its file."""

_OWN_NAMES: Final = ("__main__", "__mp_main__")
"""Modules that are another one in each process; what they define goes by value."""


class _Text(NamedTuple):
    text: bytes
    hash: str
    """Kept as well: it is asked for at each run."""


class _Loads:
    """Texts that the modules of this process were loaded from, as far as they are known."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, _Text]] = {}
        self.planner = 0
        """Process that has planned a sweep: it is this one, or the one that it was forked from."""

    def get(self, module: types.ModuleType) -> _Text | None:
        mark, known = self._known.get(module.__name__, (None, None))
        return known if mark is _mark(module) else None

    def note(self, module: types.ModuleType, known: bytes) -> None:
        self._known[module.__name__] = _mark(module), _Text(known, _hash(known))


_loads: Final = _Loads()


def _mark(module: types.ModuleType) -> object:
    """Return an object that is another one once a module was loaded again."""
    return module.__spec__ or module


def loaded_sources(modules: Iterable[str], instead: Mapping[str, Mapping[str, Any]] | None = None) -> Sources:
    """Return modules, and those of their project that they import, with the hashes of their files.

    `instead` are objects to look at in place of a module's own, by its name and theirs. Raises StaleCode if one of them
    is not loaded as its file says. Warns of something that was changed from outside in a module whose file was not.
    """
    _loads.planner = os.getpid()
    found = []
    for name, text in source_texts(modules).items():
        module = sys.modules.get(name)
        if module is not None:
            _check_loaded(name, module, text, (instead or {}).get(name))
            _loads.note(module, text)
        found.append((name, _hash(text)))
    return tuple(found)


def _check_loaded(name: str, module: types.ModuleType, text: bytes, instead: Mapping[str, Any] | None) -> None:
    noted = _loads.get(module)
    known = None if noted is None else noted.text
    what = difference(module, text, instead)
    is_old = is_older_than_process(Path(str(module.__file__)))
    if what is None and known is None and not is_old and computes_otherwise(module, text):
        raise _edited(name, module, "what it computes as it is imported")
    if what is None:
        if known is not None and known != text and not _is_patched(known, text):
            raise _edited(name, module, None)
    elif not is_old and (
        known != text or (instead and difference(module, text) is None)  # what is of before the module's last load
    ):
        raise _edited(name, module, what)
    else:
        warnings.warn(
            f"{name}: {what} was changed from outside of {module.__file__}, which rows are kept under and which other "
            "processes run as it is: make it a parameter",
            stacklevel=2,
        )


def _is_patched(known: bytes, text: bytes) -> bool:
    """True if all that an edit has changed can be compared: a module may be patched in place, as IPython's are."""
    try:
        return skeleton(known) == skeleton(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _edited(name: str, module: types.ModuleType, what: str | None) -> StaleCode:
    file = Path(str(module.__file__))
    cached = getattr(module, "__cached__", None)
    if cached is not None:  # it is taken for that of the file if both are of one second and of one size
        with suppress(OSError):
            Path(cached).unlink()
    if name in _OWN_NAMES:
        return StaleCode(f"{file} was edited after it was started: start it again", name)
    where = "" if what is None else f" ({what} is another one in {file})"
    return StaleCode(
        f"{name} was edited after it was imported{where}: importlib.reload({name}), and import from it anew what was "
        "imported by name, or restart the kernel",
        name,
    )


def is_stale(sources: Sources) -> bool:
    """True if this process has a module of a text other than a sweep was planned with.

    Raises StaleCode in the process that has planned it, whose modules are the user's to load again.
    """
    return bool(_stale(sources))


def _stale(sources: Sources) -> list[str]:
    stale = [name for name, planned in sources if name in sys.modules and not _is_as_planned(name, planned)]
    if stale and os.getpid() == _loads.planner:
        raise _edited(stale[0], sys.modules[stale[0]], None)
    return stale


def _is_as_planned(name: str, planned: str) -> bool:
    module = sys.modules[name]
    if name in _OWN_NAMES:
        return True
    known = _loads.get(module)
    if known is not None:
        return known.hash == planned
    file = source_file(name)
    text = _archived(module) if file is None else file.read_bytes()
    if text is None or _hash(text) != planned:
        return False
    if file is not None and not is_older_than_process(file) and difference(module, text) is not None:
        return False
    _loads.note(module, text)
    return True


def _archived(module: types.ModuleType) -> bytes | None:
    """Return the text of a module that was imported from an archive, as a cluster's may be."""
    loader: Any = module.__loader__
    with suppress(Exception):  # whatever a loader of somebody's own raises
        text = loader.get_data(module.__file__)
        return text if isinstance(text, bytes) else None
    return None


def forget(sources: Sources) -> None:
    """Forget modules, so that they are imported anew; what has been made of them goes on as it was."""
    for name, _ in sources:
        if name not in _OWN_NAMES:
            sys.modules.pop(name, None)
    importlib.invalidate_caches()


def prepare(sources: Sources) -> None:
    """Have modules imported from the text of their files from now on, unless this process has planned the sweep."""
    if os.getpid() != _loads.planner:
        _finder.names.update(name for name, _ in sources)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


def check(sources: Sources) -> None:
    """Raise StaleCode if a module has been imported since of another text than the sweep was planned with."""
    stale = _stale(sources)
    if stale:
        raise StaleCode(
            f"{stale[0]} has another text here than where the sweep began: start it again, and on a cluster give all "
            "machines the same file",
            stale[0],
        )


class _Finder:
    """Finder of the modules of sweeps, whose loader notes what text it has run."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: types.ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a sweep's module that has a file of its own; None for all others."""
        spec = PathFinder.find_spec(name, path, target) if name in self.names else None
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Loader that runs the text of a file itself: a compiled one may be of a text of the same second and size."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the module's text, and note its hash."""
        text = Path(self.path).read_bytes()
        _loads.note(module, text)
        exec(compile(text, self.path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - as imports do


_finder: Final = _Finder()
