"""Arbitrage between the venues of a session: opportunities, their lifetime, and what a latency leaves of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import polars as pl

from hftlab.market import ArbitrageDetector, Costs, Opportunity
from hftlab.protocol import ArbitrageState

__all__ = ["caught", "consolidated", "opportunities"]

_STEP: Final = pl.Struct({"after": pl.Int64(), "size": pl.Float64(), "edge": pl.Float64()})
_SCHEMA: Final = pl.Schema(
    {
        "symbol": pl.String(),
        "buy_venue": pl.String(),
        "sell_venue": pl.String(),
        "opened": pl.Int64(),
        "closed": pl.Int64(),
        "lifetime": pl.Int64(),
        "ask": pl.Float64(),
        "bid": pl.Float64(),
        "size": pl.Float64(),
        "edge": pl.Float64(),
        "peak_edge": pl.Float64(),
        "currency": pl.String(),
        "steps": pl.List(_STEP),
    }
)


def opportunities(market_data: pl.LazyFrame, costs: Costs | None = None) -> pl.DataFrame:
    """Find the arbitrage opportunities in `market_data`, one row each, in the order in which they opened.

    Columns: symbol (plain), buy_venue, sell_venue, opened, closed and lifetime (ns; null if it is still open at the
    end), ask, bid, size and edge at the opening, peak_edge (in `currency`, after fees), and steps, the changes of size
    and edge `after` so many ns. Levels are used where the session has them, else the best quotes. Raises ValueError for
    a venue or currency that `costs` does not know.
    """
    detector = ArbitrageDetector(costs)
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    done: list[dict[str, Any]] = []
    for symbol, books, at in _states(market_data):
        for change in detector.update(symbol, books, at):
            key = change.symbol, change.buy_venue, change.sell_venue
            if change.state is ArbitrageState.OPEN:
                rows[key] = _row(change)
                done.append(rows[key])
            else:
                _change(rows[key], change)
    return pl.DataFrame(done, schema=_SCHEMA)


def caught(opportunities: pl.DataFrame, latency: int) -> pl.DataFrame:
    """Add what was left of each opportunity `latency` ns after it opened: caught_size and caught_edge.

    This is what orders find that are sent when the opportunity shows and take that long to reach both venues, if the
    rest of the market does what was recorded. Both are 0 if the opportunity was gone by then.
    """
    if latency < 0:
        raise ValueError(f"latency must be 0 or more nanoseconds, got {latency}")
    there = pl.col("steps").list.filter(pl.element().struct.field("after") <= latency).list.last()
    return opportunities.with_columns(
        there.struct.field("size").alias("caught_size"), there.struct.field("edge").alias("caught_edge")
    )


def consolidated(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Compute the best bid and offer over all venues, after each message and per symbol (plain).

    Columns: ts_event (ns), symbol, bid, bid_venue, ask, ask_venue, and state: normal, locked, crossed or one-sided.
    Prices are compared before fees, so that all venues must quote a symbol in one currency. Among venues with equal
    prices the first by name is given.
    """
    frame = _plain(market_data).select("message", "ts_event", "symbol", "exchange", "bid", "ask").collect()
    venues = sorted(frame["exchange"].unique()) or [""]  # of no rows there are none, and expressions need one
    bids, asks = ({venue: _newest(side, venue) for venue in venues} for side in ("bid", "ask"))
    bid, ask = pl.max_horizontal(bids.values()), pl.min_horizontal(asks.values())
    crossing = pl.when(bid > ask).then(pl.lit("crossed")).when(bid == ask).then(pl.lit("locked"))
    state = crossing.when(bid.is_null() | ask.is_null()).then(pl.lit("one-sided")).otherwise(pl.lit("normal"))
    # All rows of a symbol in one message hold at the same time: only the last one includes all of them.
    whole = frame.lazy().select(
        pl.struct("message", "symbol").is_last_distinct().alias("whole"),
        pl.col("ts_event").max().over("message", "symbol"),
        "symbol",
        bid.alias("bid"),
        _who(bids, bid).alias("bid_venue"),
        ask.alias("ask"),
        _who(asks, ask).alias("ask_venue"),
        state.alias("state"),
    )
    return whole.filter("whole").drop("whole")


def _plain(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Strip the venue that `Instrument.wire_symbol` appends to the symbol off the primary market."""
    suffix = pl.concat_str(pl.lit(":"), pl.col("exchange"))
    return market_data.with_columns(pl.col("symbol").str.strip_suffix(suffix))


def _newest(side: str, venue: str) -> pl.Expr:
    """Last price of each symbol at a venue; null if the venue has not quoted it, or quotes nothing now."""
    price = pl.when(pl.col("exchange") == venue).then(pl.col(side)).forward_fill().over("symbol")
    return pl.when(price > 0).then(price)


def _who(prices: dict[str, pl.Expr], best: pl.Expr) -> pl.Expr:
    return pl.coalesce(pl.when(price == best).then(pl.lit(venue)) for venue, price in prices.items())


def _states(market_data: pl.LazyFrame) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield the books of each symbol with more than one venue, once per message that changes one of them."""
    shared = pl.col("exchange").n_unique().over("symbol") > 1
    columns = [_levels(side, part) for side in ("bid", "ask") for part in ("price", "size")]
    together = pl.col("row").min().over("message", "symbol").alias("together")
    names = "symbol", "exchange", "ts_event"
    rows = _plain(market_data).filter(shared).with_row_index("row")
    frame = rows.select(together, *names, *columns).sort("together", maintain_order=True)
    for (_, symbol), states in groupby(frame.collect().iter_rows(), key=itemgetter(0, 1)):
        books, at = {}, 0
        for _, _, venue, ts_event, bids, bid_sizes, asks, ask_sizes in states:
            books[venue] = list(zip(bids, bid_sizes, strict=True)), list(zip(asks, ask_sizes, strict=True))
            at = max(at, ts_event)
        yield symbol, books, at


def _levels(side: str, part: str) -> pl.Expr:
    quoted = pl.when((pl.col(side) > 0) & (pl.col(f"{side}_size") > 0))
    best = quoted.then(pl.concat_list(side if part == "price" else f"{side}_size")).otherwise(pl.lit([]))
    listed = pl.col(f"{side}s").list.eval(pl.element().struct.field(part))
    return pl.coalesce(listed, best).alias(f"{side}_{part}s")


def _row(change: Opportunity) -> dict[str, Any]:
    names = ("symbol", "buy_venue", "sell_venue", "opened", "ask", "bid", "size", "edge", "peak_edge", "currency")
    return {name: getattr(change, name) for name in names} | {
        "closed": None,
        "lifetime": None,
        "steps": [{"after": 0, "size": change.size, "edge": change.edge}],
    }


def _change(row: dict[str, Any], change: Opportunity) -> None:
    row["peak_edge"] = change.peak_edge
    row["steps"].append({"after": change.lifetime, "size": change.size, "edge": change.edge})
    if change.state is ArbitrageState.CLOSE:
        row["closed"], row["lifetime"] = change.at, change.lifetime
