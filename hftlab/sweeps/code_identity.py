"""Identity of a strategy's code: a hash that changes when the code does, also of what a notebook defines."""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import inspect
import sys
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final

import numpy as np

from hftlab.backtest import CompiledStrategy
from hftlab.backtest.facts import described
from hftlab.errors import ArgumentError
from hftlab.sweeps.module_sources import is_own
from hftlab.sweeps.planned_modules import Sources, loaded_sources

__all__ = ["code_identity", "code_sources", "value_hash"]


def code_identity(strategy: object) -> str:
    """Return a hash of a strategy's code.

    For code in a module's file it hashes that file, those of its base classes that are not hftlab's own, and those of
    the modules of the same project that these import. For code that a notebook, a prompt or a function has defined it
    hashes the functions, and the functions, classes, values and modules that they name. Raises StaleCode for a module
    that is not loaded as its file says, and ArgumentError for a value that has no bytes to compare.
    """
    return _identity(strategy)[0]


def code_sources(strategy: object) -> Sources:
    """Return the modules that a strategy's code is of, with the hashes of their files. Raises as code_identity()."""
    return tuple(one for one in _identity(strategy)[1] if one[0] != "__main__")


def _identity(strategy: object) -> tuple[str, Sources]:
    # Without assertions (-O) the same text does something else.
    optimized = f" -O{sys.flags.optimize}" if sys.flags.optimize else ""
    digest = hashlib.sha256(f"python {sys.version_info[:2]}{optimized}".encode())
    walk, instead = _Walk(digest), defaultdict[str, dict[str, Any]](dict)
    while isinstance(strategy, functools.partial):
        walk.add((strategy.args, strategy.keywords))
        strategy = strategy.func
    if isinstance(strategy, CompiledStrategy):
        for record in (strategy.first_state, strategy.parameter_values):
            digest.update(repr((record.dtype.descr, record.tobytes().hex(), strategy.every, strategy.on)).encode())
    for one in _parts(strategy):
        if _has_file(one):
            walk.modules.add(one.__module__)
        if _is_of_a_file(one):
            instead[one.__module__][one.__qualname__] = one
        else:
            walk.add(one)
    sources = loaded_sources(sorted(walk.modules), instead)
    digest.update(repr([known for _, known in sources]).encode())
    return digest.hexdigest(), sources


def _parts(strategy: Any) -> list[Any]:
    """Return what a strategy's code consists of: a function, or a class and its bases that are not hftlab's."""
    if not inspect.isclass(strategy):
        return [inspect.unwrap(strategy)]
    bases = [one for one in strategy.__mro__[1:] if one is not object]
    return [strategy, *(one for one in bases if one.__module__.partition(".")[0] != "hftlab")]


def _is_of_a_file(one: Any) -> bool:
    """True if the text of a file says all of a function or a class: it is not within another function."""
    return _has_file(one) and "<locals>" not in one.__qualname__


def _is_of_c(one: Any) -> bool:
    """True if a class is one of Python itself, or of an extension: it has no code to look at, and its name says all."""
    module = sys.modules.get(one.__module__)
    return one.__module__ != "__main__" and getattr(module, one.__qualname__, None) is one


def _has_file(one: Any) -> bool:
    file = getattr(sys.modules.get(getattr(one, "__module__", None) or ""), "__file__", None)
    return file is not None and Path(file).is_file()


def _globals_of(code: types.CodeType) -> set[str]:
    """Return the names of a function's globals, and of those of the functions within it."""
    found = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_globals_of(one) for one in code.co_consts if isinstance(one, types.CodeType)))


def _imports_of(code: types.CodeType) -> set[str]:
    """Return the names of the modules that a function imports, and the functions within it."""
    found = {one.argval for one in dis.get_instructions(code) if one.opname == "IMPORT_NAME"}
    return found.union(*(_imports_of(one) for one in code.co_consts if isinstance(one, types.CodeType)))


class _Walk:
    """Walk over functions, classes and values of a notebook, and what they name there."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self._seen: dict[int, tuple[int, Any]] = {}
        """Numbers of what has been walked over, which is kept: another object might get its id."""
        self.modules: set[str] = set()
        """Names of the modules that were met."""

    def add(self, value: Any) -> None:
        """Add a value, and all that it names."""
        if value is None or (
            isinstance(value, bool | int | float | complex | str | bytes) and not isinstance(value, Enum)
        ):
            self._tell("value", type(value).__qualname__, repr(value))
            return
        value = value if inspect.isclass(value) or not callable(value) else inspect.unwrap(value)
        value = getattr(value, "py_func", value)
        if id(value) in self._seen:
            self._tell("again", self._seen[id(value)][0])
            return
        self._seen[id(value)] = len(self._seen), value
        self._add(value)

    def _add(self, value: Any) -> None:
        if isinstance(value, property):
            self._add_all("property", (value.fget, value.fset, value.fdel))
        elif isinstance(value, staticmethod | classmethod):
            self._add_all(type(value).__name__, (value.__func__,))
        elif isinstance(value, types.MethodType):
            self._add_all("method", (value.__func__, value.__self__))
        elif isinstance(value, types.FunctionType) or inspect.isclass(value):
            self._tell("def", value.__qualname__)
            if _has_file(value):
                self._tell("of a module", value.__module__)
                self._add_module(value.__module__)
            if _is_of_a_file(value) or _is_of_c(value):
                return
            if inspect.isclass(value):
                self._add_class(value)
            else:
                self._add_function(value)
        elif isinstance(value, types.ModuleType):
            self._tell("module", value.__name__)
            self._add_module(value.__name__)
        else:
            self._add_object(value)

    def _add_module(self, name: str) -> None:
        if is_own(name):
            self.modules.add(name)

    def _add_class(self, value: type) -> None:
        self._add_all("bases", value.__bases__)
        for name, one in sorted(vars(value).items()):
            if name not in _OF_PYTHON and not isinstance(one, types.GetSetDescriptorType | types.MemberDescriptorType):
                self._tell("has", name)
                self.add(one)

    def _add_function(self, value: types.FunctionType) -> None:
        self._add_all("defaults", (value.__defaults__, value.__kwdefaults__))
        self._add_code(value.__code__)
        for name in sorted(_imports_of(value.__code__)):
            self._add_module(name)
        named = {name: value.__globals__[name] for name in _globals_of(value.__code__) if name in value.__globals__}
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with suppress(ValueError):  # a cell that is empty as yet
                named[name] = cell.cell_contents
        for name, one in sorted(named.items()):
            self._tell("names", name)
            self.add(one)

    def _add_code(self, code: types.CodeType) -> None:
        self._tell("code", code.co_code.hex(), code.co_names, code.co_varnames)
        for one in code.co_consts:
            if isinstance(one, types.CodeType):
                self._add_code(one)
            else:
                self._tell("constant", _constant(one))

    def _add_object(self, value: Any) -> None:
        """Add an object by what it is made of: its text may be an address, or the same for others."""
        if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            self._add_all(type(value).__qualname__, (part for item in value.items() for part in item))
        elif isinstance(value, set | frozenset):
            self._tell(type(value).__qualname__, sorted(map(value_hash, value)))
        elif isinstance(value, list | tuple) and type(value).__module__ == "builtins":
            self._add_all(type(value).__qualname__, value)
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self._tell("array", described(value))
        elif isinstance(value, types.BuiltinFunctionType | types.MethodDescriptorType | types.WrapperDescriptorType):
            self._tell("of C", value.__qualname__)
        else:
            self._add_reduced(value)

    def _add_reduced(self, value: Any) -> None:
        """Add an object as pickle would make it again."""
        try:
            by_type = copyreg.dispatch_table.get(type(value))
            made: Any = by_type(value) if by_type else value.__reduce_ex__(4)
        except Exception as error:  # whatever a class's own reduction raises
            raise ArgumentError(
                f"{value!r}, which the code names, cannot be sent to another process ({type(error).__name__}: "
                f"{error}): make it inside of the strategy, from parameters that are plain values"
            ) from error
        self._tell("object", type(value).__qualname__)
        if isinstance(made, str):
            self._tell("name", made)
            return
        for part in made:
            self._add_all("part", list(part) if isinstance(part, Iterator) else [part])

    def _add_all(self, what: str, values: Iterable[Any]) -> None:
        listed = list(values)
        self._tell(what, len(listed))
        for one in listed:
            self.add(one)

    def _tell(self, *values: object) -> None:
        self._digest.update(repr(values).encode(errors="surrogatepass"))


_OF_PYTHON: Final = frozenset(["__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__"])


def _constant(value: object) -> str:
    """Return a constant of code as text; a set's order is another one in each process."""
    if isinstance(value, tuple):
        return f"({','.join(map(_constant, value))})"
    return f"frozenset{sorted(map(_constant, value))}" if isinstance(value, frozenset) else repr(value)


def value_hash(value: object) -> str:
    """Return the hash of a value by what it is made of. Raises ArgumentError for what has no bytes to compare."""
    digest = hashlib.sha256()
    _Walk(digest).add(value)
    return digest.hexdigest()
