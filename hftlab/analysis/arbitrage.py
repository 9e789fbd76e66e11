"""Opportunities between the venues of a session, how long they lasted, and what a latency would have left of them."""

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
    """One row per opportunity in `market_data`, in the order in which they opened: symbol (plain), buy_venue,
    sell_venue, opened, closed, lifetime (ns; null where it is still open at the end), ask, bid, size and edge as it
    opened, peak_edge (in `currency`, after fees), and steps: how size and edge changed, `after` so many ns.

    Levels are used where the session has them, else the best quotes. Raises ValueError for a venue or a currency that
    `costs` does not know.
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
    """`opportunities` with what was left of each `latency` ns after it opened: caught_size and caught_edge.

    That is what orders would have found that were sent the moment it could be seen and took that long to arrive at
    both venues, as if nobody else had come for it but those who did. Both are 0 where it was gone by then.
    """
    if latency < 0:
        raise ValueError(f"latency must be 0 or more nanoseconds, got {latency}")
    there = pl.col("steps").list.filter(pl.element().struct.field("after") <= latency).list.last()
    return opportunities.with_columns(
        there.struct.field("size").alias("caught_size"), there.struct.field("edge").alias("caught_edge")
    )


def consolidated(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """The best bid and offer of all venues after each message of `market_data` and symbol (plain): ts_event (ns),
    symbol, bid, bid_venue, ask, ask_venue, and state: normal, locked, crossed or one-sided.

    Only for venues that quote a symbol in one currency, and before fees. Where several venues are equal the first by
    name is given.
    """
    frame = _plain(market_data).select("message", "ts_event", "symbol", "exchange", "bid", "ask").collect()
    venues = sorted(frame["exchange"].unique())
    bids, asks = ({venue: _newest(side, venue) for venue in venues} for side in ("bid", "ask"))
    bid, ask = pl.max_horizontal(bids.values()), pl.min_horizontal(asks.values())
    crossing = pl.when(bid > ask).then(pl.lit("crossed")).when(bid == ask).then(pl.lit("locked"))
    state = crossing.when(bid.is_null() | ask.is_null()).then(pl.lit("one-sided")).otherwise(pl.lit("normal"))
    # What one message says of a symbol holds at once: only its last row has all of it.
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
    """Symbols without the venue that `Instrument.wire_symbol` adds off the primary market."""
    suffix = pl.concat_str(pl.lit(":"), pl.col("exchange"))
    return market_data.with_columns(pl.col("symbol").str.strip_suffix(suffix))


def _newest(side: str, venue: str) -> pl.Expr:
    """A venue's last price of each symbol; null where it has none, or shows none."""
    price = pl.when(pl.col("exchange") == venue).then(pl.col(side)).forward_fill().over("symbol")
    return pl.when(price > 0).then(price)


def _who(prices: dict[str, pl.Expr], best: pl.Expr) -> pl.Expr:
    return pl.coalesce(pl.when(price == best).then(pl.lit(venue)) for venue, price in prices.items())


def _states(market_data: pl.LazyFrame) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Every state of the symbols that more than one venue has; what one message says of a symbol belongs together."""
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
