"""Stylised facts of markets: spreads, memory of trade signs, returns without memory, clustered volatility, fat tails.

For the facts and their usual size see Cont, "Empirical properties of asset returns: stylized facts and statistical
issues", Quantitative Finance 1 (2001); for trade signs Lillo and Farmer, "The long memory of the efficient market"
(2004), and Bouchaud, Farmer and Lillo, "How markets slowly digest changes in supply and demand" (2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl

from hftlab.analysis.coverage import covered_share, covered_time
from hftlab.analysis.figure_style import FAINT, lay_out

__all__ = [
    "autocorrelation",
    "autocorrelation_figure",
    "returns",
    "spread_distribution",
    "stylised_facts",
    "tail_exponent",
    "trade_signs",
]

_LAGS: Final = tuple(range(1, 51))
_SIGN_LAGS: Final = (1, 10, 50)


def returns(quotes: pl.LazyFrame, every: str = "1s", *, coverage: pl.DataFrame | None = None) -> pl.LazyFrame:
    """Compute log returns of the mid on a grid of consecutive intervals: symbol, time (the interval's end), return.

    `quotes` has ts_event (ns), symbol and mid, as hftlab.analysis.quotes() returns them; a mid holds until the next.
    `every` is a polars duration. With `coverage`, which is session.coverage(detail=True), the column `covered` tells
    the share of each interval in which its symbol was recorded: a mid that holds over a hole may not have held.
    """
    mids = quotes.select(pl.col("ts_event").cast(pl.Datetime("ns")).alias("time"), "symbol", "mid").sort("time")
    ends = mids.group_by("symbol").agg(
        pl.datetime_range(
            pl.col("time").min().dt.truncate(every).dt.offset_by(every), pl.col("time").max(), every
        ).alias("time")
    )
    grid = ends.explode("time").filter(pl.col("time").is_not_null()).sort("time")
    on_grid = grid.join_asof(mids, on="time", by="symbol", check_sortedness=False)
    difference = pl.col("mid").log().diff().over("symbol", order_by="time").alias("return")
    known = on_grid.with_columns(difference).filter(pl.col("return").is_not_null()).select("symbol", "time", "return")
    return known if coverage is None else covered_share(known, coverage, every, ends=True)


def trade_signs(trades: pl.LazyFrame) -> pl.LazyFrame:
    """Return the sign of each aggressive order, 1 for a buy and -1 for a sell: symbol, ts_event, sign.

    Trades of one symbol at one time on one side are one order that met several; counting each of them would show memory
    where there is none. `trades` are those of hftlab.analysis.trades().
    """
    sign = pl.when(pl.col("side") == "BUY").then(1).otherwise(-1)
    changed = pl.struct("ts_event", "sign").rle_id().over("symbol").alias("order")
    return (
        trades.select("symbol", "ts_event", sign.alias("sign"))
        .with_columns(changed)
        .unique(["symbol", "order"], keep="first", maintain_order=True)
        .select("symbol", "ts_event", "sign")
    )


def autocorrelation(values: pl.LazyFrame, column: str | pl.Expr, lags: Iterable[int] = _LAGS) -> pl.DataFrame:
    """Compute the autocorrelation of a column or expression in row order, per symbol.

    Columns: symbol, lag, autocorrelation, noise. `noise` is 1.96 / sqrt(n): of a series without memory, 95 % of the
    values lie within that distance of 0.
    """
    series = pl.col(column) if isinstance(column, str) else column
    lags = list(lags)
    found = (
        values.with_columns(series.cast(pl.Float64).alias("series"))
        .group_by("symbol", maintain_order=True)
        .agg(
            *(pl.corr("series", pl.col("series").shift(lag)).alias(str(lag)) for lag in lags),
            (1.96 / pl.len().sqrt()).alias("noise"),
        )
    )
    long = found.unpivot(
        [str(lag) for lag in lags], index=["symbol", "noise"], variable_name="lag", value_name="autocorrelation"
    )
    return (
        long.select("symbol", pl.col("lag").cast(pl.Int64), "autocorrelation", "noise").sort("symbol", "lag").collect()
    )


def spread_distribution(quotes: pl.LazyFrame, *, coverage: pl.DataFrame | None = None) -> pl.DataFrame:
    """Compute the share of time at each spread, between the first and the last quote of each symbol.

    Columns: symbol, spread (in the currency, rounded to 1e-6), share (sums to 1). With `coverage`, which is
    session.coverage(detail=True), only time in which the symbol was recorded counts. A symbol of which that is no time,
    as with a single quote, is left out.
    """
    return (
        _lasting(quotes, coverage)
        .with_columns(pl.col("spread").round(6))
        .group_by("symbol", "spread")
        .agg(pl.col("lasting").sum())
        .filter(pl.col("lasting").sum().over("symbol") > 0)
        .select("symbol", "spread", (pl.col("lasting") / pl.col("lasting").sum().over("symbol")).alias("share"))
        .sort("symbol", "spread")
        .collect()
    )


def tail_exponent(column: str, share: float = 0.02) -> pl.Expr:
    """Estimate the exponent a in P(|x| > y) ~ y ** -a from the largest `share` of the absolute values, after Hill.

    Hill, "A simple general approach to inference about the tail of a distribution" (1975). The exponent is near 3 for
    returns of stocks (Gopikrishnan and others, 1999) and well above 4 for a Gaussian.
    """
    size = pl.col(column).abs()
    count = (pl.len() * share).cast(pl.Int64).clip(2)
    largest = size.top_k(count + 1)
    return (count / (largest.log().sum() - (count + 1) * largest.min().log())).alias(column)


def stylised_facts(
    quotes: pl.LazyFrame, trades: pl.LazyFrame, every: str = "1s", *, coverage: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Summarise the stylised facts in one row per symbol that has traded.

    Columns: spread_bps (mean over time), sign_1, sign_10 and sign_50 (autocorrelation of trade signs at those lags),
    return_1 (autocorrelation of returns at lag 1), volatility (autocorrelation of |return|, mean of lags 1 to 10),
    kurtosis (excess, 0 for a Gaussian), tail (its exponent), noise (the bound of |return_1| without memory). With
    `coverage`, which is session.coverage(detail=True), returns over time that was not recorded are left out, and
    spreads do not last through it.
    """
    per_return = returns(quotes, every, coverage=coverage)
    if coverage is not None:
        per_return = per_return.filter(pl.col("covered") == 1)
    signs = _at_lags(autocorrelation(trade_signs(trades), "sign", _SIGN_LAGS), "sign", _SIGN_LAGS)
    linear = autocorrelation(per_return, "return", (1,)).select("symbol", "noise", return_1="autocorrelation")
    clustering = (
        autocorrelation(per_return, pl.col("return").abs(), range(1, 11))
        .group_by("symbol")
        .agg(volatility=pl.col("autocorrelation").mean())
    )
    tails = per_return.group_by("symbol").agg(
        kurtosis=pl.col("return").kurtosis(bias=False), tail=tail_exponent("return")
    )
    table = _mean_spread(quotes, coverage)
    for part in (signs, linear, clustering, tails.collect()):
        table = table.join(part, on="symbol")
    names = ["spread_bps", "sign_1", "sign_10", "sign_50", "return_1", "noise", "volatility", "kurtosis", "tail"]
    return table.select("symbol", *names).sort("symbol")


def autocorrelation_figure(
    values: pl.DataFrame, title: str, symbols: Sequence[str] | None = None, *, log: bool = False
) -> Any:
    """Plot autocorrelation() against the lag with plotly, one line a symbol; the shaded band is noise.

    With `log` both axes are logarithmic, which makes a power law a straight line; values of 0 or less are left out.
    """
    from hftlab.analysis.figure import Figure

    figure = Figure()
    shown = values if symbols is None else values.filter(pl.col("symbol").is_in(list(symbols)))
    for (symbol,), line in shown.group_by("symbol", maintain_order=True):
        kept = line.filter(pl.col("autocorrelation") > 0) if log else line
        figure.add_scatter(x=kept["lag"].to_list(), y=kept["autocorrelation"].round(5).to_list(), name=str(symbol))
    noise = shown["noise"].max()
    if isinstance(noise, float) and not log:
        figure.add_hrect(y0=-noise, y1=noise, fillcolor=FAINT, line_width=0)
    lay_out(figure, title, "lag", "autocorrelation")
    if log:
        figure.update_xaxes(type="log")
        figure.update_yaxes(type="log")
    return figure


def _mean_spread(quotes: pl.LazyFrame, coverage: pl.DataFrame | None) -> pl.DataFrame:
    bps = pl.col("spread") / pl.col("mid") * 1e4
    return (
        _lasting(quotes, coverage)
        .with_columns(bps.alias("bps"))
        .group_by("symbol")
        .agg(spread_bps=(pl.col("bps") * pl.col("lasting")).sum() / pl.col("lasting").sum())
        .collect()
    )


def _lasting(quotes: pl.LazyFrame, coverage: pl.DataFrame | None) -> pl.LazyFrame:
    """Add the column `lasting` to quotes: the ns until the symbol's next one, or as many of them as were recorded."""
    following = pl.col("ts_event").shift(-1).over("symbol")
    timed = quotes.sort("ts_event", maintain_order=True).with_columns(following.alias("following"))
    if coverage is None:
        return timed.with_columns((pl.col("following") - pl.col("ts_event")).alias("lasting"))
    start, end = pl.col("ts_event"), pl.col("following").fill_null(pl.col("ts_event"))
    return covered_time(timed, coverage, start, end).rename({"covered": "lasting"})


def _at_lags(values: pl.DataFrame, name: str, lags: Iterable[int]) -> pl.DataFrame:
    """Pivot autocorrelations to one column per lag, also where there are none."""
    of_lag = [pl.col("autocorrelation").filter(pl.col("lag") == lag).first().alias(f"{name}_{lag}") for lag in lags]
    return values.group_by("symbol", maintain_order=True).agg(*of_lag)
