"""Checks of a simulator's arguments."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Final

from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError

__all__ = ["check_nanoseconds", "check_seed"]

_LONGEST: Final = 86_400 * NANOSECONDS
_MANY_SECONDS: Final = 1000


def check_nanoseconds(name: str, value: float, least: int = 0) -> int:
    """Return a length of time in nanoseconds of at most a day. Raises ArgumentError."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and value % 1 == 0 and least <= value <= _LONGEST:
        return int(value)
    # What is below a thousand and has a fraction was meant in seconds.
    is_seconds = is_number and value % 1 != 0 and 0 < value < _MANY_SECONDS
    raise ArgumentError(
        f"{name} is in nanoseconds, a whole number from {least} to {_LONGEST:_} (a day), such as 100_000_000 for "
        f"100 ms; got {value!r}"
    ).advise(arguments={name: f"{round(value * NANOSECONDS):_}"} if is_seconds else {})


def check_seed(seed: object, *others: type) -> None:
    """Check a seed: a whole number, None for a new one, or one of `others`. Raises ArgumentError."""
    has_names = isinstance(seed, list | tuple) and any(isinstance(one, str) for one in seed)
    if seed is None or (isinstance(seed, others) and not has_names) or (isinstance(seed, Integral) and int(seed) >= 0):
        return
    raise ArgumentError(
        f"seed is a whole number, 0 or above, such as 7; got {seed!r}"
        + ("; symbols are given as symbols=..." if isinstance(seed, str | list | tuple) else "")
    )
