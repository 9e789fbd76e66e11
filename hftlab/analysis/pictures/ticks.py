"""Ticks of an axis: round positions in its range, and their labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

__all__ = ["Ticks", "date_ticks", "linear_ticks", "log_ticks"]

Ticks: TypeAlias = list[tuple[float, str]]
"""Positions in the units of the axis, with their labels."""

_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    *(factor * 10**power for power in range(6) for factor in (1, 2, 5)),
    *(seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 182, 365)),
)
"""Distances between the ticks of times, in µs."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def linear_ticks(low: float, high: float, count: int, label: Callable[[float], str] | None = None) -> Ticks:
    """Multiples of 1, 2 or 5 times a power of ten between `low` and `high`, about `count`."""
    step = _round_step((high - low) / count)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    positions = [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(at, label(at) if label else _number(at, decimals)) for at in positions]


def log_ticks(low: float, high: float, count: int, label: Callable[[float], str] | None = None) -> Ticks:
    """Powers of ten between 10**`low` and 10**`high`, at most `count`; also their multiples where those are few."""
    name = label or _quantity
    powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if len(powers) > 2:
        every = math.ceil(len(powers) / count)
        return [(float(power), name(10.0**power)) for power in powers if power % every == 0]
    for factors in ((1, 2, 5), range(1, 10)):
        fine = [(power, factor) for power in range(math.floor(low), math.ceil(high) + 1) for factor in factors]
        ticks = [(power + math.log10(factor), name(factor * 10.0**power)) for power, factor in fine]
        inside = [(at, text) for at, text in ticks if low - 1e-9 <= at <= high + 1e-9]
        if len(inside) > 2:
            return inside
    # Less than an octave: round values of the range itself.
    return [(math.log10(at), text) for at, text in linear_ticks(10.0**low, 10.0**high, count, label)]


def date_ticks(low: float, high: float, count: int) -> Ticks:
    """Round times between two times in µs since 1970; the first label has the date in a second line."""
    step = next((step for step in _STEPS if (high - low) / step <= count), _STEPS[-1])
    positions = [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]
    ticks = [(float(at), _time(at, step)) for at in positions]
    if ticks and step < _DAY:
        at, text = ticks[0]
        ticks[0] = (at, f"{text}\n{_EPOCH + timedelta(microseconds=at):%Y-%m-%d}")
    return ticks


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _number(value: float, decimals: int) -> str:
    return f"{value + 0.0:,.{decimals}f}" if round(value, decimals) else f"{0:.{decimals}f}"


def _quantity(value: float) -> str:
    """A number of few digits: 0.01, 200, 5k, 2M."""
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{suffix}"
    return f"{value:g}"


def _time(at: float, step: float) -> str:
    moment = _EPOCH + timedelta(microseconds=at)
    if step >= _DAY:
        return f"{moment:%Y-%m-%d}"
    if step >= _MINUTE:
        return f"{moment:%H:%M}"
    if step >= _SECOND:
        return f"{moment:%H:%M:%S}"
    digits = 6 - math.floor(math.log10(step) + 1e-9)
    return f"{moment:%H:%M:%S.%f}"[: 9 + digits]
