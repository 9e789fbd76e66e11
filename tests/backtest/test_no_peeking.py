"""Nothing that a strategy does depends on what comes later, and what it sees late it answers late."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import FILL_MODELS, FillModel, Latency, Lognormal
from hftlab.protocol import MarketData, MarketDataSymbol, OrderBookLevel, OrderUpdate, Side, Trade
from hftlab.session import Session
from tests.backtest.cut_sessions import cut
from tests.backtest.recorded_days import OPENING, levels, orders
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import write_session

SECONDS: Final = 12
SECOND: Final = 10**9
MILLISECOND: Final = 1_000_000
LATENCY: Final = Latency(
    feed=Lognormal("2ms", 0.4), entry=Lognormal("5ms", 0.5), response="1ms", compute="200us", seed=5
)
MODELS: Final = [*map(FillModel, FILL_MODELS), FillModel("fifo", impact=True)]


class Reader(hl.Strategy):
    """Trades on all that it sees: the book, the last price, its own fills, and the time. `log` has what it sent."""

    wake = "message"
    every = "150ms"

    def __init__(self) -> None:
        self.resting: Any = None
        self.seen = 0.0
        self.log: list[tuple[Any, ...]] = []

    def on_market_data(self, message: MarketData) -> None:
        one = message.symbols[0]
        if not one.bid or not one.ask:
            return
        if self.resting is None or self.resting.is_final:
            buys, size = one.bid_size > one.ask_size, 100 + round(one.ask * 100) % 3 * 50
            self.resting = self.send(buys, size, one.bid if buys else one.ask)
        elif one.price != self.seen:
            self.log.append((self.market.now, "cancel", self.resting.client_order_id))
            self.resting.cancel()
        self.seen = one.price

    def on_timer(self, at: int) -> None:
        if at // (150 * MILLISECOND) % 4 == 0:
            self.send(self.seen > 175.5, 20, None)

    def on_order_update(self, update: OrderUpdate) -> None:
        if update.update_type == "FILL" and self.resting is not None and not self.resting.is_final:
            self.log.append((self.market.now, "replace", self.resting.client_order_id, self.resting.quantity))
            self.resting.replace(quantity=self.resting.quantity + 10)

    def send(self, buys: bool, size: float, price: float | None) -> Any:
        self.log.append((self.market.now, "buy" if buys else "sell", size, price))
        return (self.trading.buy if buys else self.trading.sell)("AAPL", size, price=price)


class Run(NamedTuple):
    """What was sent, and the fills."""

    log: list[tuple[Any, ...]]
    fills: pl.DataFrame

    def until(self, at: int) -> Run:
        return Run([one for one in self.log if one[0] <= at], self.fills.filter(pl.col("at") <= at))


def run(session: Session, model: FillModel) -> Run:
    reader = Reader()
    result = hl.backtest(reader, session, fill=model, latency=LATENCY)
    return Run(reader.log, result.fills.collect())


@cache
def whole(make: Callable[[float], Session], model: FillModel) -> Run:
    return run(make(SECONDS), model)


def check(make: Callable[[float], Session], models: list[FillModel], until: int) -> None:
    with TemporaryDirectory() as folder:
        shorter = cut(make(SECONDS), until, Path(folder) / "cut")
        end = shorter.manifest.ended or 0  # what a strategy would hear later belongs to the longer one
        for model in models:
            expected, found = whole(make, model).until(end), run(shorter, model).until(end)
            assert expected.log == found.log
            assert_frame_equal(expected.fills, found.fills)


TIMES: Final = st.integers(OPENING + SECOND // 2, OPENING + SECONDS * SECOND)


def test_the_strategy_trades() -> None:
    for model in MODELS:
        assert whole(orders, model).fills.height > 5
        assert {one[1] for one in whole(orders, model).log} == {"buy", "sell", "cancel", "replace"}


@given(TIMES)
@settings(max_examples=4)
def test_a_session_of_orders_that_is_cut_gives_the_same_orders_before(until: int) -> None:
    check(orders, MODELS, until)


@given(TIMES)
@settings(max_examples=3)
def test_a_session_of_messages_that_is_cut_gives_the_same_orders_before(until: int) -> None:
    check(levels, [model for model in MODELS if model.name != "fifo"], until)


@pytest.mark.soak
@given(TIMES)
@settings(max_examples=60)
def test_many_cuts(until: int) -> None:
    check(orders, MODELS, until)
    check(levels, [model for model in MODELS if model.name != "fifo"], until)


class Wary(hl.Strategy):
    """Joins the best bid, and cancels when the bid is thin."""

    def __init__(self) -> None:
        self.order: Any = None
        self.cancelled = 0

    def on_market_data(self, message: MarketData) -> None:
        one = message.symbols[0]
        if self.order is None:
            self.order = self.trading.buy("AAPL", 5, price=100.0)
        elif one.bid_size < 20 and not self.cancelled:
            self.cancelled = self.market.now
            self.order.cancel()


def thin_bid(folder: Path) -> Session:
    """A bid of 50 that is thin after a second, and is sold into 50 ms later."""

    def quote(size: float, *trades: Trade) -> MarketDataSymbol:
        return symbol(
            bid=100.0, ask=101.0, price=100.0, bid_size=size, ask_size=50.0, trades=list(trades) or None,
            bids=[OrderBookLevel(price=100.0, size=size, orders=1)],
            asks=[OrderBookLevel(price=101.0, size=50.0, orders=1)],
        )  # fmt: skip

    def at(time: int, one: MarketDataSymbol) -> tuple[int, MarketData]:
        one.timestamp = (OPENING + time) / MILLISECOND
        return OPENING + time, market_data(one)

    sold = Trade(price=100.0, size=30.0, side=Side.SELL, timestamp=(OPENING + 1_050_000_000) / MILLISECOND)
    times = [
        at(0, quote(50)),
        at(500 * MILLISECOND, quote(50)),
        at(1_000 * MILLISECOND, quote(10)),
        at(1_050 * MILLISECOND, quote(5, sold)),
        at(1_300 * MILLISECOND, quote(5)),
        at(2_000 * MILLISECOND, quote(5)),
    ]
    return write_session(folder, times)


class TestLateData:
    """Who sees 100 ms late that the bid has become thin is filled before the cancellation."""

    def test_in_time_there_is_no_fill(self, tmp_path: Path) -> None:
        wary = Wary()
        result = hl.backtest(wary, thin_bid(tmp_path / "session"))
        assert wary.cancelled == OPENING + SECOND
        assert result.fills.collect().is_empty()
        assert result.orders.collect()["status"].to_list() == ["CANCELED"]

    def test_late_it_is_filled_in_between(self, tmp_path: Path) -> None:
        wary = Wary()
        result = hl.backtest(wary, thin_bid(tmp_path / "session"), latency=Latency(feed="100ms"))
        (fill,) = result.fills.collect().rows(named=True)
        assert (fill["at"], fill["quantity"], fill["why"]) == (OPENING + 1_050 * MILLISECOND, 5, "queue")
        assert wary.cancelled in (0, OPENING + 1_100 * MILLISECOND)

    def test_also_the_way_to_the_venue_is_late(self, tmp_path: Path) -> None:
        wary = Wary()
        result = hl.backtest(wary, thin_bid(tmp_path / "session"), latency=Latency(entry="60ms", response="60ms"))
        (fill,) = result.fills.collect().rows(named=True)
        assert (wary.cancelled, fill["at"]) == (OPENING + SECOND, OPENING + 1_050 * MILLISECOND)
        requests = result.requests.collect()
        assert requests.filter(pl.col("kind") == "CANCEL")["arrived"].to_list() == [OPENING + 1_060 * MILLISECOND]
