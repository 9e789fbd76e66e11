"""Run of a strategy over the wire: on whatever a client's server streams."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import polars as pl

from hftlab.backtest.backtesting import StrategyLike, made_strategy
from hftlab.backtest.engine import Engine
from hftlab.backtest.facts import Facts, code_hash
from hftlab.backtest.heard_log import HeardLog
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.result import Result
from hftlab.backtest.result_tables import RAW
from hftlab.backtest.strategy_calls import strategy_trace
from hftlab.client import Client
from hftlab.clock import check_speed
from hftlab.clock import duration as nanoseconds_of
from hftlab.errors import ArgumentError, ArgumentTypeError, HftlabError, ServerError, WireError
from hftlab.instruments import Instrument, Venue, find_instrument
from hftlab.lab.background import background
from hftlab.lab.client import LabClient
from hftlab.lab.live_market import LiveMarket
from hftlab.lab.stepped_market import SteppedMarket
from hftlab.trading.account import AccountTerms

__all__ = ["run"]


def run(
    strategy: StrategyLike,
    client: LabClient,
    *,
    duration: float | str | timedelta | None = None,
    speed: float | None = None,
    latency: Latency | None = None,
    terms: AccountTerms | None = None,
    parameters: Mapping[str, Any] | None = None,
    cancel_open: bool = False,
) -> Result:
    """Run a strategy over the wire, with the orders of the account that a client is signed in as; returns its Result.

    At a live market it reacts to messages as they come, on the symbols that the client subscribes to, and orders are
    sent without waiting. It ends after `duration` (seconds, or text such as "5m") of the market's time, with the
    connection or a replay that does not take orders, or at an interrupt, which returns the result as well.

    A replay that takes orders (hl.serve(session.replay(), fills=...)) is driven by the run: paused, and stepped from
    message to message and to the strategy's timers, so that the same run gives the same orders and fills each time,
    those of hl.backtest() with the same models. `speed` waits as the recording has, a multiple of real time; None is
    as fast as possible. It goes on from where the replay stands, to its end. The `feed` of a `latency` delays what the
    strategy hears; requests and reports take as long as the server's fills= say. An exchange that is served with
    stepped=True is driven in the same way, for `duration`, with the fills of hl.backtest() on such an exchange.
    Where the connection ends before it, the result is that of the time until then, with a warning.

    `parameters` are for a strategy given as its class. `terms` are those of the account at the server, by which fees
    are computed (None: typical ones, and the cash that it has). Orders that are open at the end stay open, or are
    cancelled with `cancel_open`. An exception of the strategy ends the run and is raised here. Raises ReplayMoved if
    another client moves the replay meanwhile.
    """
    if not isinstance(client, LabClient):
        raise ArgumentTypeError(f"client is {client!r}: give the client that hl.connect() has returned")
    made = made_strategy(strategy, dict(parameters or {}))
    inner = client.inner
    length = None if duration is None else _length(duration)
    market = _market(inner, length, speed, latency)
    log = HeardLog()
    try:
        engine = Engine(made, market, latency or Latency.none, log, prefix=_prefix(client))
        engine.know(market.known)
        engine.know(client.trading.positions.values())
        if (portfolio := client.trading.portfolio) is not None:
            engine.know([portfolio])
        if isinstance(market, LiveMarket):
            market.on_refused = engine.refuse
        cash = 0.0 if portfolio is None else portfolio.cash
        currency = "USD" if portfolio is None else portfolio.currency
        _drive(engine, market)
    except Exception as error:
        error.__traceback__ = strategy_trace(error.__traceback__)
        raise
    finally:
        market.close()
        if cancel_open:
            _cancel(client, made)
    account = terms or AccountTerms(cash=cash, currency=currency)
    facts = Facts(
        strategy=f"{type(made).__module__}:{type(made).__qualname__}",
        session=inner.url,
        start=market.start,
        end=max(engine.now, market.start),
        parameters={str(name): repr(value) for name, value in (parameters or {}).items()},
        code=code_hash(type(made)),
    )
    instruments = [_instrument(inner, symbol) for symbol in market.symbols]
    return Result.of_run(
        **log.tables(), gaps=pl.DataFrame(schema=RAW["gaps"]), facts=facts, terms=account, instruments=instruments
    )


def _drive(engine: Engine, market: LiveMarket | SteppedMarket) -> None:
    try:
        engine.run(market.end)
    except (KeyboardInterrupt, EOFError):  # the user's, and the end of the connection or the replay
        engine.finish()


def _market(
    client: Client, duration: int | None, speed: float | None, latency: Latency | None
) -> LiveMarket | SteppedMarket:
    if background.run(_takes_orders(client)):
        return SteppedMarket(client, None if speed is None else check_speed(speed), duration)
    for name, value in (("speed", speed), ("latency", latency)):
        if value is not None:
            raise ArgumentError(
                f"{name}={value!r} is for a replay that takes orders, which {client.url} is not: leave it out, or "
                "serve one with hl.serve(session.replay(), fills=...), or an exchange with stepped=True"
            )
    if not client.symbols:
        raise ArgumentError("the client has no subscriptions, and a strategy would hear nothing: subscribe first")
    return LiveMarket(client, duration)


async def _takes_orders(client: Client) -> bool:
    """Tell whether the server streams a replay that takes orders. One that waits for a subscription is asked."""
    status = client.replay.status
    if status is None:
        try:
            status = await client.replay.pause()
        except ServerError:  # of a live source
            return False
        if status is not None and status.order_time is None:
            await client.replay.resume()
    return status is not None and status.order_time is not None


def _length(duration: float | str | timedelta) -> int:
    return nanoseconds_of(duration.total_seconds() if isinstance(duration, timedelta) else duration)


def _prefix(client: LabClient) -> str:
    """Return a beginning of client order ids that the account has not used yet."""
    known = {order.client_order_id.rpartition("-")[0] for order in client.trading.orders}
    number = 1
    while (prefix := "S" if number == 1 else f"S{number}") in known:
        number += 1
    return prefix


def _cancel(client: LabClient, strategy: Any) -> None:
    for order in list(strategy.trading.open_orders):
        with suppress(WireError, HftlabError):  # it has ended meanwhile
            background.run(client.inner.trading.cancel(order.client_order_id))


def _instrument(client: Client, symbol: str) -> Instrument:
    """Return the instrument of a symbol: the known one, or one of which nothing is known but its venue's name."""
    state = client.latest(symbol)
    exchange = "" if state is None else state.exchange
    listed = find_instrument(symbol.partition(":")[0], exchange or None)
    if listed is not None and listed.wire_symbol == symbol:
        return listed
    return Instrument(symbol, Venue(exchange or "unknown", ""), 1, 1, "")
