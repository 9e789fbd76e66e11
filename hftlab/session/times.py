"""Converts times between the wire's milliseconds and the tables' nanoseconds, as hftlab.clock does, by the column."""

from __future__ import annotations

from typing import Final

import polars as pl

__all__ = ["to_ms", "to_ns"]

_NS_PER_MS: Final = 1_000_000
_NS_PER_US: Final = 1_000


def to_ns(ms: pl.Expr) -> pl.Expr:
    """Convert the wire's milliseconds to the nearest int64 ns, but never to 0, which the wire does not allow."""
    whole = ms.floor()
    microseconds = (ms * 1000).round().cast(pl.Int64)
    nearest = whole.cast(pl.Int64) * _NS_PER_MS + ((ms - whole) * _NS_PER_MS).round().cast(pl.Int64)
    is_exact = to_ms(microseconds * _NS_PER_US) == ms
    return pl.when(is_exact).then(microseconds * _NS_PER_US).otherwise(nearest.clip(1))


def to_ms(ns: pl.Expr) -> pl.Expr:
    """Convert int64 ns to milliseconds; whole microseconds become the double that a JSON parser reads for them."""
    parts = (ns // _NS_PER_MS).cast(pl.Float64) + _quotient(ns % _NS_PER_MS, _NS_PER_MS)
    return pl.when(ns % _NS_PER_US == 0).then(_quotient(ns // _NS_PER_US, 1000)).otherwise(parts)


def _quotient(numerator: pl.Expr, denominator: int) -> pl.Expr:
    """Divide to the nearest double."""
    # polars multiplies by the reciprocal of a scalar, which is not exact; by a column it divides.
    return numerator.cast(pl.Float64) / (numerator * 0 + denominator).cast(pl.Float64)
