"""Measures of a backtest, summed up from its tables: for each symbol of each session, then together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from math import fsum
from typing import Any

import polars as pl

from hftlab.backtest.facts import Facts, Listing
from hftlab.backtest.markouts import markouts
from hftlab.backtest.result_tables import to_units
from hftlab.backtest.summary import Drawdown, Markout, Performance, Summary
from hftlab.clock import NANOSECONDS
from hftlab.instruments import UNIT
from hftlab.trading.money import round_half_even

__all__ = ["summarize"]

_KEY = ["session", "symbol"]


@dataclass
class _Sums:
    """Sums over one symbol of one session, or over several. Money in 1e-9 of the account's currency, times in ns."""

    realized: int = 0
    unrealized: int = 0
    commissions: int = 0
    turnover: int = 0
    volume: int = 0
    orders: int = 0
    rejected: int = 0
    filled_orders: int = 0
    ordered: int = 0
    fills: int = 0
    maker: int = 0
    taker: int = 0
    auction: int = 0
    length: int = 0
    uncovered: int = 0
    inventory: int = 0
    """Units of 1e-9 times ns."""
    absolute: int = 0
    most: int = 0
    marks: dict[int, list[float]] = field(default_factory=dict)
    """By horizon: money earned, quantity and money paid of the fills with a markout; their number, and of the others"""

    def add(self, other: _Sums) -> None:
        for one in fields(self):
            if one.name not in ("most", "marks"):
                setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.most = max(self.most, other.most, key=abs)
        for horizon, sums in other.marks.items():
            mine = self.marks.setdefault(horizon, [0.0] * len(sums))
            self.marks[horizon] = [a + b for a, b in zip(mine, sums, strict=True)]


def summarize(tables: Mapping[str, pl.LazyFrame], runs: Sequence[Facts], horizons: Iterable[str | float]) -> Summary:
    """Sum up a result's exact tables. `runs` has the facts of each session, `horizons` are those of the markouts."""
    sums = {(run.session, symbol): _Sums(length=run.end - run.start) for run in runs for symbol in _traded(tables, run)}
    listings = {(run.session, symbol): one for run in runs for symbol, one in run.instruments.items()}
    _add_orders(sums, tables)
    _add_fills(sums, tables, listings)
    _add_positions(sums, tables, listings, {run.session: run.end for run in runs})
    _add_uncovered(sums, tables, runs)
    _add_markouts(sums, tables, listings, runs, horizons)
    total, symbols = _Sums(), {symbol: _Sums() for _, symbol in sorted(sums, key=lambda key: key[1])}
    for (_, symbol), one in sums.items():
        symbols[symbol].add(one)
        total.add(one)
    is_one = len(symbols) == 1
    performances = [_performance(symbol, one, is_one=True) for symbol, one in symbols.items()]
    equity = tables["equity"].collect()
    return Summary(
        strategy=runs[0].strategy,
        sessions=[run.session for run in runs],
        start=min(run.start for run in runs),
        end=max(run.end for run in runs),
        duration=sum(run.end - run.start for run in runs) / NANOSECONDS,
        currency=runs[0].currency,
        total=_performance(None, total, is_one=is_one, pnl=_last_pnl(equity)),
        symbols=performances,
        drawdown=_drawdown(equity),
        **_exposure(equity),
    )


def _traded(tables: Mapping[str, pl.LazyFrame], run: Facts) -> list[str]:
    """Return the symbols in which a run has sent orders."""
    orders = tables["orders"].filter(pl.col("session") == run.session)
    found: list[str] = orders.select(pl.col("symbol").unique().sort()).collect()["symbol"].to_list()
    return found


def _units(table: pl.LazyFrame) -> pl.LazyFrame:
    return table.with_columns(to_units(pl.selectors.decimal()))


def _converted(amount: int, listing: Listing) -> int:
    numerator, denominator = Fraction(listing.rate).as_integer_ratio()
    return round_half_even(amount * numerator, denominator)


# --- sums of the tables ---


def _add_orders(sums: Mapping[Any, _Sums], tables: Mapping[str, pl.LazyFrame]) -> None:
    taken = pl.col("status") != "REJECTED"
    found = (
        _units(tables["orders"])
        .group_by(_KEY)
        .agg(
            pl.len(),
            (~taken).sum().alias("rejected"),
            pl.col("quantity").filter(taken).sum(),
        )
    )
    for session, symbol, orders, rejected, ordered in found.collect().iter_rows():
        one = sums[session, symbol]
        one.orders, one.rejected, one.ordered = orders, rejected, ordered
    # Not of the orders' own table: the strategy may not have heard of the last fills.
    filled = tables["fills"].group_by(_KEY).agg(pl.col("client_order_id").n_unique())
    for session, symbol, orders in filled.collect().iter_rows():
        sums[session, symbol].filled_orders = orders


def _add_fills(sums: Mapping[Any, _Sums], tables: Mapping[str, pl.LazyFrame], listings: Mapping[Any, Listing]) -> None:
    found = (
        _units(tables["fills"])
        .group_by(*_KEY, "liquidity")
        .agg(pl.len(), pl.col("quantity").sum(), (pl.col("price") * pl.col("quantity")).sum().alias("value"))
    )
    for session, symbol, liquidity, fills, quantity, value in found.collect().iter_rows():
        one = sums[session, symbol]
        paid = _converted(round_half_even(value, UNIT), listings[session, symbol])
        one.fills += fills
        one.volume += quantity
        one.turnover += paid
        setattr(one, liquidity.lower(), paid)


def _add_positions(
    sums: Mapping[Any, _Sums],
    tables: Mapping[str, pl.LazyFrame],
    listings: Mapping[Any, Listing],
    ends: Mapping[str, int],
) -> None:
    marks = _last_marks(tables)
    for (session, symbol), rows in _units(tables["positions"]).collect().group_by(_KEY, maintain_order=True):
        one, listing = sums[session, symbol], listings[session, symbol]
        quantities, times = rows["quantity"].to_list(), [*rows["at"].to_list(), ends[str(session)]]
        for quantity, since, until in zip(quantities, times[:-1], times[1:], strict=True):
            one.inventory += quantity * (until - since)
            one.absolute += abs(quantity) * (until - since)
        one.most = max(quantities, key=abs)
        last = rows.row(-1, named=True)
        value = listing.step * round_half_even(last["quantity"] * marks[session, symbol], UNIT * listing.step)
        one.unrealized = _converted(value - last["cost"], listing)
        one.realized = _converted(last["realized"], listing)
        one.commissions = _converted(last["commissions"], listing)


def _last_marks(tables: Mapping[str, pl.LazyFrame]) -> dict[Any, int]:
    """Return at which price (1e-9) each position is valued at the end: the last mid, else the last fill's price."""
    prices = _units(tables["fills"]).group_by(_KEY).agg(pl.col("price").last()).collect()
    both = (pl.col("bid") > 0) & (pl.col("ask") > 0)
    quotes = _units(tables["quotes"].filter(both)).group_by(_KEY).agg(pl.col("bid", "ask").last()).collect()
    marks = {(session, symbol): price for session, symbol, price in prices.iter_rows()}
    marks |= {(session, symbol): round_half_even(bid + ask, 2) for session, symbol, bid, ask in quotes.iter_rows()}
    return marks


def _add_uncovered(sums: Mapping[Any, _Sums], tables: Mapping[str, pl.LazyFrame], runs: Sequence[Facts]) -> None:
    bounds = {run.session: (run.start, run.end) for run in runs}
    for session, symbol, since, until in tables["gaps"].select(*_KEY, "from", "to").collect().iter_rows():
        if (session, symbol) in sums:
            start, end = bounds[session]
            sums[session, symbol].uncovered += max(0, min(until, end) - max(since, start))


def _add_markouts(
    sums: Mapping[Any, _Sums],
    tables: Mapping[str, pl.LazyFrame],
    listings: Mapping[Any, Listing],
    runs: Sequence[Facts],
    horizons: Iterable[str | float],
) -> None:
    ends = pl.LazyFrame({"session": [run.session for run in runs], "end": [run.end for run in runs]})
    quantity, is_known = pl.col("quantity"), pl.col("markout").is_not_null()
    found = (
        markouts(tables["fills"], tables["quotes"], tables["gaps"], ends, horizons)
        .group_by(*_KEY, "horizon")
        .agg(
            (pl.col("markout") * quantity).filter(is_known).alias("earned"),
            quantity.filter(is_known),
            (pl.col("price") * quantity).filter(is_known).alias("paid"),
            is_known.sum().alias("known"),
            (~is_known).sum().alias("left_out"),
        )
        .sort(*_KEY, "horizon")
    )
    for session, symbol, horizon, *listed, known, left_out in found.collect().iter_rows():
        # Sums that do not depend on the order, which is that of whichever thread of polars' came first.
        earned, units, paid = map(fsum, listed)
        rate = float(Fraction(listings[session, symbol].rate))
        sums[session, symbol].marks[horizon] = [earned, units, earned * rate, paid * rate, known, left_out]


# --- measures ---


def _performance(symbol: str | None, sums: _Sums, *, is_one: bool, pnl: int | None = None) -> Performance:
    return Performance(
        symbol=symbol,
        pnl=(sums.realized + sums.unrealized if pnl is None else pnl) / UNIT,
        realized=sums.realized / UNIT,
        unrealized=sums.unrealized / UNIT,
        commissions=sums.commissions / UNIT,
        turnover=sums.turnover / UNIT,
        volume=sums.volume / UNIT if is_one else None,
        orders=sums.orders,
        rejected=sums.rejected,
        fills=sums.fills,
        fill_ratio=_ratio(sums.filled_orders, sums.orders - sums.rejected),
        quantity_fill_ratio=_ratio(sums.volume, sums.ordered) if is_one else None,
        maker_share=_ratio(sums.maker, sums.turnover),
        taker_share=_ratio(sums.taker, sums.turnover),
        auction_share=_ratio(sums.auction, sums.turnover),
        mean_inventory=_inventory(sums.inventory, sums.length) if is_one else None,
        mean_absolute_inventory=_inventory(sums.absolute, sums.length) if is_one else None,
        max_inventory=sums.most / UNIT if is_one else None,
        uncovered=_ratio(sums.uncovered, sums.length) or 0.0,
        markouts=[_markout(horizon, one, is_one=is_one) for horizon, one in sorted(sums.marks.items())],
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _inventory(integral: int, length: int) -> float:
    return integral / (length * UNIT) if length else 0.0


def _markout(horizon: int, sums: Sequence[float], *, is_one: bool) -> Markout:
    earned, quantity, money, paid, known, left_out = sums
    return Markout(
        horizon=horizon,
        per_unit=earned / quantity if is_one and quantity else None,
        bps=1e4 * money / paid if paid else None,
        fills=int(known),
        left_out=int(left_out),
    )


def _last_pnl(equity: pl.DataFrame) -> int:
    return 0 if equity.is_empty() else int(equity["pnl"][-1] * UNIT)


def _drawdown(equity: pl.DataFrame) -> Drawdown | None:
    """Return the largest fall; None if the equity never fell."""
    place = equity["drawdown"].cast(pl.Float64).arg_min()
    if place is None or not equity["drawdown"][place]:
        return None
    amount = -float(equity["drawdown"][place])
    highest = equity["equity"][place] - equity["drawdown"][place]
    # None had the highest where all of the first time's changes are one row: it fell from what the account began with.
    peaks = (equity["equity"][: place + 1] == highest).arg_true()
    since = int(peaks[-1]) if len(peaks) else 0
    share = amount / float(highest) if highest > 0 else None
    return Drawdown(amount=amount, share=share, since=equity["at"][since], at=equity["at"][place])


def _exposure(equity: pl.DataFrame) -> dict[str, float]:
    """Return the mean exposure over time, and the most."""
    length = (pl.col("at").shift(-1) - pl.col("at")).over("session").fill_null(0)
    value = pl.col("exposure").cast(pl.Float64)
    mean, most = equity.select((value * length).sum() / length.sum(), value.max().alias("most")).row(0)
    return {"mean_exposure": 0.0 if mean is None or mean != mean else mean, "max_exposure": most or 0.0}
