"""A compiled strategy over one recorded session: its run, and the tables of its result."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from hftlab.backtest.compiled import CompiledStrategy
from hftlab.backtest.compiled_run import Settings, heard_times, run_compiled
from hftlab.backtest.compiled_tables import compiled_tables
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_rows import block_rows
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.market_rows import MarketRows, market_rows
from hftlab.backtest.result_tables import RAW
from hftlab.backtest.step_market import new_market
from hftlab.backtest.step_view import new_quotes, note_quotes
from hftlab.book.book_state import grow
from hftlab.book.matching.entries import Prevention
from hftlab.errors import ArgumentError
from hftlab.instruments import Instrument
from hftlab.protocol.enums import SelfTradePrevention
from hftlab.session import Session
from hftlab.trading.account import AccountTerms

__all__ = ["CompiledTables", "run_session"]


class CompiledTables(NamedTuple):
    """Outcome of a run: tables as Result.of_run() takes them, the instruments, and the fill model."""

    tables: dict[str, pl.DataFrame]
    instruments: tuple[Instrument, ...]
    model: FillModel


def run_session(
    strategy: CompiledStrategy,
    session: Session,
    span: tuple[int, int],
    *,
    fill: FillModel | str | None,
    latency: Latency,
    terms: AccountTerms,
) -> CompiledTables:
    """Run a compiled strategy over a session, from the first time of `span` (ns) to the second.

    Of the terms of the account only those of money and self-trade prevention hold: nothing checks its orders. Raises
    StepFailed, SessionError, and ArgumentError for what only a strategy class has: impact, and decrements.
    """
    rows = market_rows(session)
    held = [rows.holds(number) for number in range(len(rows.instruments))]
    model = FillModel.of(fill, has_orders="orders" in held)
    if model.impact:
        raise ArgumentError("impact=True is for strategy classes: compiled ones trade in the market as it was recorded")
    if terms.self_trade_prevention is SelfTradePrevention.DECREMENT:
        raise ArgumentError("self_trade_prevention DECREMENT is for strategy classes: take one that cancels an order")
    code = FIFO if model.queue_model is None else int(model.queue_model)
    prevention = int(Prevention[terms.self_trade_prevention.name])
    log = run_compiled(strategy, rows, span, Settings(code, model.n or 1.0, latency, prevention))
    tables = compiled_tables(log, rows.instruments, terms, span[1])
    tables["quotes"] = _quotes(rows)
    return CompiledTables(tables, rows.instruments, model)


def _quotes(rows: MarketRows) -> pl.DataFrame:
    """Return each new best bid and ask, with the columns of RAW["quotes"].

    Times are those of reception in the recording, whenever the strategy hears of it: profits and markouts are measured
    by the market.
    """
    market, feed, heard = new_market([one.tick for one in rows.instruments]), Latency.none.start().feed, None
    parts: list[pl.DataFrame] = []
    while (block := rows.block(len(parts))) is not None:
        times = heard_times(block, feed, heard)
        heard = int(times[-1])
        books, columns = block_rows(market.books, block, times)
        market = market._replace(books=books)
        quotes, row = new_quotes(len(times)), 0
        while (row := note_quotes(market, columns, row, quotes)) < len(times):
            market = market._replace(books=grow(market.books))
        used = int(quotes.used[0])
        parts.append(pl.DataFrame({name: column[:used] for name, column in quotes._asdict().items() if name != "used"}))
    listed = pl.DataFrame(
        [(number, one.wire_symbol, one.tick) for number, one in enumerate(rows.instruments)],
        schema={"instrument": pl.Int64, "symbol": pl.String, "tick": pl.Int64},
        orient="row",
    )
    prices = [pl.when(pl.col(side) != 0).then(pl.col(side) * pl.col("tick")).alias(side) for side in ("bid", "ask")]
    joined = pl.concat(parts).join(listed, on="instrument", how="left", maintain_order="left")
    return joined.with_columns(prices).select(*RAW["quotes"])
