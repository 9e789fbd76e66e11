"""AttributeErrors that name the nearest attribute, as Python's own do outside of notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hftlab.errors import AttributeNotFound
from hftlab.nearest import describe_unknown, meant

__all__ = ["Suggesting"]


class Suggesting:
    """Base of what users call by name: for an attribute that there is not, its error names the nearest one."""

    if not TYPE_CHECKING:  # to type checkers every name would be an attribute

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property that has raised AttributeError: its own error is the better one
                return object.__getattribute__(self, name)
            kind = type(self).__name__
            if name.startswith("_"):
                raise AttributeError(f"{kind!r} object has no attribute {name!r}")
            names = [one for one in dir(self) if not one.startswith("_")]
            error = AttributeNotFound(f"{kind!r} object has no attribute {describe_unknown([name], names)}")
            raise error.advise(instead=meant([name], names))
