"""Backtests: a strategy over recorded sessions, or on the simulated exchange, as one call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import polars as pl

from hftlab.backtest.arguments import latency_of, parameters_of, seconds_of, sessions_of
from hftlab.backtest.compiled import CompiledStrategy
from hftlab.backtest.compiled_session import run_session
from hftlab.backtest.engine import ACCOUNT, Engine
from hftlab.backtest.facts import Facts, facts_of
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_venue import FillVenue
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.market_rows import MarketRows, market_rows
from hftlab.backtest.markets import ObservedExchange, SimulatedMarket
from hftlab.backtest.recorded_run import run_recorded, venue_of_rows
from hftlab.backtest.result import Result
from hftlab.backtest.result_tables import RAW
from hftlab.backtest.run_log import RunLog
from hftlab.backtest.strategy import Strategy
from hftlab.backtest.strategy_calls import check_calls
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError, ArgumentTypeError, SessionError
from hftlab.instruments import Instrument
from hftlab.session import Session
from hftlab.simulator import Exchange
from hftlab.trading.account import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.commissions import Commission

__all__ = ["SessionLike", "StrategyLike", "account_terms", "fill_venue", "made_strategy", "run_backtest"]

StrategyLike: TypeAlias = Strategy | type[Strategy] | CompiledStrategy
SessionLike: TypeAlias = Session | Path | str


def run_backtest(
    strategy: StrategyLike,
    session: SessionLike | Exchange | Sequence[SessionLike],
    *,
    fill: FillModel | str | None = None,
    latency: Latency | None = None,
    fees: Mapping[str, Commission] | Commission | None = None,
    cash: float | Mapping[str, float] = 1_000_000.0,
    terms: AccountTerms | None = None,
    parameters: Mapping[str, Any] | None = None,
    queue: bool = False,
    seconds: float | None = None,
) -> Result:
    """Run a strategy over a recorded session, or several one after the other, and return what came of it.

    `strategy` is a class derived from hl.Strategy, made anew for each session with `parameters`, or one such object,
    or a step that hl.compiled has made a strategy of.
    `fill` is a fill model: "fifo" stands orders in the recorded queues (L3), "risk_averse", "power(3)", "log", "log2",
    "power2(3)" and "power3(3)" estimate their place from the levels (L2); None takes what the session allows, see
    FillModel. `latency` is an hl.backtest.Latency (None: nothing takes time). `fees` are Commissions as of AccountTerms
    (None: typical ones), `cash` is what the account begins with; `terms` replaces both, with limits and leverage. With
    `queue` the result also has the queue positions over time.

    In the place of a session a simulated exchange that nobody has traded on yet makes its next `seconds`. Its orders
    move the market, take its own `order_latency`, and have no fill model.

    The virtual clock jumps from event to event, nothing waits. Raises SessionError for a session without a market to
    fill from, ArgumentError for arguments that make no sense, and whatever the strategy raises.
    """
    run = _Run(strategy, account_terms(terms, fees, cash), latency_of(latency), parameters_of(parameters), bool(queue))
    if isinstance(session, Exchange):
        seconds = seconds_of(seconds)
        if fill is not None:
            raise ArgumentError(f"fill is {fill!r}: on the simulated exchange orders meet its own queues, leave it out")
        return run.on_exchange(session, seconds)
    if seconds is not None:
        raise ArgumentError("seconds is for a simulated exchange: a session has its own length")
    sessions = sessions_of(session)
    if len(sessions) > 1 and isinstance(strategy, Strategy):
        raise ArgumentError(
            f"{strategy!r} is one object for {len(sessions)} sessions: give its class, which is made anew for each"
        )
    results = [run.on_session(one, fill) for one in sessions]
    return results[0] if len(results) == 1 else Result.joined(results)


def account_terms(
    terms: AccountTerms | None, fees: Mapping[str, Commission] | Commission | None, cash: float | Mapping[str, float]
) -> AccountTerms:
    """Return the terms of a backtest's account."""
    if terms is not None:
        return terms
    if fees is None:
        return AccountTerms(cash=cash)
    if not isinstance(fees, Commission | Mapping):
        raise ArgumentTypeError(
            f"fees is {fees!r}: give a commission, such as hl.trading.Commission(taker_per_unit=0.003), or a dict with "
            "one for each venue"
        )
    return AccountTerms(cash=cash, commissions=fees)


def fill_venue(session: Session, fill: FillModel | str | None, latency: Latency) -> tuple[FillVenue, FillModel]:
    """Make the venue in which orders fill by a model in a recorded session. Raises SessionError, ArgumentError."""
    rows, model = _rows_and_model(session, fill)
    return venue_of_rows(rows, model, latency, _span(session)[0]), model


def _rows_and_model(session: Session, fill: FillModel | str | None) -> tuple[MarketRows, FillModel]:
    rows = market_rows(session)
    held = [rows.holds(number) for number in range(len(rows.instruments))]
    return rows, FillModel.of(fill, has_orders="orders" in held)


def _span(session: Session) -> tuple[int, int]:
    manifest = session.manifest
    if manifest.started is None or manifest.ended is None:
        raise SessionError(f"{session.folder} has no messages: record one with market data", path=session.folder)
    return manifest.started, manifest.ended


class _Run(NamedTuple):
    """Settings of a backtest: the strategy, its account, latency and parameters."""

    strategy: StrategyLike
    terms: AccountTerms
    latency: Latency
    parameters: dict[str, Any]
    queue: bool

    def on_session(self, session: Session, fill: FillModel | str | None) -> Result:
        """Run over a session."""
        latency = self.latency.applied_to(session)
        if isinstance(self.strategy, CompiledStrategy):
            return self._compiled(self.strategy(**self.parameters), session, fill, latency)
        rows, model = _rows_and_model(session, fill)
        span = _span(session)
        log = run_recorded(
            made_strategy(self.strategy, self.parameters),
            rows,
            session.replay(float("inf")),
            model=model,
            latency=latency,
            terms=self.terms,
            queue=self.queue,
        )
        facts = self._facts(session, latency, *span, seed=latency.seed, fill=model.to_dict())
        return self._result(log.tables(), facts, rows.instruments, gaps=_gaps(session))

    def _compiled(
        self, strategy: CompiledStrategy, session: Session, fill: FillModel | str | None, latency: Latency
    ) -> Result:
        if self.queue:
            raise ArgumentError("queue is for strategy classes: a compiled one does not keep places in queues")
        span = _span(session)
        run = run_session(strategy, session, span, fill=fill, latency=latency, terms=self.terms)
        made = self._replace(strategy=strategy, parameters=strategy.parameters)
        facts = made._facts(session, latency, *span, seed=latency.seed, fill=run.model.to_dict())
        return self._result(run.tables, facts, run.instruments, gaps=_gaps(session))

    def on_exchange(self, exchange: Exchange, seconds: float) -> Result:
        """Run on a simulated exchange for a time."""
        for part in ("entry", "response", "compute"):
            if getattr(self.latency, part) != getattr(Latency.none, part):
                raise ArgumentError(f"{part} is a latency of replays: give hl.simulator.Exchange an order_latency")
        if isinstance(self.strategy, CompiledStrategy):
            raise ArgumentError("a compiled strategy runs on recorded sessions: record the exchange, or take a class")
        if exchange.broker is not None:
            raise ArgumentError(f"{exchange!r} has been traded on: make another one for a backtest")
        if self.queue:
            raise ArgumentError("queue is for recorded sessions: an exchange does not tell places in its queues")
        log = RunLog()
        venue = ObservedExchange(exchange, log)
        start = exchange.next_time()
        end = start + round(seconds * NANOSECONDS)
        market = SimulatedMarket(exchange, Broker(venue, {ACCOUNT: self.terms}), end)
        Engine(made_strategy(self.strategy, self.parameters), market, self.latency, log).run()
        facts = self._facts(None, self.latency, start, end, seed=exchange.seed, fill="exchange")
        return self._result(log.tables(), facts, exchange.instruments, gaps=pl.DataFrame(schema=RAW["gaps"]))

    def _facts(
        self, session: Session | None, latency: Latency, start: int, end: int, *, seed: int, fill: object
    ) -> Facts:
        return facts_of(
            self.strategy,
            session,
            start=start,
            end=end,
            parameters=self.parameters,
            fill=fill,
            latency=latency.to_dict(),
            fees=self.terms.commissions,
            cash=self.terms.cash,
            currency=self.terms.currency,
            seed=seed,
        )

    def _result(
        self, tables: dict[str, pl.DataFrame], facts: Facts, instruments: Sequence[Instrument], gaps: pl.DataFrame
    ) -> Result:
        return Result.of_run(**tables, gaps=gaps, facts=facts, terms=self.terms, instruments=instruments)


def _gaps(session: Session) -> pl.DataFrame:
    return session.coverage(detail=True).filter(~pl.col("covered")).select("symbol", "from", "to", "why")


def made_strategy(strategy: StrategyLike, parameters: Mapping[str, Any]) -> Strategy:
    """Return the object of a strategy, made with `parameters` if it is a class. Raises ArgumentError."""
    if isinstance(strategy, Strategy):
        if parameters:
            raise ArgumentError(f"parameters are for a class, and {strategy!r} has been made already")
        check_calls(type(strategy))
        return strategy
    if isinstance(strategy, CompiledStrategy):
        raise ArgumentTypeError(
            f"{strategy!r} is compiled, and runs in hl.backtest() of recorded sessions: over the wire give a class "
            "derived from hl.Strategy"
        )
    if not (inspect.isclass(strategy) and issubclass(strategy, Strategy)):
        raise ArgumentTypeError(f"strategy is {strategy!r}: give a class derived from hl.Strategy, or one such object")
    check_calls(strategy)
    return strategy(**parameters)
