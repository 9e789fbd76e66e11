"""Number formats: prices, sizes, shares, latencies and rates as text.

The pages format for themselves, with the decimals that the kernel sends along, so that both show the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from hftlab.errors import ArgumentError

__all__ = [
    "UNKNOWN",
    "Scale",
    "amount",
    "basis_points",
    "clock_time",
    "compact",
    "count",
    "data_rate",
    "data_size",
    "elapsed",
    "microseconds",
    "percent",
]

MAX_DECIMALS: Final = 8
SIGNIFICANT: Final = 15  # digits that a double carries; more would be noise such as 61737.630000000005
CENTS: Final = 2
UNKNOWN: Final = "\u2013"

_POWERS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MANY: Final = 9.9995e9
"""Nanoseconds from which a latency is in seconds."""
_BYTES: Final = ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"))


def amount(value: float | None, decimals: int) -> str:
    """Format a price or a size: `515,000.00`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.{decimals}f}"


def percent(value: float | None) -> str:
    """Format a change with its sign: `+1.25 %`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:+.2f} %"


def count(value: float) -> str:
    """Format a whole number: `1,234,567`."""
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """Format a large number with its power of ten: `12.3 k`, `4.56 M`; of a small one three digits: `0.00123`."""
    size = abs(value)
    if size >= 9_999.5:
        power, unit = next((power, unit) for power, unit in _POWERS if size >= 0.9995 * power)
        return f"{_three_digits(value / power)} {unit}"
    if value == int(value):
        return amount(value, 0)
    return amount(value, 2 if size >= 1 else min(MAX_DECIMALS, 2 - math.floor(math.log10(size))))


def microseconds(ns: float | None) -> str:
    """Format nanoseconds as a number of µs, whose unit stands in a heading: `5.03`, `1,234`; many as `12.0 s`."""
    if ns is None or not math.isfinite(ns):
        return UNKNOWN
    if ns >= _MANY:
        return f"{_three_digits(ns / 1e9)} s"
    value = ns / 1000
    return f"{value:,.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def data_rate(bytes_per_second: float) -> str:
    """Format bytes per second: `2.30 MB/s`."""
    for size, unit in _BYTES:
        if bytes_per_second >= size * 0.9995:
            return f"{_three_digits(bytes_per_second / size)} {unit}"
    return f"{bytes_per_second:.0f} B/s"


def data_size(size: float) -> str:
    """Format a number of bytes: `2.30 MB`."""
    return data_rate(size).removesuffix("/s")


def elapsed(seconds: float, *, tenths: bool = False) -> str:
    """Format how long something has lasted: `12 s`, `3 min 12 s`, `2 h 05 min`; with `tenths`, `0.4 s` below ten."""
    if tenths and seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(math.floor(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def clock_time(ns: int) -> str:
    """Format the UTC time of day of `ns` since 1970, to the millisecond: `14:30:05.123`."""
    milliseconds = ns // 1_000_000 % 86_400_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


def basis_points(share: float) -> str:
    """Format a small share in ten-thousandths, with more digits for a very small one: `0.0016 bps`."""
    points = share * 1e4
    return f"{points:,.{2 if points >= 0.1 or points <= 0 else 4}f} bps"


def _three_digits(value: float) -> str:
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:,.{decimals}f}"


class Scale:
    """The decimals and the tick of one symbol, learnt from its prices and sizes.

    They only ever grow finer, so that columns do not jump at a round price. A given `tick` is kept.
    """

    def __init__(self, tick: float | None = None) -> None:
        if tick is not None and not (isinstance(tick, int | float) and tick > 0 and math.isfinite(tick)):
            raise ArgumentError(f"tick must be a number above 0, got {tick!r}")
        self._given = tick
        self._tick_units, self._tick_decimals = (0, 0) if tick is None else _units(tick)
        self.price_decimals = CENTS if tick is None else self._tick_decimals
        self.size_decimals = 0

    @property
    def tick(self) -> float | None:
        """The given tick, or the largest likely one that fits all prices so far; None before the first price."""
        if self._given is not None:
            return self._given
        return _round_part(self._tick_units) / 10**self._tick_decimals if self._tick_units else None

    def learn(self, prices: Iterable[float], sizes: Iterable[float]) -> None:
        """Take in prices and sizes that are about to be shown."""
        if self._given is None:
            for price in prices:
                self._learn_price(price)
        for size in sizes:
            self.size_decimals = max(self.size_decimals, _units(size)[1])

    def _learn_price(self, price: float) -> None:
        units, decimals = _units(price)
        if decimals > self._tick_decimals:
            self._tick_units *= 10 ** (decimals - self._tick_decimals)
            self._tick_decimals = decimals
            self.price_decimals = max(self.price_decimals, decimals)
        self._tick_units = math.gcd(self._tick_units, units * 10 ** (self._tick_decimals - decimals))


def _round_part(units: int) -> int:
    """The factors 2 and 5 of `units`: ticks of real venues have no others, so a common factor of 3 is chance."""
    found = 1
    for factor in (2, 5):
        while units % factor == 0:
            units //= factor
            found *= factor
    return found


@lru_cache(maxsize=8192)
def _units(value: float) -> tuple[int, int]:
    """Split `value` into an integer and its decimals: 61737.63 -> (6173763, 2)."""
    if not math.isfinite(value):
        return 0, 0
    whole_digits = len(str(int(abs(value))))
    text = f"{value:.{min(MAX_DECIMALS, max(0, SIGNIFICANT - whole_digits))}f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return abs(int(whole + fraction)), len(fraction)
