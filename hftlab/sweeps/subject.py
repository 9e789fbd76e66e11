"""Strategy of a sweep: what it is made with, the identity of its code, and its bytes for other processes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import cloudpickle

from hftlab.backtest import CompiledStrategy, Strategy
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import describe_unknown, meant
from hftlab.sweeps.code_identity import code_identity, code_sources

__all__ = ["Subject", "SweptStrategy", "made", "pickled"]

SweptStrategy: TypeAlias = type[Strategy] | CompiledStrategy | Callable[..., Strategy | CompiledStrategy]

_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Subject:
    """Strategy of a sweep: a class derived from hl.Strategy, a compiled one, or a function that makes either.

    Raises ArgumentTypeError for something else.
    """

    def __init__(self, strategy: SweptStrategy) -> None:
        if isinstance(strategy, Strategy):
            raise ArgumentTypeError(
                f"{strategy!r} is one object for all runs: give its class, which is made anew for each, or a function "
                "that makes one"
            )
        is_class = inspect.isclass(strategy) and issubclass(strategy, Strategy)
        if not (is_class or isinstance(strategy, CompiledStrategy | functools.partial) or inspect.isroutine(strategy)):
            raise ArgumentTypeError(
                f"strategy is {strategy!r}: give a class derived from hl.Strategy, a strategy of @hl.compiled, or a "
                "function that makes either"
            )
        self.strategy = strategy
        inner = _inner(strategy)
        self.name = f"{inner.__module__}:{inner.__qualname__}"
        self.code = code_identity(strategy)
        """Hash of its code: rows of another one are not reused."""
        self.sources = code_sources(strategy)
        """Modules that its code is of, with the hashes of their files."""
        self.parameters: list[str] = []
        """Names that it is made with."""
        self._needed: list[str] = []
        self._takes_all = False
        if isinstance(strategy, CompiledStrategy):
            self.parameters = [name for name in strategy.parameters if name != "_"]
        else:
            self._read(inspect.signature(strategy).parameters)

    def _read(self, taken: Mapping[str, inspect.Parameter]) -> None:
        self._takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
        self.parameters = [name for name, one in taken.items() if one.kind in _NAMED]
        self._needed = [name for name in self.parameters if taken[name].default is inspect.Parameter.empty]

    def takes(self, name: str) -> bool:
        """True if it has a parameter."""
        return self._takes_all or name in self.parameters

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise ArgumentError for parameters that it does not have, that it lacks, or of another type."""
        unknown = [name for name in parameters if not self.takes(name)]
        if unknown:
            raise ArgumentError(
                f"{self.name} has no parameter {describe_unknown(unknown, self.parameters)}: it has "
                f"{', '.join(self.parameters) or 'none'}"
            ).advise(instead=meant(unknown, self.parameters))
        lacking = [name for name in self._needed if name not in parameters]
        if lacking:
            raise ArgumentError(
                f"{self.name} needs the parameter {', '.join(lacking)}: put it into the grid, or give it to all runs, "
                f"as in parameters={{{lacking[0]!r}: ...}}"
            )
        if isinstance(self.strategy, CompiledStrategy):
            self.strategy(**parameters)

    def to_bytes(self) -> bytes:
        """Pickle it: what a notebook or a script has defined by value, what can be imported by its name.

        Raises ArgumentError for what cannot leave this process.
        """
        return pickled(self.strategy, self.name)


def pickled(value: object, what: str) -> bytes:
    """Pickle a value for another process. Raises ArgumentError, which says what it was."""
    try:
        data: bytes = cloudpickle.dumps(value)
    except Exception as error:  # whatever a class's own reduction raises
        raise ArgumentError(
            f"{what} cannot be sent to another process ({type(error).__name__}: {error}): make what is in it inside of "
            "the strategy, from parameters that are plain values"
        ) from error
    return data


def _inner(strategy: Any) -> Any:
    """Return what a partial function calls."""
    return _inner(strategy.func) if isinstance(strategy, functools.partial) else strategy


def made(strategy: SweptStrategy, parameters: Mapping[str, Any]) -> Strategy | CompiledStrategy:
    """Make the strategy of one run. Raises ArgumentTypeError for a function that makes something else."""
    one = strategy(**parameters)
    if not isinstance(one, Strategy | CompiledStrategy):
        name = getattr(strategy, "__qualname__", repr(strategy))
        raise ArgumentTypeError(
            f"{name} has returned {one!r}: it is to make an object of a class derived from hl.Strategy, or a strategy "
            "of @hl.compiled"
        )
    return one
