"""Run of a strategy class in a recorded market, in which its orders fill by a model."""

from __future__ import annotations

from hftlab.backtest.core import Core
from hftlab.backtest.engine import ACCOUNT, Engine
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.fill_venue import FillVenue
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.market_rows import MarketRows
from hftlab.backtest.markets import MarketMessages, RecordedMarket
from hftlab.backtest.rematch_core import RematchCore
from hftlab.backtest.run_log import RunLog
from hftlab.backtest.strategy import Strategy
from hftlab.trading.account import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.paper_trading import PaperTrading

__all__ = ["run_recorded", "venue_of_rows"]


def venue_of_rows(rows: MarketRows, model: FillModel, latency: Latency, start: int) -> FillVenue:
    """Make the venue in which orders fill by a model in a market's rows, before its first message at `start`."""
    return FillVenue(_core(rows, model), rows.instruments, latency, start - 1)


def _core(rows: MarketRows, model: FillModel) -> Core:
    if model.impact:
        return RematchCore(rows)
    code = FIFO if model.queue_model is None else int(model.queue_model)
    return FillCore(rows, code, model.n or 1.0)


def run_recorded(
    strategy: Strategy,
    rows: MarketRows,
    messages: MarketMessages,
    *,
    model: FillModel,
    latency: Latency,
    terms: AccountTerms,
    queue: bool = False,
) -> RunLog:
    """Run a strategy from the first to the last of a market's messages, and return the log.

    Orders fill in `rows`, which are of the same recording. With `queue` the log has their places over time.
    """
    assert messages.span is not None, "a market without messages has no time to run in"
    venue = venue_of_rows(rows, model, latency, messages.span[0])
    broker = Broker(venue, {ACCOUNT: terms})
    venue.broker = broker
    log = RunLog()
    venue.on_update, venue.on_arrival = log.update, log.arrive
    market = RecordedMarket(messages, PaperTrading(broker, messages.span, goes_back=False))
    engine = Engine(strategy, market, latency, log)
    if queue:
        engine.on_step = lambda at: _note_queue(venue, log, at)
    engine.run()
    return log


def _note_queue(venue: FillVenue, log: RunLog, at: int) -> None:
    for order_id in log.open_order_ids:
        ahead = venue.ahead(order_id)
        if ahead is not None:
            log.stand(order_id, ahead, at)
