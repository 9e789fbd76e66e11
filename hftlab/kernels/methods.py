"""Methods of a NamedTuple of arrays that compiled code can call as Python does: `market.bid(0)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

from numba import typeof, types
from numba.core.datamodel import models, register_default
from numba.core.extending import overload_attribute, overload_method, typeof_impl

__all__ = ["TupleType", "with_methods"]

Class = TypeVar("Class", bound=type)


class TupleType(types.NamedTuple):  # type: ignore[misc]  # numba has no types
    """Base of the numba types of tuples that have methods: one for each class, so that none has those of another."""


def with_methods(numba_type: type[TupleType]) -> Callable[[Class], Class]:
    """Let compiled code call the public methods and read the properties of a NamedTuple class, as they are written.

    `numba_type` is a class of its own for it, in a module. The methods are compiled with the code that uses them: they
    may use only what numba knows.
    """

    def register(cls: Class) -> Class:
        register_default(numba_type)(models.TupleModel)
        typeof_impl.register(cls)(lambda value, _context: numba_type([typeof(one) for one in value], cls))
        for name, member in vars(cls).items():
            if isinstance(member, FunctionType) and not name.startswith("_"):
                overload_method(numba_type, name, **_OPTIONS)(_chooser(member))
            elif isinstance(member, property) and isinstance(member.fget, FunctionType):
                overload_attribute(numba_type, name, **_OPTIONS)(_chooser(member.fget))
        return cls

    return register


_OPTIONS: Final[dict[str, Any]] = {"jit_options": {"error_model": "numpy"}}


def _chooser(member: FunctionType) -> Callable[..., Any]:
    """Return a function that returns the code of a method, and has its signature, which numba compares."""

    def choose(*_arguments: Any, **_named: Any) -> Callable[..., Any]:
        return member

    choose.__signature__ = inspect.signature(member)  # type: ignore[attr-defined]
    choose.__name__ = choose.__qualname__ = member.__qualname__  # what numba's errors call it
    return choose
