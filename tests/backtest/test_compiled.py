"""Compiled strategies: the fills of a class with the same orders, and errors that name the user's line."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import Autocorrelated, Latency, Lognormal
from hftlab.backtest.market_rows import market_rows
from hftlab.errors import ArgumentError, ArgumentTypeError, StepFailed
from hftlab.ingest import import_capture
from hftlab.instruments import UNIT
from hftlab.protocol import MarketData, OrderUpdate
from hftlab.session import Session
from hftlab.trading import AccountTerms
from tests.backtest.recorded_days import levels, orders
from tests.protocol.conftest import level, market_data, symbol
from tests.session.sessions import write_session
from tests.shared_data import shared_data

MILLISECOND = 1_000_000
LATENCY = Latency(entry="20ms", response="30ms")
DRAWN = Latency(
    entry={"new": Lognormal("20ms", 0.5), "cancel": "10ms", "replace": Lognormal("15ms", 0.5)},
    response=Autocorrelated("30ms", 0.5, correlation=0.9),
    compute="1ms",
    seed=3,
)
OVERLAPPING = Latency(entry=Lognormal("129ms", 0.3), response="135ms", seed=21)
"""More than one request of an order is on its way at a time."""


class Waves(hl.Strategy):
    """Quotes that move with the steps about a price that was given, whatever the market does."""

    every = "100ms"
    wake = "timer"

    def __init__(self, middle: int, tick: int, step: int, lots: int, lot: int) -> None:
        self.middle, self.tick, self.step, self.lots, self.lot = middle, tick, step, lots, lot
        self.steps = 0
        self.quotes: list[Any] = [None, None]

    def on_timer(self, at: int) -> None:
        self.steps += 1
        symbol = self.market.symbols[0]
        for number, (place, sign) in enumerate(((self.trading.buy, -1), (self.trading.sell, 1))):
            price = (self.middle + sign * (3 + self.steps * 7 % 5) * self.step) * self.tick / UNIT
            order = self.quotes[number]
            if order is None or order.is_final:
                self.quotes[number] = place(symbol, self.lots * self.lot / UNIT, price=price)
            elif order.status == "PENDING_CANCEL":
                pass
            elif self.steps % 3 == 0:
                order.cancel()
            else:
                order.replace(price=price, quantity=(self.lots + self.steps % 2 * 5) * self.lot / UNIT)


@hl.compiled(
    every="100ms",
    state={"steps": 0, "quotes": np.zeros(2, np.int64)},
    parameters={"middle": 0, "step": 1, "lots": 10},
)
def waves(market, orders, state, parameters):  # type: ignore[no-untyped-def]
    """The same, compiled."""
    state.steps += 1
    for number in range(2):
        sign = -1 if number == 0 else 1
        price = parameters.middle + sign * (3 + state.steps * 7 % 5) * parameters.step
        order = state.quotes[number]
        if not orders.is_open(order):
            send = orders.buy(parameters.lots, price) if number == 0 else orders.sell(parameters.lots, price)
            state.quotes[number] = send
        elif state.steps % 3 == 0:
            orders.cancel(order)
        else:
            orders.replace(order, parameters.lots + state.steps % 2 * 5, price)


def both(session: Session, step: int, lots: int, **options: Any) -> tuple[Any, Any]:
    """Run the class and the compiled strategy with the same orders."""
    one = market_rows(session).instruments[0]
    first = session.market_data.filter((pl.col("bid_size") > 0) & (pl.col("ask_size") > 0)).first().collect()
    middle = round((first["bid"][0] + first["ask"][0]) / 2 / (one.tick * step / UNIT)) * step
    terms = hl.trading.AccountTerms(cash=1e12)
    given = {"middle": middle, "tick": one.tick, "step": step, "lots": lots, "lot": one.lot}
    of_class = hl.backtest(Waves, session, terms=terms, parameters=given, **options)  # type: ignore[operator]
    mine = waves(middle=middle, step=step, lots=lots)
    return of_class, hl.backtest(mine, session, terms=terms, **options)  # type: ignore[operator]


def assert_same(of_class: Any, mine: Any) -> None:
    """Two results have the same requests, fills, positions and orders; these have other names."""
    assert mine.fills.collect().height > 5
    for name in ("fills", "requests", "positions", "orders"):
        tables = [
            one.exact(name).drop("client_order_id", "order_id", strict=False).collect() for one in (of_class, mine)
        ]
        if name == "requests":  # the broker does not send a replacement by less than is filled, which the venue refuses
            refused = (pl.col("kind") == "REPLACE") & (pl.col("outcome") == "REJECTED")
            tables = [table.filter(~refused) for table in tables]
        assert_frame_equal(*tables, check_exact=False, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("fill", "latency"),
    [("fifo", Latency.none), ("fifo", DRAWN), ("risk_averse", LATENCY), ("power(3)", DRAWN), ("log", OVERLAPPING)],
)
def test_has_the_fills_of_a_class_on_a_simulated_day(fill: str, latency: Latency) -> None:
    assert_same(*both(orders(), step=100, lots=50, fill=fill, latency=latency))


def test_has_the_fills_of_a_class_where_there_are_messages_alone() -> None:
    assert_same(*both(levels(), step=100, lots=50, latency=LATENCY))


def test_has_the_fills_of_a_class_on_binance(tmp_path: Path) -> None:
    capture = tmp_path / "capture"
    with gzip.open(shared_data("binance/usdm_btcusdt_20240808.gz")) as file:
        capture.write_bytes(b"".join(islice(file, 10_000)))  # of 94,000 lines
    session = import_capture("binance", capture, tmp_path / "session", pace=100 * MILLISECOND).session
    assert_same(*both(session, step=20, lots=10, fill="log", latency=LATENCY))


@pytest.mark.soak
def test_has_the_fills_of_a_class_on_amzn(tmp_path: Path) -> None:
    capture = shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")
    session = import_capture("lobster", capture, tmp_path / "session", pace=100 * MILLISECOND).session
    assert_same(*both(session, step=100, lots=10, fill="fifo", latency=LATENCY))


def test_feed_latency_gives_the_strategy_a_book_of_its_own_that_is_late() -> None:
    @hl.compiled(every="50ms", state={"bids": np.zeros(100, np.int64), "steps": 0})
    def look(market, orders, state):  # type: ignore[no-untyped-def]
        if state.steps < 100:
            state.bids[state.steps] = market.bid()
            orders.buy(1 + market.bid() % 1000, 1)
        state.steps += 1

    at_once, late = (
        hl.backtest(look, orders(), latency=Latency(feed=feed)).orders.collect()["quantity"]  # type: ignore[operator]
        for feed in ("0ms", "100ms")
    )
    assert late[2:].to_list()[:90] == at_once[:-2].to_list()[:90]
    assert late.n_unique() > 5


def test_the_quotes_of_a_result_are_the_markets_whenever_the_strategy_hears_of_them() -> None:
    @hl.compiled(every="1s")
    def taker(market, orders):  # type: ignore[no-untyped-def]
        orders.buy_market(100)

    class Taker(hl.Strategy):
        every = "1s"

        def on_timer(self, at: int) -> None:
            self.trading.buy("AAPL", 100)

    results = [hl.backtest(one, levels(), latency=Latency(feed="1s")) for one in (taker, Taker)]  # type: ignore[operator]
    mine, of_class = (one.exact("quotes").collect() for one in results)
    best = pl.struct("bid", "ask")
    assert_frame_equal(mine, of_class.filter(best.ne_missing(best.shift(1))))
    assert_frame_equal(*(one.markouts().collect().drop("client_order_id") for one in results))
    assert_frame_equal(*(one.exact("equity").collect() for one in results))


def test_what_could_not_be_filled_has_the_reason_that_a_class_is_told() -> None:
    @hl.compiled(every="5s")
    def taker(market, orders):  # type: ignore[no-untyped-def]
        orders.buy_market(1_000_000)
        orders.buy(1_000_000, market.ask(), ioc=True)
        orders.buy(1_000_000, market.ask(), fok=True)

    class Taker(hl.Strategy):
        every = "5s"

        def on_timer(self, at: int) -> None:
            best = self.market.best("AAPL")
            assert best is not None
            self.trading.buy("AAPL", 1_000_000)
            for in_force in ("IOC", "FOK"):
                self.trading.buy("AAPL", 1_000_000, price=best[1], time_in_force=in_force)

    terms = AccountTerms(cash=1e12)
    mine, of_class = (
        hl.backtest(one, levels(), terms=terms).orders.collect()["reason"].to_list()  # type: ignore[operator]
        for one in (taker, Taker)
    )
    assert mine == of_class
    assert set(mine) == {
        "no liquidity for the rest of a MARKET order",
        "no liquidity for the rest of an IOC order",
        "fill or kill: not fillable",
    }


def test_a_cancel_that_comes_too_late_was_refused_whatever_has_ended_the_order() -> None:
    """The venue cancels what it could not fill: that is no answer to the request that arrives behind."""

    @hl.compiled(every="10s", state={"sent": 0})
    def taker(market, orders, state):  # type: ignore[no-untyped-def]
        if not state.sent:
            state.sent = orders.buy_market(1_000_000)
            orders.cancel(state.sent)

    class Taker(hl.Strategy):
        every = "10s"

        def on_timer(self, at: int) -> None:
            if not self.trading.orders:
                self.trading.buy("AAPL", 1_000_000).cancel()

    for strategy in (taker, Taker):
        latency, terms = Latency(entry="1ms", response="1ms"), AccountTerms(cash=1e12)
        result = hl.backtest(strategy, levels(), latency=latency, terms=terms)  # type: ignore[operator]
        assert result.requests.collect().select("kind", "outcome").rows() == [("NEW", "DONE"), ("CANCEL", "REJECTED")]
        assert result.orders.collect()["reason"].to_list() == ["no liquidity for the rest of a MARKET order"]


def test_what_is_sent_at_the_end_is_met_there_as_a_class_has_it(tmp_path: Path) -> None:
    """A session of one message, which is its start and its end; and one whose last step is at the very end."""

    @hl.compiled(wake=["best", "orders"], state={"sent": 0})
    def taker(market, orders, state):  # type: ignore[no-untyped-def]
        if state.sent < 3:
            state.sent = orders.buy_market(1)

    class Taker(hl.Strategy):
        wake = "best"

        def on_market_data(self, message: MarketData) -> None:
            self.trading.buy(message.symbols[0].symbol, 1)

        def on_order_update(self, update: OrderUpdate) -> None:
            if update.update_type == "FILL" and len(self.trading.orders) < 3:
                self.trading.buy(update.symbol, 1)

    quotes = market_data(symbol("A", bid_size=100.0, ask_size=100.0, asks=[level(11.0, 100.0)]))
    for times in ([10**9], [10**9, 2 * 10**9]):
        session = write_session(tmp_path / f"session-{len(times)}", [(at, quotes) for at in times])
        mine, of_class = (hl.backtest(one, session).fills.collect() for one in (taker, Taker))  # type: ignore[operator]
        assert mine.height == 3
        assert_frame_equal(*(one.drop("client_order_id") for one in (mine, of_class)))


def test_billions_of_a_cheap_coin_are_counted_exactly(tmp_path: Path) -> None:
    """They are more units of 1e-9 than an int64 holds; a class has the same."""

    @hl.compiled(every="1s", state={"sent": 0})
    def holder(market, orders, state):  # type: ignore[no-untyped-def]
        if not state.sent:
            state.sent = orders.buy_market(20_000_000_000)

    class Holder(hl.Strategy):
        def on_market_data(self, message: MarketData) -> None:
            if not self.trading.orders:
                self.trading.buy(message.symbols[0].symbol, 2e10)

    price, sizes = 1e-5, {"bid_size": 5e10, "ask_size": 5e10}
    quotes = symbol(
        "A", bid=price, ask=price + 1e-8, bids=[level(price, 5e10)], asks=[level(price + 1e-8, 5e10)], **sizes
    )
    session = write_session(tmp_path / "session", [(n * 10**9, market_data(quotes)) for n in range(1, 5)])
    for strategy in (holder, Holder):
        result = hl.backtest(strategy, session, terms=AccountTerms(cash=1e6, commissions=None))  # type: ignore[operator]
        assert result.fills.collect().select("quantity", "price").rows() == [(2e10, 1.001e-5)]
        assert result.positions.collect().select("quantity", "cost").rows() == [(2e10, 200_200.0)]
        assert result.orders.collect()["filled_quantity"].to_list() == [2e10]
        assert result.summary().total.pnl == pytest.approx(-100.0)


def test_a_price_that_is_not_in_ticks_is_an_error_and_not_another_price() -> None:
    @hl.compiled(every="1s")
    def buyer(market, orders):  # type: ignore[no-untyped-def]
        orders.buy(1, market.ask() * 1_000_000_000)

    @hl.compiled(every="1s", state={"sent": 0})
    def mover(market, orders, state):  # type: ignore[no-untyped-def]
        if state.sent:
            orders.replace(state.sent, 1, market.ask() * 1_000_000_000)
        state.sent = orders.buy(1, 1)

    for strategy in (buyer, mover):
        with pytest.raises(StepFailed, match="the price of an order is too high: give it in ticks"):
            hl.backtest(strategy, levels())  # type: ignore[operator]


def test_wakes_by_trades_bests_and_own_orders() -> None:
    @hl.compiled(wake=["trade", "orders"], state={"sent": 0})
    def on_trades(market, orders, state):  # type: ignore[no-untyped-def]
        if market.woken_by & 4 and market.trades() > 0 and state.sent < 20:
            state.sent = orders.buy(100, market.ask(), ioc=True)

    @hl.compiled(wake="best", state={"sent": 0})
    def on_bests(market, orders, state):  # type: ignore[no-untyped-def]
        if state.sent < 20:
            state.sent = orders.sell(100, market.bid(), ioc=True)

    trades = orders().events.filter(pl.col("action") == ord("T")).collect()["ts_recv"].to_list()
    made = hl.backtest(on_trades, orders(), latency=LATENCY).orders.collect()  # type: ignore[operator]
    assert made["created"].to_list() == sorted(set(trades))[:20]
    result = hl.backtest(on_bests, orders(), latency=LATENCY)  # type: ignore[operator]
    bests = sorted(set(result.exact("quotes").collect()["at"].to_list()))  # several at one time wake once
    assert result.orders.collect()["created"].to_list() == bests[:20]


def test_a_call_changes_parameters_and_nothing_else() -> None:
    other = waves(step=7)
    assert other.parameters == {"middle": 0, "step": 7, "lots": 10}
    assert waves.parameters["step"] == 1
    assert other.step is waves.step
    assert repr(other) == "waves(middle=0, step=7, lots=10)"


class TestErrors:
    def test_name_the_line_that_raises(self) -> None:
        @hl.compiled(every="1s", state={"window": np.zeros(3), "steps": 0})
        def forgetful(market, orders, state):  # type: ignore[no-untyped-def]
            state.steps += 1
            state.window[state.steps] = market.bid()

        with pytest.raises(StepFailed, match=r"IndexError: index is out of bounds.*") as raised:
            hl.backtest(forgetful, orders())  # type: ignore[operator]
        assert "`state.window[state.steps] = market.bid()`" in str(raised.value)
        assert raised.value.line is not None

    def test_name_the_line_of_what_the_user_raises(self) -> None:
        @hl.compiled(every="1s")
        def strict(market, orders):  # type: ignore[no-untyped-def]
            if market.bid() > 0:
                raise ValueError("there is a bid")

        with pytest.raises(StepFailed, match=r'`raise ValueError\("there is a bid"\)`.*ValueError: there is a bid'):
            hl.backtest(strict, orders())  # type: ignore[operator]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("market.depth(3)", "Unknown attribute 'depth' of type Market"),
            ("undefined + 1", "name 'undefined' is not defined"),
            ("state.nothing", "state and parameters have no 'nothing'"),
        ],
    )
    def test_name_the_line_that_cannot_be_compiled(self, line: str, reason: str, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        file.write_text(f"def step(market, orders, state):\n    bid = market.bid()\n    state.x = {line}\n")
        names: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), names)
        strategy = hl.compiled(every="1s", state={"x": 0})(names["step"])
        with pytest.raises(StepFailed) as raised:
            hl.backtest(strategy, orders())  # type: ignore[operator]
        assert reason in str(raised.value)
        assert f"(mine.py, line 3: `state.x = {line}`)" in str(raised.value)

    def test_time_that_stands_still(self) -> None:
        @hl.compiled(wake=["trade", "orders"])
        def restless(market, orders):  # type: ignore[no-untyped-def]
            orders.cancel(orders.buy(1, 1))

        with pytest.raises(StepFailed, match="again and again, and time stands still"):
            hl.backtest(restless, orders(5))  # type: ignore[operator]

    def test_of_arguments(self) -> None:
        with pytest.raises(ArgumentError, match="nothing would ever call step"):

            @hl.compiled
            def step(market, orders):  # type: ignore[no-untyped-def]
                """Nothing."""

        with pytest.raises(ArgumentError, match=r"the step step takes \(book\): write it as def step\(market, orders"):

            @hl.compiled(every="1s")
            def step(book):  # type: ignore[no-untyped-def]
                """Nothing."""

        with pytest.raises(ArgumentTypeError, match=r"waves has no parameter 'stp' \(nearest: 'step'\)"):
            waves(stp=3)
        with pytest.raises(ArgumentTypeError, match=r"the parameter step of waves is 0\.5: it is a whole number"):
            waves(step=0.5)
        with pytest.raises(ArgumentError, match=r"nothing wakes a strategy that is called 'bst' \(nearest: 'best'\)"):
            hl.compiled(wake="bst")(lambda market, orders: None)  # type: ignore[call-overload]
        with pytest.raises(ArgumentTypeError, match=r"state of <lambda>: 'x' is 'text': give names with numbers"):
            hl.compiled(every="1s", state={"x": "text"})(lambda market, orders: None)
        with pytest.raises(ArgumentError, match="impact=True is for strategy classes"):
            hl.backtest(waves, orders(), fill=hl.backtest.FillModel("fifo", impact=True))  # type: ignore[operator]
