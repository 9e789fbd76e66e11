"""Identity of a strategy's code: a hash that changes when the code does, also of what a notebook defines."""

from __future__ import annotations

import dis
import functools
import hashlib
import inspect
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hftlab.backtest import CompiledStrategy
from hftlab.backtest.facts import code_hash, described

__all__ = ["code_identity"]

_DEEPEST: Final = 20


def code_identity(strategy: object) -> str:
    """Return a hash of a strategy's code.

    Of what is in a module's file it is that of the file, and of those of its base classes that are not hftlab's own. Of
    what a notebook, a prompt or a function has defined it is that of its functions, and of the functions, classes and
    plain values that these name. A module that the code imports does not count.
    """
    digest = hashlib.sha256(f"python {sys.version_info[:2]}".encode())
    while isinstance(strategy, functools.partial):
        digest.update(repr((described(strategy.args), described(strategy.keywords))).encode())
        strategy = strategy.func
    if isinstance(strategy, CompiledStrategy):
        for record in (strategy.first_state, strategy.parameter_values):
            digest.update(repr((record.dtype.descr, record.tobytes().hex(), strategy.every, strategy.on)).encode())
    for one in _parts(strategy):
        if _has_file(one):
            digest.update(code_hash(one).encode())
        if not _is_of_a_file(one):
            _Walk(digest).add(one)
    return digest.hexdigest()


def _parts(strategy: Any) -> list[Any]:
    """Return what a strategy's code consists of: a function, or a class and its bases that are not hftlab's."""
    if not inspect.isclass(strategy):
        return [inspect.unwrap(strategy)]
    bases = [one for one in strategy.__mro__[1:] if one is not object]
    return [strategy, *(one for one in bases if one.__module__.partition(".")[0] != "hftlab")]


def _is_of_a_file(one: Any) -> bool:
    """True if the text of a file says all of a function or a class: it is not within another function."""
    return _has_file(one) and "<locals>" not in one.__qualname__


def _has_file(one: Any) -> bool:
    file = getattr(sys.modules.get(getattr(one, "__module__", None) or ""), "__file__", None)
    return file is not None and Path(file).is_file()


def _globals_of(code: types.CodeType) -> set[str]:
    """Return the names of a function's globals, and of those of the functions within it."""
    found = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_globals_of(one) for one in code.co_consts if isinstance(one, types.CodeType)))


class _Walk:
    """Walk over functions and classes of a notebook, and what they name there."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self._seen: set[int] = set()

    def add(self, value: Any, depth: int = 0) -> None:
        """Add a value, and all that it names."""
        value = inspect.unwrap(value) if callable(value) and not inspect.isclass(value) else value
        value = getattr(value, "py_func", value)
        if isinstance(value, property):
            for part in (value.fget, value.fset, value.fdel):
                self.add(part, depth)
        elif isinstance(value, staticmethod | classmethod):
            self.add(value.__func__, depth)
        elif isinstance(value, types.FunctionType) or inspect.isclass(value):
            if id(value) in self._seen or depth > _DEEPEST:
                return
            self._seen.add(id(value))
            self._tell("def", value.__qualname__)
            if _is_of_a_file(value):
                self._tell("of a module", value.__module__)
            elif inspect.isclass(value):
                self._add_class(value, depth)
            else:
                self._add_function(value, depth)
        elif isinstance(value, types.ModuleType):
            self._tell("module", value.__name__)
        else:
            self._tell("value", described(value))

    def _add_class(self, value: type, depth: int) -> None:
        for base in value.__bases__:
            self.add(base, depth + 1)
        for name, one in sorted(vars(value).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__"):
                self._tell("has", name)
                self.add(one, depth + 1)

    def _add_function(self, value: types.FunctionType, depth: int) -> None:
        self._tell("defaults", described(value.__defaults__), described(value.__kwdefaults__))
        self._add_code(value.__code__)
        named = {name: value.__globals__[name] for name in _globals_of(value.__code__) if name in value.__globals__}
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with suppress(ValueError):  # a cell that is empty as yet
                named[name] = cell.cell_contents
        for name, one in sorted(named.items()):
            self._tell("names", name)
            self.add(one, depth + 1)

    def _add_code(self, code: types.CodeType) -> None:
        self._tell("code", code.co_code.hex(), code.co_names, code.co_varnames)
        for one in code.co_consts:
            if isinstance(one, types.CodeType):
                self._add_code(one)
            else:
                self._tell("constant", repr(one))

    def _tell(self, *values: object) -> None:
        self._digest.update(repr(values).encode())
