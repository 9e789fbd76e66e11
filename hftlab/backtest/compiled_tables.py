"""Tables of a compiled strategy's run, made of its log afterwards: the same as those of a strategy class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.backtest.compiled_run import Log
from hftlab.backtest.engine import ACCOUNT
from hftlab.backtest.ledger import book_fills
from hftlab.backtest.report_texts import FILL_REASONS, REASONS, no_liquidity
from hftlab.backtest.reports import Cause, Why
from hftlab.backtest.result_tables import RAW, from_units, half_even
from hftlab.backtest.step_requests import Kind
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import BID
from hftlab.instruments import Instrument
from hftlab.protocol.enums import OrderStatus, Side
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.venue import Liquidity

__all__ = ["compiled_tables"]

_SIDES: Final = {BID: Side.BUY, ord("A"): Side.SELL}
_KINDS: Final = {int(kind): kind.name for kind in Kind}
_TYPES: Final = {int(kind): kind.name for kind in EntryType}
_IN_FORCE: Final = {int(one): one.name for one in InForce}
_MARKET: Final = EntryType.MARKET.name
_UNFILLED: Final = {kind: no_liquidity(kind) for kind in (_MARKET, *_IN_FORCE.values())}
_ROLES: Final = {0: Liquidity.MAKER, 1: Liquidity.TAKER, 2: Liquidity.AUCTION}
_ANSWERS: Final = (Cause.ACCEPTED, Cause.REJECTED, Cause.REPLACED, Cause.REFUSED)

_Records = npt.NDArray[Any]


def compiled_tables(
    log: Log, instruments: Sequence[Instrument], terms: AccountTerms, end: int
) -> dict[str, pl.DataFrame]:
    """Return orders, fills and requests with the columns of hftlab.backtest.result_tables.RAW.

    Orders are as the strategy has heard of them by `end` (ns), and are named C1, C2, ... in the order of their entry.
    """
    sent = pl.DataFrame({name: log.requests[name] for name in log.requests.dtype.names or ()}).with_columns(
        _name(pl.col("number"))
    )
    new = _listed(sent.filter(pl.col("kind") == int(Kind.NEW)), instruments)
    news = pl.DataFrame({name: log.news[name] for name in log.news.dtype.names or ()})
    fills = _fills(news.filter(pl.col("cause") == int(Cause.FILLED)), new)
    charged = fills.sort("at", maintain_order=True)
    commissions = book_fills(charged.select(*RAW["fills"]), Account(ACCOUNT, terms, instruments)).commissions
    paid = charged.with_columns(pl.Series("commission", commissions, pl.Int64))
    return {
        "orders": _orders(sent, new, news.filter(pl.col("heard") <= end), paid.filter(pl.col("heard") <= end)),
        "fills": fills.select(*RAW["fills"]),
        "requests": _requests(sent, log),
    }


def _listed(new: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Add each order's symbol, tick and lot, and its fields as texts and in units of 1e-9."""
    listed = pl.DataFrame(
        [(number, one.wire_symbol, one.tick, one.lot) for number, one in enumerate(instruments)],
        schema={"instrument": pl.Int64, "symbol": pl.String, "tick": pl.Int128, "lot": pl.Int128},
        orient="row",
    )
    return new.join(listed, on="instrument", how="left", maintain_order="left").with_columns(
        _text("side", _SIDES),
        _text("type", _TYPES).alias("order_type"),
        _text("in_force", _IN_FORCE).alias("time_in_force"),
    )


def _fills(filled: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    orders = new.select("number", "client_order_id", "symbol", "side", "tick", "lot")
    is_auction = pl.col("why") == int(Why.AUCTION)
    return (
        filled.join(orders, on="number", how="left", maintain_order="left")
        .with_columns(
            pl.when(is_auction & (pl.col("is_taker") == 0)).then(2).otherwise("is_taker").alias("role"),
        )
        .with_columns(
            pl.col("time").alias("at"),
            (pl.col("price") * pl.col("tick")).alias("price"),
            (pl.col("lots") * pl.col("lot")).alias("quantity"),
            (pl.col("ahead") * pl.col("lot")).alias("ahead"),
            _text("role", _ROLES).alias("liquidity"),
            _text("why", FILL_REASONS),
            pl.lit(0, pl.Int64).alias("commission"),
        )
    )


def _requests(sent: pl.DataFrame, log: Log) -> pl.DataFrame:
    """Return the requests with their outcomes: each that has arrived has one answer, in the order of arrival."""
    cause, why = log.news["cause"], log.news["why"]
    is_answer = np.isin(cause, _ANSWERS) | ((cause == Cause.CANCELLED) & (why == Why.REQUESTED))
    answers = cause[is_answer]
    assert len(answers) == log.arrived, "each request has one answer"
    is_refused = np.isin(answers, (Cause.REJECTED, Cause.REFUSED))
    outcomes: list[str | None] = np.where(is_refused, "REJECTED", "DONE").tolist()
    outcomes += [None] * (len(sent) - log.arrived)
    return sent.with_columns(_text("kind", _KINDS), pl.Series("outcome", outcomes, pl.String)).select(*RAW["requests"])


def _orders(sent: pl.DataFrame, new: pl.DataFrame, heard: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Return the orders as the strategy knows them."""
    cause = pl.col("cause")
    filled_before = pl.col("filled").cum_sum().over("number")
    terms = (
        heard.with_columns(pl.when(cause == int(Cause.FILLED)).then("lots").otherwise(0).alias("filled"))
        .with_columns((pl.col("lots") + filled_before).alias("quantity"))
        .filter(cause == int(Cause.REPLACED))
        .group_by("number")
        .agg(pl.col("quantity").last(), pl.col("price").last())
    )
    done = fills.group_by("number").agg(
        pl.col("quantity").sum().alias("filled_quantity"),
        (pl.col("price").cast(pl.Int128) * pl.col("quantity")).sum().alias("value"),
        pl.col("commission").sum(),
        pl.col("heard").last().alias("last_fill"),
    )
    # The broker of a class does not pass on that a request about an order that is over was refused.
    is_late = (cause == int(Cause.REFUSED)) & (pl.col("why") == int(Why.UNKNOWN_ORDER))
    latest = (
        heard.filter(~is_late)
        .group_by("number")
        .agg(
            cause.filter(cause.is_in([int(Cause.CANCELLED), int(Cause.REJECTED)])).last().alias("ending"),
            pl.col("heard").filter(cause.is_in([int(Cause.CANCELLED), int(Cause.REJECTED)])).last().alias("ended"),
            pl.col("why").last(),
            cause.last().alias("newest"),
        )
    )
    asked = sent.filter(pl.col("kind") == int(Kind.CANCEL)).select("number").unique().with_columns(is_asked=True)
    rows = new.drop("kind").join(asked, on="number", how="left", maintain_order="left")
    for table, suffix in ((terms, "_now"), (done, ""), (latest, "")):
        rows = rows.join(table, on="number", how="left", maintain_order="left", suffix=suffix)
    price, lots = pl.coalesce("price", "ticks"), pl.coalesce("quantity", "lots")
    filled, value = pl.col("filled_quantity").fill_null(0), pl.col("value")
    quantity = lots * pl.col("lot")
    is_whole = (filled > 0) & (filled >= quantity)
    status = (
        pl.when(pl.col("ending") == int(Cause.REJECTED))
        .then(pl.lit(OrderStatus.REJECTED.value))
        .when(pl.col("ending") == int(Cause.CANCELLED))
        .then(pl.lit(OrderStatus.CANCELED.value))
        .when(is_whole)
        .then(pl.lit(OrderStatus.FILLED.value))
        .when(pl.col("is_asked"))
        .then(pl.lit(OrderStatus.PENDING_CANCEL.value))
        .when(filled > 0)
        .then(pl.lit(OrderStatus.PARTIALLY_FILLED.value))
        .when(pl.col("newest").is_not_null())
        .then(pl.lit(OrderStatus.NEW.value))
        .otherwise(pl.lit(OrderStatus.PENDING_NEW.value))
    )
    is_market = pl.col("type") == int(EntryType.MARKET)
    return rows.select(
        "client_order_id",
        pl.format("ORD_{}", "number").alias("order_id"),
        pl.lit(ACCOUNT).alias("account"),
        "symbol",
        "side",
        "order_type",
        "time_in_force",
        pl.when(is_market).then(None).otherwise(price * pl.col("tick")).alias("price"),
        quantity.alias("quantity"),
        pl.col("sent").alias("created"),
        "arrived",
        pl.when(is_whole).then("last_fill").otherwise("ended").alias("ended"),
        status.alias("status"),
        filled.alias("filled_quantity"),
        from_units(half_even(value, filled)).cast(pl.Float64).alias("average_price"),
        pl.col("commission").fill_null(0),
        pl.when(pl.col("newest") == int(Cause.FILLED))
        .then(_text("why", FILL_REASONS))
        .when(pl.col("ending").is_not_null() & (pl.col("why") == int(Why.NO_LIQUIDITY)))
        .then(pl.when(is_market).then(pl.lit(_MARKET)).otherwise("time_in_force").replace_strict(_UNFILLED))
        .when(pl.col("ending").is_not_null() | (pl.col("newest") == int(Cause.REFUSED)))
        .then(_text("why", REASONS))
        .alias("reason"),
    )


def _name(number: pl.Expr) -> pl.Expr:
    return pl.format("C{}", number).alias("client_order_id")


def _text(column: str, texts: Mapping[int, Any]) -> pl.Expr:
    """Return a column of numbers as texts."""
    given = {number: None if text is None else str(text) for number, text in texts.items()}
    return pl.col(column).replace_strict(given, default=None, return_dtype=pl.String)
