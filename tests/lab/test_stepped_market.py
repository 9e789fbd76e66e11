"""Stepped exchange: a strategy over the wire has the fills of its backtest, whatever the machine does meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hftlab as hl
from hftlab.backtest import Latency, Result
from hftlab.clock import from_milliseconds
from hftlab.errors import ArgumentError, ReplayMoved, ServerError
from hftlab.lab import LabClient
from hftlab.lab.server import servers
from hftlab.lab.stepped_market import SteppedMarket
from hftlab.protocol import MarketData, OrderUpdate
from tests.backtest.recorded_days import OPENING, exchange, levels

MILLISECOND = 1_000_000
SECONDS = 3
SYMBOLS = ("AAPL", "MSFT")
FILLS = ("at", "client_order_id", "symbol", "side", "price", "quantity", "liquidity", "commission")
ORDERS = ("client_order_id", "symbol", "side", "price", "quantity", "status", "filled_quantity", "reason")


class Trader(hl.Strategy):
    """Keeps all that it hears, with the time at which it does."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.account: tuple[Any, ...] = ()

    def on_start(self) -> None:
        self.heard.append(("start", self.market.now))

    def on_market_data(self, message: MarketData) -> None:
        self.heard.append(("message", self.market.now, [(one.symbol, one.bid, one.ask) for one in message.symbols]))

    def on_order_update(self, update: OrderUpdate) -> None:
        self.heard.append(
            (update.client_order_id, self.market.now, str(update.update_type), str(update.status), update.reason)
        )

    def on_timer(self, at: int) -> None:
        self.heard.append(("timer", at))

    def on_end(self) -> None:
        positions = {name: one.quantity for name, one in self.trading.positions.items()}
        if (portfolio := self.trading.portfolio) is not None:
            self.account = positions, portfolio.cash, portfolio.realized_pnl


class Maker(Trader):
    """Quotes both sides of two symbols between the messages, and sells or buys back at the market what has filled."""

    every = "37ms"

    def __init__(self) -> None:
        super().__init__()
        self.quotes: dict[tuple[str, str], Any] = {}

    def on_timer(self, at: int) -> None:
        super().on_timer(at)
        for symbol in self.market.symbols:
            best = self.market.best(symbol)
            if best is None:
                continue
            for side, place, price in (("bid", self.trading.buy, best[0]), ("ask", self.trading.sell, best[1])):
                order = self.quotes.get((symbol, side))
                if order is None or order.is_final:
                    self.quotes[symbol, side] = place(symbol, 100, price=price, post_only=True)
                elif order.price != price:
                    order.replace(price=price)

    def on_order_update(self, update: OrderUpdate) -> None:
        super().on_order_update(update)
        symbol = update.symbol
        if update.update_type == "FILL" and update.quantity == 100:
            self.quotes[symbol, "bid"].cancel()  # which may be the one that has filled
            held = self.trading.positions[symbol].quantity
            if abs(held) >= 300:
                (self.trading.sell if held > 0 else self.trading.buy)(symbol, abs(held))


class Taker(Trader):
    """Takes what it sees at the best price with the messages, and twice within the same instant."""

    wake = "best"

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def on_start(self) -> None:
        super().on_start()
        self.trading.buy("AAPL", 100)  # before the first message

    def on_market_data(self, message: MarketData) -> None:
        super().on_market_data(message)
        self.seen += 1
        for one in message.symbols:
            if self.seen % 3 == 0:
                self.trading.buy(one.symbol, one.ask_size, price=one.ask, time_in_force="IOC")
                self.wake_at(self.market.now)
            elif self.seen % 3 == 1:
                self.trading.sell(one.symbol, 150, price=one.bid)

    def on_timer(self, at: int) -> None:
        super().on_timer(at)
        self.trading.sell("AAPL", 50)
        if self.seen % 2:
            self.trading.cancel_all()


def time_of(message: Any) -> int:
    """Return the market's time of MARKET_DATA, 0 for other messages."""
    return max(from_milliseconds(one.timestamp) for one in message.symbols) if isinstance(message, MarketData) else 0


def requests_of(result: Result) -> list[tuple[str, str]]:
    return result.requests.collect().select("kind", "client_order_id").rows()


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return a function that runs a strategy on an exchange over the wire."""

    def run_on(source: hl.simulator.Exchange, strategy: Any, **options: Any) -> Result:
        with (
            hl.serve(source, port=0, stepped=True) as server,
            hl.connect(server, account="alice") as client,
        ):
            return hl.run(strategy, client, duration=SECONDS, **options)

    return run_on


@pytest.fixture
def client() -> Iterator[LabClient]:
    """Return a client of an exchange that is stepped."""
    with hl.serve(exchange(), port=0, stepped=True) as server, hl.connect(server, account="alice") as connected:
        yield connected


class TestExchange:
    @pytest.mark.parametrize(
        ("seed", "order_latency", "feed"), [(7, 0, 0), (11, 2_345_678, 0), (23, 150 * MILLISECOND, 0), (11, 0, "1ms")]
    )
    @pytest.mark.parametrize("kind", [Maker, Taker])
    def test_fills_are_those_of_a_backtest(
        self, run: Callable[..., Result], kind: type[Trader], seed: int, order_latency: int, feed: int | str
    ) -> None:
        latency = Latency(feed=feed)
        virtual, wired = kind(), kind()
        expected = hl.backtest(virtual, exchange(seed, SYMBOLS, order_latency), seconds=SECONDS, latency=latency)
        result = run(exchange(seed, SYMBOLS, order_latency), wired, latency=latency)
        assert wired.heard == virtual.heard
        times = [one[1] for one in virtual.heard]
        assert times == sorted(times)
        found = [one.fills.collect().select(FILLS).with_columns(pl.col("at") // 1000) for one in (result, expected)]
        assert_frame_equal(*found)  # the wire has microseconds
        assert found[0].height > 5
        assert set(found[0]["side"]) == {"BUY", "SELL"}
        assert_frame_equal(*(one.orders.collect().select(ORDERS) for one in (result, expected)))
        assert wired.account == virtual.account != ()
        for column in ("cash", "pnl"):
            assert result.exact("equity").collect()[column][-1] == expected.exact("equity").collect()[column][-1]

    def test_a_name_that_a_refused_replacement_has_left_free_is_another_orders(
        self, run: Callable[..., Result]
    ) -> None:
        class Renamer(Trader):
            def on_start(self) -> None:
                super().on_start()
                order = self.trading.buy("AAPL", 100, price=1.0)
                self.trading.replace(order, price=1.001, new_client_order_id="again")
                self.trading.buy("AAPL", 100, client_order_id="again")

        virtual, wired = Renamer(), Renamer()
        expected = hl.backtest(virtual, exchange(), seconds=SECONDS)
        result = run(exchange(), wired)
        assert wired.heard == virtual.heard
        for one in (result, expected):
            orders = one.orders.collect()
            assert orders.select("client_order_id", "filled_quantity").rows() == [("S-1", 0.0), ("again", 100.0)]
            assert [row[1] for row in requests_of(one) if row[0] == "NEW"] == ["S-1", "again"]
            assert one.fills.collect()["client_order_id"].unique().to_list() == ["again"]

    def test_a_run_goes_on_from_where_the_exchange_stands(self, client: LabClient) -> None:
        """Two runs of a second each hear what one of two seconds hears, and the orders of the first are still there."""

        class Bidder(Trader):
            def on_start(self) -> None:
                super().on_start()
                self.trading.buy("AAPL", 100, price=1.0)

        first, second, whole = Bidder(), Bidder(), Trader()
        hl.run(first, client, duration=1)
        hl.run(second, client, duration=1)
        hl.backtest(whole, exchange(), seconds=2)
        heard = [[one for one in run.heard if one[0] == "message"] for run in (first, second, whole)]
        assert len(heard[0]) > 5 < len(heard[1])
        assert heard[0] + heard[1] == heard[2]
        assert [one.client_order_id for one in client.trading.open_orders] == ["S-1", "S2-1"]

    @pytest.mark.parametrize("paused", [False, True])
    def test_its_clock_stands_still_as_long_as_it_is_served(self, paused: bool) -> None:
        source = exchange()
        if not paused:
            source.clock.resume()
        with hl.serve(source, port=0, stepped=True):
            assert source.clock.paused
        assert source.clock.paused is paused

    def test_a_recording_of_the_server_has_the_times_at_the_venue(self, tmp_path: Path) -> None:
        """They are what clients are told, also where a report is known later than what it tells of has happened."""
        source = exchange(order_latency=2_345_678)
        with (
            hl.serve(source, port=0, stepped=True) as server,
            hl.connect(server, account="alice") as client,
            hl.record(server, tmp_path / "served"),
            hl.record(client, tmp_path / "heard"),
        ):
            hl.run(Taker, client, duration=1)
        served, heard = (hl.open_session(tmp_path / name) for name in ("served", "heard"))
        for name in ("order_updates", "position_updates", "portfolio_updates"):
            times = [getattr(one, name).collect()["ts_event"].to_list() for one in (served, heard)]
            assert times[0] == times[1]
            assert None not in times[0] != []

    def test_it_has_no_end_of_its_own(self, client: LabClient) -> None:
        with pytest.raises(ArgumentError, match="goes on for ever: give duration"):
            hl.run(Trader, client)

    def test_another_client_that_moves_it_ends_the_run(self, client: LabClient) -> None:
        class Moved(Trader):
            every = "500ms"

            def on_timer(self, at: int) -> None:
                other.replay.step("250ms")

        with hl.connect(client.inner.url, account="bob") as other:
            other.subscribe(["AAPL"])
            with pytest.raises(ReplayMoved, match=r"moved the exchange from .* a run needs the exchange for itself"):
                hl.run(Moved, client, duration=SECONDS)

    def test_a_server_that_stops_leaves_the_result_until_then(self, client: LabClient) -> None:
        (server,) = (one for one in servers() if one.url == client.inner.url)

        class Stopped(hl.Strategy):
            every = "1s"

            def on_timer(self, at: int) -> None:
                if at >= OPENING + 2000 * MILLISECOND:
                    server.stop()
                self.trading.buy("AAPL", 1)

        with pytest.warns(UserWarning, match="the run ends at .*, before its end: "):
            result = hl.run(Stopped, client, duration=60)
        times = result.fills.collect()["at"]
        assert len(times) > 0
        assert times.max() < OPENING + 4000 * MILLISECOND

    def test_it_is_stepped_and_plays_and_does_not_go_back(self, client: LabClient) -> None:
        client.subscribe(["AAPL"], frequency=0)
        client.replay.step(3)
        assert client.replay.position == OPENING + 200 * MILLISECOND
        client.replay.step("1s")
        assert client.replay.position == OPENING + 1200 * MILLISECOND
        with pytest.raises(ServerError, match="cannot be moved, only stepped, paused, resumed"):
            client.replay.seek(OPENING)
        with pytest.raises(ServerError, match="has no end at which to begin again"):
            client.replay.resume(loop=True)
        client.replay.set_speed(1000)
        later, reached = OPENING + 5000 * MILLISECOND, Event()
        client.on("message", lambda message: reached.set() if time_of(message) >= later else None)
        client.replay.resume()
        assert reached.wait(10)
        client.replay.pause()
        assert client.replay.position >= later


class TestErrors:
    @pytest.mark.parametrize("source", [hl.simulator.RandomWalk, lambda: levels(2).replay()])
    def test_what_cannot_be_stepped(self, source: Callable[[], Any]) -> None:
        with pytest.raises(ArgumentError, match="stepped=True is for a market that takes orders"):
            hl.serve(source(), port=0, stepped=True)

    def test_what_is_not_a_choice(self) -> None:
        with pytest.raises(TypeError, match="stepped='yes' is not a choice: give True or False"):
            hl.serve(hl.simulator.Exchange(1), port=0, stepped="yes")  # type: ignore[arg-type]


def test_a_market_that_cannot_begin_no_longer_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep every message that the client gets from then on."""
    listeners: list[object] = []

    class Listened:
        offered_symbols = SYMBOLS

        def on(self, event: str, callback: object) -> Callable[[], None]:
            listeners.append(callback)
            return listeners.clear

    async def failing(self: SteppedMarket) -> tuple[int, int | None]:
        assert listeners
        raise ServerError("no")

    monkeypatch.setattr(SteppedMarket, "_begin", failing)
    with pytest.raises(ServerError):
        SteppedMarket(Listened(), None, None)  # type: ignore[arg-type]
    assert not listeners
