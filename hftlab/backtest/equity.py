"""Equity of a run: cash and positions at mid, wherever a fill or a quote has changed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

import polars as pl

from hftlab.backtest.facts import Listing
from hftlab.backtest.ledger import Ledger
from hftlab.backtest.result_tables import DECIMAL, RAW, half_even
from hftlab.instruments import UNIT

__all__ = ["continued", "equity_table"]


def equity_table(
    quotes: pl.DataFrame,
    fills: pl.DataFrame,
    ledger: Ledger,
    listings: Mapping[str, Listing],
    *,
    cash: int,
    start: int,
    end: int,
) -> pl.DataFrame:
    """Return the equity over time in integers of 1e-9 of the account's currency: the columns of RAW["equity"].

    `quotes` and `fills` have the columns of RAW and are sorted by time. A position is valued at the last mid that is
    known: of a quote with both sides, before the first one at the last fill's price. Values are rounded as an account
    does it (hftlab.trading). There is a row at `start` and at `end`, and one for each time at which something has
    changed.
    """
    rows = _valued(_marked(quotes, fills, ledger), listings)
    first = pl.DataFrame({"at": [start], "cash": [cash]}, schema={"at": pl.Int64, "cash": pl.Int128})
    last = pl.DataFrame({"at": [end]}, schema={"at": pl.Int64})
    changed = pl.struct("cash", "value", "exposure")
    return (
        pl.concat([first, rows, last], how="diagonal")
        .sort("at", maintain_order=True)
        .select(
            "at",
            pl.col("cash").forward_fill(),
            pl.col("value", "exposure").fill_null(0).cum_sum(),
        )
        .filter(pl.col("at").ne_missing(pl.col("at").shift(-1)))
        .filter(changed.ne_missing(changed.shift(1)) | (pl.col("at") == pl.col("at").max()))
        .with_columns((pl.col("cash") + pl.col("value")).alias("equity"))
        .with_columns(
            (pl.col("equity") - cash).alias("pnl"),
            (pl.col("equity") - pl.col("equity").cum_max().clip(cash)).alias("drawdown"),
        )
        .select(*RAW["equity"])
    )


def continued(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Join the exact equity tables of several sessions: each goes on from the profit with which the one before ended.

    Cash and equity begin with the first session's; the drawdown is that from the highest of all sessions so far.
    """
    joined: list[pl.DataFrame] = []
    first, earned = None, Decimal(0)
    for table in tables:
        own = table["equity"][0] - table["pnl"][0]
        first = own if first is None else first
        gone = pl.lit(first + earned - own, DECIMAL)
        joined.append(
            table.with_columns(pl.col("equity", "cash") + gone, (pl.col("pnl") + pl.lit(earned, DECIMAL)).alias("pnl"))
        )
        earned += table["pnl"][-1]
    highest = pl.max_horizontal(pl.col("equity").cum_max(), pl.lit(first, DECIMAL))
    return pl.concat(joined).with_columns((pl.col("equity") - highest).alias("drawdown"))


def _marked(quotes: pl.DataFrame, fills: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return at, symbol, quantity, mark and cash for each quote and fill of the symbols that were traded.

    A quote of a fill's time comes before it. `cash` is null where it has not changed.
    """
    both = (pl.col("bid") > 0) & (pl.col("ask") > 0)
    mids = quotes.filter(both & pl.col("symbol").is_in(fills["symbol"].unique().implode())).select(
        "at", "symbol", half_even((pl.col("bid").cast(pl.Int128) + pl.col("ask")), 2).alias("mid")
    )
    booked = ledger.positions.select(
        "at",
        "symbol",
        pl.col("quantity").cast(pl.Int128),
        fills["price"].cast(pl.Int128),
        pl.Series("cash", ledger.cash, pl.Int128),
    )
    known = pl.col("mid", "quantity", "price").forward_fill().over("symbol")
    return (
        pl.concat([mids, booked], how="diagonal")
        .sort("at", maintain_order=True)
        .with_columns(known)
        .select("at", "symbol", "quantity", pl.coalesce("mid", "price").alias("mark"), "cash")
    )


def _valued(rows: pl.DataFrame, listings: Mapping[str, Listing]) -> pl.DataFrame:
    """Return at, cash, and by how much each row changes the sums of values and of their amounts."""
    terms = pl.DataFrame(
        [(symbol, one.step, *Fraction(one.rate).as_integer_ratio()) for symbol, one in listings.items()],
        schema={"symbol": pl.String, "step": pl.Int128, "numerator": pl.Int128, "denominator": pl.Int128},
        orient="row",
    )
    paid = pl.col("step") * half_even(pl.col("quantity") * pl.col("mark"), UNIT * pl.col("step"))
    change = pl.col("value") - pl.col("value").shift(1).fill_null(0).over("symbol")
    amount = pl.col("value").abs()
    return (
        rows.join(terms, on="symbol", how="left", maintain_order="left")
        .with_columns(paid.fill_null(0).alias("value"))
        .with_columns(half_even(pl.col("value") * pl.col("numerator"), pl.col("denominator")).alias("value"))
        .select(
            "at",
            "cash",
            change.alias("value"),
            (amount - amount.shift(1).fill_null(0).over("symbol")).alias("exposure"),
        )
    )
