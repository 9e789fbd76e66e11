"""Runs of a strategy over the wire: on a replay as in a backtest, and on a live market as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import Latency, Result
from hftlab.client import Client
from hftlab.errors import ArgumentError, ArgumentTypeError, ReplayMoved
from hftlab.lab import LabClient
from hftlab.protocol import MarketData, OrderUpdate
from tests.backtest.recorded_days import OPENING, exchange, levels, orders
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import write_session

MILLISECOND = 1_000_000
LATENCY = Latency(feed="1ms", entry="3ms", response="2ms")
COMPARED = ("at", "client_order_id", "symbol", "side", "price", "quantity", "liquidity", "why", "commission")


class Maker(hl.Strategy):
    """Quotes at the best prices, a tenth of a second at a time."""

    every = "100ms"

    def __init__(self, quantity: float = 100) -> None:
        self.quantity = quantity
        self.quotes: dict[str, Any] = {}
        self.heard: list[tuple[str, int]] = []

    def on_market_data(self, message: MarketData) -> None:
        self.heard.append(("message", self.market.now))

    def on_order_update(self, update: OrderUpdate) -> None:
        self.heard.append((str(update.status), self.market.now))

    def on_timer(self, at: int) -> None:
        self.heard.append(("timer", at))
        best = self.market.best("AAPL")
        if best is None:
            return
        for side, place, price in (("bid", self.trading.buy, best[0]), ("ask", self.trading.sell, best[1])):
            order = self.quotes.get(side)
            if order is None or order.is_final:
                self.quotes[side] = place("AAPL", self.quantity, price=price)
            elif order.price != price:
                order.replace(price=price)


def fills(result: Result) -> pl.DataFrame:
    return result.fills.collect().select(COMPARED)


@pytest.fixture
def replaying() -> Iterator[Any]:
    """Return a function that serves a session with fills and connects to it."""
    opened: list[Any] = []

    def serve(session: Any, fill: str, **options: Any) -> LabClient:
        terms = {"fill": fill, "latency": LATENCY}
        server = hl.serve(session.replay(), port=0, fills=terms)
        client = hl.connect(server, account="alice", **options)
        opened.extend([client, server])
        return client

    yield serve
    for one in opened:
        one.close() if isinstance(one, LabClient) else one.stop()


class TestReplay:
    @pytest.mark.parametrize(("session", "fill"), [(orders, "fifo"), (levels, "power(3)")])
    def test_fills_are_those_of_a_backtest(self, replaying: Any, session: Any, fill: str) -> None:
        virtual, wired = Maker(), Maker()
        expected = hl.backtest(virtual, session(6), fill=fill, latency=LATENCY)
        result = hl.run(wired, replaying(session(6), fill), latency=LATENCY)
        assert wired.heard == virtual.heard
        assert fills(expected).height > 5
        microseconds = pl.col("at") // 1000  # the wire's times of fills
        assert_frame_equal(fills(result).with_columns(microseconds), fills(expected).with_columns(microseconds))
        equity = [one.equity.collect()["pnl"][-1] for one in (result, expected)]
        assert equity[0] == equity[1]

    def test_a_run_can_be_repeated(self, replaying: Any) -> None:
        client = replaying(levels(6), "risk_averse")
        first = Maker()
        result = hl.run(first, client, duration=3)
        client.replay.seek(OPENING - 1_000_000)
        assert len(client.trading.orders) == 0
        second = Maker()
        assert_frame_equal(fills(hl.run(second, client, duration=3)), fills(result))
        assert second.heard == first.heard
        # Where the replay stands is where the next one begins; its orders have other names.
        third = hl.run(Maker, client, parameters={"quantity": 10}, cancel_open=True)
        names = third.orders.collect()["client_order_id"]
        assert names.str.starts_with("S2-").all()
        assert third.facts[0].start >= OPENING + 3 * 10**9 - 10**8
        # The cancellations are on their way: the replay stands still.
        left = [one.status for one in client.trading.open_orders if one.client_order_id.startswith("S2-")]
        assert set(left) == {"PENDING_CANCEL"}

    def test_what_a_strategy_raises_ends_it(self, replaying: Any) -> None:
        class Broken(Maker):
            def on_timer(self, at: int) -> None:
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            hl.run(Broken, replaying(levels(6), "risk_averse"))

    def test_an_order_that_is_not_taken_is_rejected(self, replaying: Any) -> None:
        class Stranger(hl.Strategy):
            def on_start(self) -> None:
                self.order = self.trading.buy("ZZZZ", 1, price=1.0)

        strategy = Stranger()
        result = hl.run(strategy, replaying(levels(6), "risk_averse"), duration=0.5)
        assert (strategy.order.status, "ZZZZ" in (strategy.order.reason or "")) == ("REJECTED", True)
        assert result.orders.collect()["status"].to_list() == ["REJECTED"]

    def test_an_interrupt_ends_it_with_the_result(self, replaying: Any) -> None:
        class Interrupted(Maker):
            def on_order_update(self, update: OrderUpdate) -> None:
                raise KeyboardInterrupt

            def on_end(self) -> None:
                self.heard.append(("end", self.market.now))
                self.late = self.trading.buy("AAPL", 100)

        strategy = Interrupted()
        client = replaying(levels(6), "risk_averse")
        result = hl.run(strategy, client)
        assert strategy.heard[-1][0] == "end"
        assert (strategy.late.status, strategy.late.reason) == ("REJECTED", "the run is over")
        assert result.orders.collect()["status"].to_list()[2:] == ["REJECTED"]
        assert len(client.trading.open_orders) == 2

    @pytest.mark.parametrize("to", [OPENING, OPENING + 4 * 10**9])
    def test_another_client_that_moves_the_replay_ends_it(self, replaying: Any, to: int) -> None:
        class Moved(Maker):
            def on_timer(self, at: int) -> None:
                super().on_timer(at)
                if at > OPENING + 2 * 10**9:
                    other.replay.seek(to)

        client = replaying(levels(6), "risk_averse")
        with hl.connect(client.inner.url, account="bob") as other:
            other.subscribe(["AAPL"])
            with pytest.raises(ReplayMoved, match=r"moved the replay from .*: a run needs the replay for itself"):
                hl.run(Moved, client)

    def test_at_the_end_of_the_replay_there_is_nothing_left_to_run(self, replaying: Any) -> None:
        client = replaying(levels(2), "risk_averse")
        first, again = hl.run(Maker, client), hl.run(Maker, client)
        assert again.orders.collect().height == 0
        assert again.facts[0].start == again.facts[0].end >= first.facts[0].end


class TestLive:
    def test_it_trades_on_an_exchange_as_it_comes(self) -> None:
        source = exchange()
        source.clock.speed = 20.0
        with hl.serve(source, port=0) as server, hl.connect(server, account="alice") as client:
            client.subscribe(["AAPL"], frequency=0)
            source.clock.resume()
            strategy = Maker()
            result = hl.run(strategy, client, duration=6)
            source.clock.pause()
            times = [at for _, at in strategy.heard]
            assert times == sorted(times)
            timers = [at for kind, at in strategy.heard if kind == "timer"]
            assert len(timers) >= 55
            assert {later - earlier for earlier, later in pairwise(timers)} == {100 * MILLISECOND}
            found = result.fills.collect()
            mine = [(one.price, one.quantity) for one in client.trading.fills]
            assert found.height > 0
            assert found.select("price", "quantity").rows() == mine[: found.height]
            assert 5 * 10**9 < result.facts[0].end - result.facts[0].start <= 6 * 10**9

    def test_a_refusal_reaches_the_strategy(self) -> None:
        source = exchange()
        source.clock.speed = 20.0

        class Stranger(hl.Strategy):
            def on_start(self) -> None:
                self.order = self.trading.buy("ZZZZ", 1, price=1.0)

        with hl.serve(source, port=0) as server, hl.connect(server, account="alice") as client:
            client.subscribe(["AAPL"], frequency=0)
            source.clock.resume()
            strategy = Stranger()
            hl.run(strategy, client, duration=20)
            assert strategy.order.status == "REJECTED"

    def test_an_id_that_another_order_has_is_an_error_of_the_client_and_that_order_goes_on(self) -> None:
        source = exchange()
        source.clock.speed = 20.0

        class Reuser(hl.Strategy):
            def on_start(self) -> None:
                self.order = self.trading.buy("AAPL", 1, price=1.0, client_order_id="mine")
                self.trading.sell("AAPL", 1, price=999.0, client_order_id="mine")

        with hl.serve(source, port=0) as server, hl.connect(server, account="alice") as client:
            client.subscribe(["AAPL"], frequency=0)
            errors: list[str] = []
            client.on("error", lambda error: errors.append(str(error)))
            source.clock.resume()
            strategy = Reuser()
            hl.run(strategy, client, duration=20)
            assert [one for one in errors if "'mine' is that of another order" in one]
            assert strategy.order.status == "NEW"

    def test_the_end_of_the_connection_is_its_own(self) -> None:
        source = exchange()
        source.clock.speed = 20.0

        class Closing(Maker):
            def on_timer(self, at: int) -> None:
                self.heard.append(("timer", at))
                client.close()

        with hl.serve(source, port=0) as server, hl.connect(server, account="alice") as client:
            client.subscribe(["AAPL"], frequency=0)
            source.clock.resume()
            assert hl.run(Closing, client).orders.collect().height == 0

    def test_the_end_of_a_replay_without_orders_is_its_own(self, tmp_path: Path) -> None:
        """All that came before it is heard."""
        heard: list[float] = []

        class Listener(hl.Strategy):
            def on_market_data(self, message: MarketData) -> None:
                heard.extend(one.price for one in message.symbols)

        start, prices = 1_760_000_000 * 10**9, [float(price) for price in range(1, 21)]
        rows = [(start + at * 5 * 10**7, market_data(symbol(price=price))) for at, price in enumerate(prices)]
        session = write_session(tmp_path / "session", rows)
        with hl.serve(session.replay(), port=0) as server, hl.connect(server) as client:
            client.subscribe(["AAPL"], frequency=0, wait=0)
            assert hl.run(Listener, client).orders.collect().height == 0
            assert client.inner.replay_ended
        assert heard == prices[-len(heard) :]
        assert heard

    def test_what_it_needs_is_said(self) -> None:
        with hl.serve(exchange(), port=0) as server, hl.connect(server) as client:
            with pytest.raises(ArgumentError, match="no subscriptions"):
                hl.run(Maker, client)
            with pytest.raises(ArgumentError, match="for a replay that takes orders"):
                hl.run(Maker, client, speed=10)
            with pytest.raises(ArgumentError, match="latency=Latency"):
                hl.run(Maker, client, latency=LATENCY)
            with pytest.raises(ArgumentTypeError, match=r"hl.connect\(\)"):
                hl.run(Maker, Client(server.url))  # type: ignore[arg-type]
            with pytest.raises(ArgumentTypeError, match="strategy is 7"):
                hl.run(7, client)  # type: ignore[arg-type]
