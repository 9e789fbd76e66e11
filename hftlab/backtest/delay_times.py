"""Lengths of time that people write for a latency: nanoseconds, a timedelta, or text such as "5ms"."""

from __future__ import annotations

import re
from datetime import timedelta
from numbers import Integral, Real
from typing import Any, Final, TypeAlias

from hftlab.clock import NANOSECONDS, duration
from hftlab.errors import ArgumentError

__all__ = ["LONGEST", "TimeLike", "delay_ns", "delay_text"]

TimeLike: TypeAlias = int | timedelta | str

LONGEST: Final = 86_400 * NANOSECONDS
"""A day: no latency is longer."""

_ZERO: Final = re.compile(r"\s*0+(\.0+)?\s*(ns|us|ms|s|m|h)?\s*")
_DAY_US: Final = 86_400_000_000
_SCALES: Final = (("s", NANOSECONDS), ("ms", 1_000_000), ("us", 1_000))
_MANY_SECONDS: Final = 1000


def delay_ns(name: str, value: Any) -> int:
    """Return a delay in nanoseconds, from 0 to a day. `name` is the argument's. Raises ArgumentError."""
    ns = _read(name, value)
    if 0 <= ns <= LONGEST:
        return ns
    raise ArgumentError(f"{name} is {value!r}: a latency is at least 0 and at most a day")


def _read(name: str, value: Any) -> int:
    if isinstance(value, str):
        if _ZERO.fullmatch(value):
            return 0
        try:
            return duration(value)
        except ArgumentError:
            raise _not_a_delay(name, value) from None
    if isinstance(value, timedelta):
        return ((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds) * 1_000
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        if isinstance(value, Integral):
            return int(value)
        if number.is_integer():
            return int(number)
    raise _not_a_delay(name, value)


def _not_a_delay(name: str, value: object) -> ArgumentError:
    # What is below a thousand and has a fraction was meant in seconds.
    is_seconds = isinstance(value, float) and 0 < value < _MANY_SECONDS
    meant = {name: repr(delay_text(round(value * NANOSECONDS)))} if isinstance(value, float) and is_seconds else {}
    return ArgumentError(
        f"{name} is {value!r}: a latency is a whole number of nanoseconds, a timedelta, or text such as '250us' or "
        "'5ms'"
    ).advise(arguments=meant)


def delay_text(ns: int) -> str:
    """Return a delay as the text that people write, such as "1.5ms": delay_ns() reads it back exactly."""
    for unit, scale in _SCALES:
        if ns >= scale:
            whole, rest = divmod(ns, scale)
            digits = f"{rest:0{len(str(scale)) - 1}d}".rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return f"{ns}ns" if ns else "0"
