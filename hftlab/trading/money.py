"""Exact money: integers of 1e-9, rounding, the decimal text of floats, and currencies that are parts of another."""

from __future__ import annotations

import math
from fractions import Fraction

from hftlab.instruments import UNIT
from hftlab.market.costs import CURRENCY_PARTS

__all__ = ["cash_currency", "checked_number", "exact", "floor_units", "round_half_even", "to_text"]


def round_half_even(numerator: int, denominator: int) -> int:
    """Return the quotient, rounded to the nearest integer and halfway to the even one; `denominator` is above 0."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient & 1):
        return quotient + 1
    return quotient


def exact(number: float) -> Fraction:
    """Return the number that a float's shortest decimal text says: 0.1 is 1/10."""
    return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(number)


def floor_units(number: float) -> int:
    """Return a number in integers of 1e-9, what is smaller cut off downwards."""
    return math.floor(exact(number) * UNIT)


def to_text(units: int, places: int = 0) -> str:
    """Return 1e-9 units as a decimal with thousands separated, exactly, and with at least `places` decimals."""
    whole, fraction = divmod(abs(units), UNIT)
    decimals = f"{fraction:09d}".rstrip("0").ljust(places, "0")
    return f"{'-' if units < 0 else ''}{whole:,}{'.' if decimals else ''}{decimals}"


def cash_currency(currency: str) -> tuple[str, int]:
    """Return the currency in which cash is held, and how many of `currency` make one of it: GBX is GBP, 100."""
    return CURRENCY_PARTS.get(currency, (currency, 1))


def checked_number(name: str, value: object, *, least: float | None = None, above: float | None = None) -> float:
    """Return a finite number from `least` on, or above `above`. Raises ValueError, which names it and its value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}: it must be a finite number")
    if least is not None and value < least:
        raise ValueError(f"{name} is {value!r}: it must be at least {least:g}")
    if above is not None and value <= above:
        raise ValueError(f"{name} is {value!r}: it must be above {above:g}")
    return value
