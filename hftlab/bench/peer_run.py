"""The same resting orders in hftbacktest and in the fill core: when each was filled, and for how much."""

from __future__ import annotations

import importlib.metadata
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from hftlab.backtest.blocks import MarketRows
from hftlab.backtest.core import Entry
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.reports import Cause
from hftlab.bench.peer_package import peer_package
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ASK, BID
from hftlab.instruments import UNIT, Instrument

__all__ = ["Fill", "Resting", "Sent", "fills_of_core", "fills_of_core_alone", "fills_of_peer", "sent_orders"]

Ints = npt.NDArray[np.int64]


class Fill(NamedTuple):
    """Fill of an order: ns, and lots."""

    at: int
    lots: int


class Sent(NamedTuple):
    """Order that is sent at a time (ns) and rests until another: BID or ASK, its price (ticks) and size (lots)."""

    at: int
    until: int
    side: int
    ticks: int
    lots: int


class Resting(NamedTuple):
    """Orders to be sent, and how long each request takes to the venue (ns)."""

    orders: list[Sent]
    latency: int


_FOR_EVER: Final = 2**62


def sent_orders(rows: MarketRows, *, every: int, rest: int, lots: int, latency: int) -> Resting:
    """Return an order on each side every so many ns at the best price of then, that rests for `rest` ns."""
    core, orders = _core(rows, FillModel("risk_averse")), []
    block = rows.block(0)
    assert block is not None, "there are no rows"
    at = int(block.times[0]) + every
    while core.next_time() is not None:
        core.play(at)
        for side, ticks in zip((BID, ASK), core.best(0), strict=True):
            if ticks is not None:
                orders.append(Sent(at, at + rest, side, ticks, lots))
        at += every
    return Resting(orders, latency)


def fills_of_core(rows: MarketRows, resting: Resting, model: FillModel) -> list[list[Fill]]:
    """Return the fills of each order, all in one market."""
    core = _core(rows, model)
    requests = [(one.at, number, one) for number, one in enumerate(resting.orders, 1)]
    requests += [(one.until, number, None) for number, one in enumerate(resting.orders, 1)]  # type: ignore[misc]
    fills: list[list[Fill]] = [[] for _ in resting.orders]
    for at, number, order in sorted(requests, key=lambda one: one[:2]):
        core.play(at + resting.latency)
        if order is None:
            core.cancel(number, at + resting.latency)
        else:
            core.enter(_entry(number, order), at + resting.latency)
        _book(core, fills)
    core.play(_FOR_EVER)
    _book(core, fills)
    return fills


def fills_of_core_alone(
    rows: MarketRows, resting: Resting, model: FillModel, wanted: list[int]
) -> dict[int, list[Fill]]:
    """Return the fills of some orders, by their place, each as if it were the only one."""
    market, found = _core(rows, model), {}
    for place in wanted:
        order = resting.orders[place]
        market.play(order.at + resting.latency)
        before = market.checkpoint()
        market.enter(_entry(1, order), order.at + resting.latency)
        market.play(order.until + resting.latency)
        market.cancel(1, order.until + resting.latency)
        fills: list[list[Fill]] = [[]]
        _book(market, fills)
        found[place] = fills[0]
        market.restore(before)
    return found


def _core(rows: MarketRows, model: FillModel) -> FillCore:
    assert model.queue_model is not None, "of levels"
    return FillCore(rows, int(model.queue_model), model.n or 1.0)


def _entry(number: int, order: Sent) -> Entry:
    limit, gtc = int(EntryType.LIMIT), int(InForce.GTC)
    return Entry(number, 0, 1, order.side, limit, gtc, order.ticks, order.lots)


def _book(core: FillCore, fills: list[list[Fill]]) -> None:
    for report in core.take():
        if report["cause"] == Cause.FILLED:
            fills[int(report["number"]) - 1].append(Fill(int(report["time"]), int(report["lots"])))


def fills_of_peer(
    events: npt.NDArray[Any], instrument: Instrument, resting: Resting, model: FillModel
) -> tuple[list[list[Fill]], str]:
    """Return the fills of each order by hftbacktest, and its version. Raises HftlabError if it is not installed."""
    hftbacktest = peer_package()
    asset = (
        hftbacktest.BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(resting.latency, resting.latency)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(instrument.tick / UNIT)
        .lot_size(instrument.lot / UNIT)
    )
    if model.name == "risk_averse":
        asset = asset.risk_adverse_queue_model()
    else:
        family, number = model.name.rstrip("23"), model.name.lstrip("powerlg")
        choose = getattr(asset, f"{family}_prob_queue_model{number}")
        asset = choose(model.n) if family == "power" else choose()
    backtest = hftbacktest.HashMapMarketDepthBacktest([asset])
    orders = resting.orders
    at, until, side, ticks = (np.array(column, np.int64) for column in list(zip(*orders, strict=True))[:4])
    size = np.array([one.lots for one in orders]) * (instrument.lot / UNIT)
    filled = np.zeros(len(orders), np.int64)
    _runner(hftbacktest)(backtest, at, until, side == BID, ticks * (instrument.tick / UNIT), size, filled)
    backtest.close()
    fills = [[Fill(time, one.lots)] if time else [] for time, one in zip(filled.tolist(), orders, strict=True)]
    return fills, importlib.metadata.version("hftbacktest")


def _runner(package: Any) -> Any:
    """Compile what sends the orders and cancels them, and notes when each was filled (0: never)."""
    gtc, limit, was_filled = package.GTC, package.LIMIT, package.FILLED

    @njit  # type: ignore[untyped-decorator]
    def run(backtest: Any, at: Ints, until: Ints, is_buy: Any, price: Any, size: Any, filled: Ints) -> None:
        backtest.elapse(1)
        sent, cancelled, over = 0, 0, False
        while not over and cancelled < len(at):
            is_cancel = sent == len(at) or until[cancelled] < at[sent]
            due = until[cancelled] if is_cancel else at[sent]
            if due > backtest.current_timestamp:
                over = backtest.elapse(due - backtest.current_timestamp) != 0
            if over:
                break
            if is_cancel:
                order = backtest.orders(0).get(cancelled + 1)
                if order is not None and order.cancellable:
                    backtest.cancel(0, cancelled + 1, False)
                cancelled += 1
            else:
                if is_buy[sent]:
                    backtest.submit_buy_order(0, sent + 1, price[sent], size[sent], gtc, limit, False)
                else:
                    backtest.submit_sell_order(0, sent + 1, price[sent], size[sent], gtc, limit, False)
                sent += 1
        while backtest.elapse(1_000_000_000) == 0:
            pass
        for number in range(len(at)):
            order = backtest.orders(0).get(number + 1)
            if order is not None and order.status == was_filled:
                filled[number] = order.exch_timestamp

    return run
