"""Identity of a value that a run is given: JSON values that differ where what comes of the run may differ."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from hftlab.backtest.facts import described
from hftlab.sweeps.code_identity import code_identity, code_sources, value_hash
from hftlab.sweeps.planned_modules import Sources

__all__ = ["value_identity", "value_sources"]


def value_identity(value: Any) -> Any:
    """Return a value's identity: the same in another process, and another one for another value.

    Models tell theirs by to_dict(); of functions and classes it is that of their code; of arrays and of objects that
    are of none of the usual kinds a hash of what they are made of.
    """
    if isinstance(value, np.datetime64 | np.timedelta64):
        return [value.dtype.str, str(value)]
    if isinstance(value, set | frozenset):  # whose order is another one in each process
        return [type(value).__name__, *sorted(map(value_identity, value), key=repr)]
    if (
        isinstance(value, Enum)
        or value is None
        or isinstance(value, bool | int | float | str | np.ndarray | np.generic)
    ):
        return described(value)
    if isinstance(value, Mapping):
        return {"map": [[value_identity(name), value_identity(one)] for name, one in value.items()]}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(value_identity, value)]
    if inspect.isfunction(value):  # a file may have several of one name, as lambdas have
        own = [value.__qualname__, code_identity(value), value.__code__.co_code.hex(), repr(value.__code__.co_consts)]
        return [*own, value_identity(value.__defaults__), value_identity(value.__kwdefaults__)]
    if inspect.isclass(value):
        return [value.__qualname__, code_identity(value)]
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if callable(getattr(value, "to_dict", None)) and type(value).__module__.startswith("hftlab."):
        return [name, value_identity(value.to_dict())]
    if is_dataclass(value):
        return [name, *(value_identity(getattr(value, one.name)) for one in fields(value))]
    return [name, value_hash(value)]


def value_sources(value: Any) -> Sources:
    """Return the modules that the functions and classes in a value are of, with the hashes of their files."""
    if isinstance(value, Mapping):
        return value_sources(list(value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(source for one in value for source in value_sources(one))
    return code_sources(value) if inspect.isfunction(value) or inspect.isclass(value) else ()
