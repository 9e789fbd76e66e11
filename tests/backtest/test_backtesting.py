"""Backtests as one call: on sessions, with every model, and on the simulated exchange."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import FILL_MODELS, Latency, engine
from hftlab.errors import ArgumentError, ArgumentTypeError, NameNotFound, ServerError
from hftlab.protocol import MarketData, OrderUpdate
from hftlab.trading import AccountTerms, RiskLimits
from tests.backtest.recorded_days import OPENING, exchange, levels, orders

MILLISECOND = 1_000_000


class Maker(hl.Strategy):
    """Quotes at the best prices, a tenth of a second at a time."""

    every = "100ms"
    wake = "timer"

    def __init__(self, quantity: float = 100) -> None:
        self.quantity = quantity
        self.bid: Any = None
        self.ask: Any = None

    def on_timer(self, at: int) -> None:
        assert at == self.market.now
        best = self.market.best("AAPL")
        if best is not None:
            self.bid = self._placed(self.trading.buy, self.bid, best[0])
            self.ask = self._placed(self.trading.sell, self.ask, best[1])

    def _placed(self, place: Any, order: Any, price: float) -> Any:
        if order is None or order.is_final:
            return place("AAPL", self.quantity, price=price, post_only=True)
        if order.price != price:
            order.replace(price=price)
        return order


class Listener(hl.Strategy):
    """Keeps what it hears, and buys at the market with the first message."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def on_start(self) -> None:
        self.heard.append(("start", self.market.now))

    def on_market_data(self, message: MarketData) -> None:
        if len(self.heard) == 1:
            self.trading.buy("AAPL", 100)
            self.wake_at(self.market.now + 250 * MILLISECOND)
        self.heard.append(("message", self.market.now))

    def on_timer(self, at: int) -> None:
        self.heard.append(("timer", at))

    def on_order_update(self, update: OrderUpdate) -> None:
        self.heard.append((str(update.status), self.market.now))

    def on_end(self) -> None:
        self.heard.append(("end", self.market.now))


class TestSessions:
    @pytest.mark.parametrize("fill", FILL_MODELS)
    def test_every_model_fills_on_an_order_level_session(self, fill: str) -> None:
        result = hl.backtest(Maker, orders(), fill=fill)
        fills = result.fills.collect()
        assert fills.height > 5
        assert set(fills["why"]) <= {"queue", "cross", "trade_through"}
        assert fills["ahead"].null_count() == 0
        assert result.facts[0].fill["name"] == fill

    @pytest.mark.parametrize("fill", [None, "risk_averse", "power(3)"])
    def test_messages_alone_are_enough(self, fill: str | None) -> None:
        result = hl.backtest(Maker, levels(), fill=fill)
        assert result.fills.collect().height > 5

    def test_a_run_can_be_repeated(self) -> None:
        latency = Latency(feed="1ms", entry=hl.backtest.Lognormal("5ms", 0.5), response="2ms", seed=3)
        first, second = (hl.backtest(Maker, orders(), latency=latency) for _ in range(2))
        assert not hl.compare(first, second)
        assert first.fills.collect().height > 5

    def test_what_a_strategy_hears_comes_in_time_order_and_late(self) -> None:
        listener = Listener()
        hl.backtest(listener, orders(), latency=Latency(feed="3ms", entry="20ms", response="10ms"))
        times = [at for _, at in listener.heard]
        assert times == sorted(times)
        assert listener.heard[0][0] == "start"
        assert listener.heard[-1][0] == "end"
        sent = OPENING + 3 * MILLISECOND
        assert listener.heard[1] == ("message", sent)
        assert ("PENDING_NEW", sent) in listener.heard
        assert ("NEW", sent + 30 * MILLISECOND) in listener.heard
        assert ("FILLED", sent + 30 * MILLISECOND) in listener.heard
        assert ("timer", sent + 250 * MILLISECOND) in listener.heard

    def test_orders_that_are_sent_at_the_end_are_refused(self) -> None:
        class Closer(hl.Strategy):
            def on_start(self) -> None:
                self.order = self.trading.buy("AAPL", 100, price=100.0)

            def on_end(self) -> None:
                self.order.cancel()
                assert self.trading.buy("AAPL", 100).status == "REJECTED"

        result = hl.backtest(Closer, orders())
        assert result.fills.collect().height == 0
        assert result.orders.collect()["status"].to_list() == ["NEW", "REJECTED"]
        assert result.orders.collect()["reason"].to_list() == [None, "the run is over"]

    def test_several_sessions_are_one_result(self) -> None:
        both = [orders(), orders(10, 8)]
        result = hl.backtest(Maker, both, parameters={"quantity": 200})
        singles = [hl.backtest(Maker, one, parameters={"quantity": 200}).fills.collect().height for one in both]
        assert result.fills.collect().height == sum(singles)
        assert [facts.parameters for facts in result.facts] == [{"quantity": 200}] * 2

    def test_queue_positions_over_time(self) -> None:
        queue = hl.backtest(Maker, orders(), queue=True).queue.collect()
        assert queue.height > 50
        assert queue["ahead"].min() == 0
        assert hl.backtest(Maker, orders()).queue.collect().height == 0

    def test_equity_is_the_accounts(self) -> None:
        class Kept(Maker):
            def on_end(self) -> None:
                portfolio = self.trading.portfolio
                assert portfolio is not None
                totals.append(portfolio.cash)

        totals: list[float] = []
        result = hl.backtest(Kept, orders(), cash=50_000)
        assert result.equity.collect()["cash"][-1] == pytest.approx(totals[0], abs=1e-6)

    def test_an_account_of_ones_own(self) -> None:
        terms = AccountTerms(cash=50_000, limits=RiskLimits(max_order_quantity=50))
        rejected = hl.backtest(Maker, orders(), terms=terms).orders.collect()
        assert set(rejected["status"]) == {"REJECTED"}
        assert rejected["reason"][0] == "order quantity: 100 is more than the limit of 50"
        assert rejected["arrived"].null_count() == rejected.height


class TestExchange:
    def test_the_market_answers(self) -> None:
        result = hl.backtest(Maker, exchange(order_latency=MILLISECOND), seconds=20)
        assert result.fills.collect().height > 5
        arrivals = result.requests.collect().select((pl.col("arrived") - pl.col("sent")).unique())
        assert arrivals["arrived"].to_list() == [MILLISECOND]
        assert result.facts[0].seed == 7

    def test_the_same_seed_gives_the_same_result(self) -> None:
        first, second = (hl.backtest(Maker, exchange(), seconds=10) for _ in range(2))
        assert_frame_equal(first.exact("fills").collect(), second.exact("fills").collect())


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "error", "says"),
        [
            ({"session": []}, ArgumentError, "there is nothing to run on"),
            ({"strategy": 7}, ArgumentTypeError, r"strategy is 7: give a class derived from hl\.Strategy"),
            ({"strategy": Maker(), "parameters": {"quantity": 1}}, ArgumentError, "has been made already"),
            ({"fill": "fiffo"}, ArgumentError, "fifo"),
            ({"seconds": 5}, ArgumentError, "a session has its own length"),
            ({"session": 5}, ArgumentTypeError, "session is 5: give a session or its folder"),
            ({"latency": "5ms"}, ArgumentTypeError, r"hl\.backtest\.Latency\(entry='5ms'"),
            ({"parameters": [1]}, ArgumentTypeError, "give values by name"),
        ],
    )
    def test_arguments_without_sense(self, options: dict[str, Any], error: type[Exception], says: str) -> None:
        with pytest.raises(error, match=says):
            hl.backtest(**({"strategy": Maker, "session": orders()} | options))

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({}, "seconds is how long"),
            ({"seconds": "5"}, "seconds is how long"),
            ({"seconds": 5, "fill": "fifo"}, "own queues"),
            ({"seconds": 5, "latency": Latency(entry=1)}, "order_latency"),
            ({"seconds": 5, "queue": True}, "places in its queues"),
        ],
    )
    def test_what_an_exchange_does_not_take(self, options: dict[str, Any], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            hl.backtest(Maker, exchange(), **options)

    def test_fifo_needs_orders(self) -> None:
        with pytest.raises(ArgumentError, match="no order-level events"):
            hl.backtest(Maker, levels(), fill="fifo")

    def test_an_unknown_symbol_is_said_where_it_is_asked_for(self) -> None:
        class Misspelt(hl.Strategy):
            def on_market_data(self, message: MarketData) -> None:
                self.market.best("APPL")

        with pytest.raises(NameNotFound, match="AAPL"):
            hl.backtest(Misspelt, orders())

    def test_a_strategy_that_wants_an_unknown_symbol(self) -> None:
        class Misspelt(hl.Strategy):
            symbols = ("APPL",)

        with pytest.raises(NameNotFound, match="AAPL"):
            hl.backtest(Misspelt, orders())

    def test_an_order_for_an_unknown_symbol_is_rejected_and_says_why(self) -> None:
        class Misspelt(hl.Strategy):
            def on_start(self) -> None:
                order = self.trading.buy("APPL", 100, price=1.0)
                assert order.status == "REJECTED"

        found = hl.backtest(Misspelt, orders()).orders.collect()
        assert "AAPL" in found["reason"][0]

    def test_a_cancel_of_an_unknown_order_is_an_error(self) -> None:
        class Careless(hl.Strategy):
            def on_start(self) -> None:
                self.trading.cancel("nothing")

        with pytest.raises(ServerError, match="no order with the clientOrderId 'nothing'"):
            hl.backtest(Careless, orders())

    @pytest.mark.parametrize("entry", [0, "50ms"])
    def test_an_id_that_another_order_has_is_an_error_and_that_order_goes_on(self, entry: int | str) -> None:
        """Also at once, before the strategy has heard of the first one; sent once more, the same order is no error."""

        class Reuser(hl.Strategy):
            def on_start(self) -> None:
                first = self.trading.buy("AAPL", 100, price=1.0, client_order_id="mine")
                assert self.trading.buy("AAPL", 100, price=1.0, client_order_id="mine") == first
                with pytest.raises(ServerError, match="the clientOrderId 'mine' is that of another order"):
                    self.trading.sell("AAPL", 10, price=999.0, client_order_id="mine")
                assert first.status != "REJECTED"
                assert [one.client_order_id for one in self.trading.open_orders] == ["mine"]

        result = hl.backtest(Reuser, orders(), latency=Latency(entry=entry))
        assert result.orders.collect().select("client_order_id", "side", "status").rows() == [("mine", "BUY", "NEW")]
        assert result.requests.collect().select("kind", "outcome").rows() == [("NEW", "DONE")]

    @pytest.mark.parametrize("kind", ["timers", "orders"])
    def test_a_strategy_that_keeps_time_from_going_on_is_an_error(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "_MOST_AT_A_TIME", 1_000)

        class Impatient(hl.Strategy):
            every = "5s"

            def on_timer(self, at: int) -> None:
                if kind == "timers":
                    self.wake_at(at)
                else:
                    self.trading.buy("AAPL", 100, price=1.0)

            def on_order_update(self, update: OrderUpdate) -> None:
                self.trading.buy(update.symbol, 100, price=1.0)  # once the rate of orders is at its limit: for ever

        with pytest.raises(ArgumentError, match=r"Impatient is called at 2026-01-02 14:30:04\.9.* time stands still"):
            hl.backtest(Impatient, orders())

    def test_one_object_cannot_run_on_two_sessions(self) -> None:
        with pytest.raises(ArgumentError, match="made anew for each"):
            hl.backtest(Maker(), [orders(), orders(10, 8)])


class TestImpact:
    def test_what_is_taken_is_missing_for_those_who_come_later(self) -> None:
        class Buyer(hl.Strategy):
            """Takes all that the best ask has, twice a second."""

            every = "500ms"

            def on_timer(self, at: int) -> None:
                latest = self.market.latest("AAPL")
                if latest is not None:
                    self.trading.buy("AAPL", latest.ask_size, price=latest.ask, time_in_force="IOC")

        still, moved = (
            hl.backtest(Buyer, orders(), fill=hl.backtest.FillModel("fifo", impact=impact)).fills.collect()
            for impact in (False, True)
        )
        assert still.height > 5
        assert moved.height > 5
        assert not still.equals(moved)

    def test_without_orders_of_ones_own_nothing_moves(self) -> None:
        model = hl.backtest.FillModel("fifo", impact=True)
        assert hl.backtest(hl.Strategy, orders(), fill=model).fills.collect().height == 0
