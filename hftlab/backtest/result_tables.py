"""Tables of a backtest's result: their columns, exact and as doubles, and as the engine hands them in.

Prices, quantities and money are decimals with nine places (38 digits), which sums keep exact, and doubles for reading.
The engine hands them in as integers of 1e-9. Times are int64 ns UTC. `session` is the name of the session's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import polars as pl

from hftlab.instruments import UNIT

__all__ = ["DECIMAL", "EXACT", "RAW", "TIMES", "exact_table", "from_units", "half_even", "to_units", "with_doubles"]

DECIMAL: Final = pl.Decimal(38, 9)
_ONE_UNIT: Final = Decimal(1) / UNIT
_I, _F, _S = pl.Int64(), pl.Float64(), pl.String()

EXACT: Final[Mapping[str, pl.Schema]] = MappingProxyType(
    {
        "orders": pl.Schema(
            {
                "session": _S,
                "client_order_id": _S,
                "order_id": _S,
                "account": _S,
                "symbol": _S,
                "side": _S,
                "order_type": _S,
                "time_in_force": _S,
                "price": DECIMAL,
                "quantity": DECIMAL,
                "created": _I,  # when the strategy sent it
                "arrived": _I,  # at the venue
                "ended": _I,
                "status": _S,
                "filled_quantity": DECIMAL,
                "average_price": _F,
                "commission": DECIMAL,
                "reason": _S,
            }
        ),
        "fills": pl.Schema(
            {
                "session": _S,
                "at": _I,  # the venue's time
                "heard": _I,  # when the strategy was told
                "client_order_id": _S,
                "symbol": _S,
                "side": _S,
                "price": DECIMAL,
                "quantity": DECIMAL,
                "liquidity": _S,
                "why": _S,
                "ahead": DECIMAL,  # quantity ahead of the order when it got its place in the queue
                "commission": DECIMAL,  # in the currency of the prices
            }
        ),
        "requests": pl.Schema(
            {"session": _S, "client_order_id": _S, "kind": _S, "sent": _I, "arrived": _I, "outcome": _S}
        ),
        "positions": pl.Schema(
            {
                "session": _S,
                "at": _I,
                "symbol": _S,
                "quantity": DECIMAL,
                "cost": DECIMAL,  # what the open quantity was bought or sold for, with its sign
                "average_price": _F,
                "realized": DECIMAL,  # net of commissions
                "commissions": DECIMAL,
                "currency": _S,  # of the prices
            }
        ),
        "equity": pl.Schema(
            {
                "session": _S,
                "at": _I,
                "equity": DECIMAL,  # cash and value
                "cash": DECIMAL,
                "value": DECIMAL,  # of all positions at mid, short ones below 0
                "exposure": DECIMAL,  # of all positions at mid, each above 0
                "pnl": DECIMAL,  # since the start, after fees
                "drawdown": DECIMAL,  # equity less its highest so far, 0 or below
            }
        ),
        "quotes": pl.Schema({"session": _S, "at": _I, "symbol": _S, "bid": DECIMAL, "ask": DECIMAL}),
        "queue": pl.Schema({"session": _S, "at": _I, "client_order_id": _S, "ahead": DECIMAL}),
        "gaps": pl.Schema({"session": _S, "symbol": _S, "from": _I, "to": _I, "why": _S}),
    }
)
"""Columns of each table. `positions` and `equity` are computed from the others."""

TIMES: Final = MappingProxyType(
    {
        "orders": "created",
        "requests": "sent",
        "fills": "at",
        "positions": "at",
        "equity": "at",
        "queue": "at",
        "quotes": "at",
        "gaps": "from",
    }
)
"""The column of each table by which its rows are sorted."""


def _raw(schema: pl.Schema) -> pl.Schema:
    return pl.Schema(
        {name: pl.Int128() if kind == DECIMAL else kind for name, kind in schema.items() if name != "session"},
    )


RAW: Final[Mapping[str, pl.Schema]] = MappingProxyType({name: _raw(schema) for name, schema in EXACT.items()})
"""Columns as the engine hands them in: integers of 1e-9 in place of decimals, and no session.

They are Int128: ten billion coins of a cheap token are more units than an int64 holds."""


def from_units(units: pl.Expr) -> pl.Expr:
    """Convert integers of 1e-9 to decimals, exactly below 1e20."""
    return units.cast(DECIMAL) * pl.lit(_ONE_UNIT, DECIMAL)


def to_units(decimals: pl.Expr) -> pl.Expr:
    """Convert decimals to integers of 1e-9, as Int128."""
    return (decimals * UNIT).cast(pl.Int128)


def half_even(numerator: pl.Expr, denominator: pl.Expr | int) -> pl.Expr:
    """Return the quotient of integers (Int128), halfway to the even one: hftlab.trading.money by the column."""
    quotient, doubled = numerator // denominator, 2 * (numerator % denominator)
    rounds_up = (doubled > denominator) | ((doubled == denominator) & (quotient % 2 == 1))
    return quotient + rounds_up.cast(pl.Int128)


def exact_table(name: str, raw: pl.DataFrame, session: str) -> pl.DataFrame:
    """Return a table of a run with decimals and its session's name, sorted by time; rows of one time keep their order.

    `raw` has the columns of RAW. Raises polars' ColumnNotFoundError for one that is missing.
    """
    columns = [
        from_units(pl.col(column)).alias(column) if kind == DECIMAL else pl.col(column).cast(kind)
        for column, kind in EXACT[name].items()
        if column != "session"
    ]
    return raw.sort(TIMES[name], maintain_order=True).select(pl.lit(session).alias("session"), *columns)


def with_doubles(table: pl.LazyFrame) -> pl.LazyFrame:
    """Return a table with the nearest double of each decimal."""
    return table.with_columns(pl.selectors.decimal().cast(pl.Float64))
