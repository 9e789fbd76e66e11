"""Paper trading over real sockets: a replay takes orders, and its accounts go wherever it goes."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import ArgumentError, ArgumentTypeError, HftlabError
from hftlab.protocol import MarketData, OrderUpdate, PortfolioUpdate, PositionUpdate
from hftlab.server import Server
from hftlab.session import merged, open_session
from hftlab.simulator import Exchange
from hftlab.trading.order_handle import OrderHandle
from hftlab.trading.paper_source import PaperSource
from tests.server.conversation import PATIENCE, settled
from tests.server.traders import told, trader
from tests.trading.printed_market import Print, PrintedReplay, paper

DATA = Path(__file__).parents[2] / "data"
MS = 1_000_000
START = 1_700_000_000_000 * MS
PRICES = [100.0, 100.5, 99.5, 99.0, 100.0, 101.0, 100.0, 99.0, 98.0, 99.0, 100.0, 102.0]
PRINTS = [Print(START + 10 * number * MS, price, 4) for number, price in enumerate(PRICES)]
LATENCY = {"entry": 2 * MS, "response": 3 * MS, "pace": 25 * MS}


def market(**terms: Any) -> PaperSource:
    return paper(PRINTS, **(LATENCY | terms))


async def at_start(client: Client) -> None:
    """Subscribe while the replay is paused, so that nothing of it is missed."""
    await client.replay.pause()
    await client.subscribe(["AAPL"], frequency=0)


def heard(messages: list[Any]) -> list[Any]:
    """Return the events of an account without what differs from connection to connection."""
    kinds = (OrderUpdate, PositionUpdate, PortfolioUpdate)
    events = [one for one in messages if isinstance(one, kinds) and not one.snapshot]
    return [(one.type, one.ts_event, *sorted(plain(one).items())) for one in events]


def plain(message: Any) -> dict[str, str]:
    own = ("timestamp", "channel", "sequence")
    return {name: repr(getattr(message, name)) for name in message.__struct_fields__ if name not in own}


def account(client: Client) -> list[Any]:
    """Return what a client shows of its account."""
    trading = client.trading
    return [
        sorted((one.client_order_id, str(one.status), one.filled_quantity) for one in trading.orders),
        [(one.client_order_id, one.price, one.quantity, one.time) for one in trading.fills],
        {symbol: one.quantity for symbol, one in dict(trading.positions).items() if one.quantity},
        trading.portfolio and trading.portfolio.cash,
    ]


async def ordered(client: Client, side: str, name: str, quantity: float, price: float) -> OrderHandle:
    place = client.trading.buy if side == "buy" else client.trading.sell
    return await place("AAPL", quantity, price=price, client_order_id=name)


async def ended(client: Client) -> None:
    async with asyncio.timeout(PATIENCE):
        while not client.replay_ended:
            await client.next_message()


class TestPace:
    async def run(self, speed: float | None) -> tuple[list[Any], list[Any], list[Any]]:
        """Send orders at some times, and go on at a speed; None steps from message to message."""
        source = market(speed=1.0 if speed is None else speed)
        async with Server(source, port=0) as server, Client(server, account="alice") as client:
            await at_start(client)
            await client.replay.step(1)
            await ordered(client, "buy", "a", 10, 99.5)
            await client.replay.step("20ms")
            await ordered(client, "sell", "b", 6, 101.0)
            if speed is None:
                while not client.replay_ended:
                    await client.replay.step(1)
            else:
                await client.replay.resume()
                await ended(client)
            await client.ping()
            market_data = [one.symbols[0].price for one in client.history.recent(1000) if isinstance(one, MarketData)]
            assert market_data == PRICES
            requests = [(one.at - START, one.account, plain(one.request)) for one in source.trading.requests]
            return heard(client.history.recent(1000)), account(client), requests

    async def test_orders_and_accounts_are_the_same_at_each(self) -> None:
        first = await self.run(None)
        events, shown, requests = first
        assert [one[0] for one in events].count("ORDER_UPDATE") > 6
        assert shown[1]
        assert [at for at, _, _ in requests] == [0, 20 * MS]
        for speed in (1.0, 100.0, math.inf):
            assert await self.run(speed) == first

    async def test_a_step_stops_at_messages_of_the_account(self) -> None:
        async with Server(market(), port=0) as server, Client(server, account="alice") as client:
            await at_start(client)
            await client.replay.step(1)
            order = await ordered(client, "buy", "a", 10, 99.5)
            assert order.status == "PENDING_NEW"
            status = await client.replay.step(1)
            assert status is not None
            assert (order.status, status.position) == ("NEW", START / MS + 5)
            assert client.latest("AAPL").price == 100.0  # type: ignore[union-attr]


class TestSeek:
    async def test_back_and_forth_with_two_accounts(self) -> None:
        source = market()
        async with (
            Server(source, port=0) as server,
            Client(server, account="alice") as alice,
            Client(server, account="bob") as bob,
        ):
            await at_start(alice)
            await alice.replay.step(1)
            await ordered(alice, "buy", "a", 4, 99.5)
            await ordered(bob, "sell", "b", 4, 100.5)
            await alice.replay.step("40ms")
            await bob.ping()
            early = account(alice), account(bob)
            await alice.replay.step("1ms")
            late = await ordered(alice, "sell", "late", 2, 102.0)
            await alice.replay.step("40ms")
            assert account(alice) != early[0]
            await alice.replay.seek(START + 40 * MS)
            await bob.ping()
            assert (account(alice), account(bob)) == early
            assert (late.status, late.reason) == ("EXPIRED", "the replay has gone back to a time before this order")
            assert late not in list(alice.trading.orders)
            # Its name is free; on the way to a later time orders fill.
            again = await ordered(alice, "sell", "late", 1, 100.5)
            await alice.replay.seek(START + 110 * MS)
            assert (again.status, alice.trading.fills[-1].client_order_id) == ("FILLED", "late")
            # What has been told of the way is what a straight run tells.
            assert [one.at - START for one in source.trading.requests] == [0, 0, 40 * MS]
            straight = market()
            for entry in source.trading.requests:
                straight.advance(entry.at)
                assert entry.account is not None
                assert entry.request is not None
                straight.trading.handle(entry.account, entry.request, entry.at)
            straight.advance(START + 110 * MS)
            for name in ("alice", "bob"):
                assert source.trading.snapshot(name, 0) == straight.trading.snapshot(name, 0)

    async def test_who_was_away_learns_what_holds_no_more(self) -> None:
        async with Server(market(), port=0) as server, trader(server) as first:
            await first.ask(type="REPLAY_CONTROL", action="PAUSE")
            await first.ask(type="REPLAY_CONTROL", action="STEP", count=1)
            await first.order("a", price=99.5)
            await first.ask(type="REPLAY_CONTROL", action="STEP", duration=35)
            await first.settle()
            seen = first.numbered[-1]["sequence"]
            assert [one["status"] for one in first.updates("a")][:2] == ["PENDING_NEW", "NEW"]
            await first.connection.close()
            async with trader(server) as other:
                await other.ask(type="REPLAY_CONTROL", action="SEEK", position=START / MS + 1)
                await other.settle()
                withdrawn = next(one for one in other.seen if one["type"] == "GAP")
            async with trader(server, session=server.session, resumeFrom=seen) as back:
                gap, *more = back.missed
                assert more == []
                assert told([gap]) == told([withdrawn])
                assert (gap["withdrawn"], gap["fromSequence"], gap["toSequence"]) == (True, 2, seen)
                assert [(one["clientOrderId"], one["status"]) for one in back.state[:-1]] == [("a", "PENDING_NEW")]

    async def test_a_loop_begins_with_new_accounts(self) -> None:
        source = market(speed=math.inf, loop=True)
        async with Server(source, port=0) as server, Client(server, account="alice") as client:
            await at_start(client)
            await client.replay.step(1)
            await ordered(client, "buy", "a", 4, 99.5)
            await client.replay.resume()
            async with asyncio.timeout(PATIENCE):
                while client.trading.orders:
                    await client.next_message()
            await client.replay.pause()
            assert account(client) == [[], [], {}, 1_000_000.0]
            assert source.trading.requests == []

    async def test_orders_wait_for_its_end_outside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Accounts are on another thread meanwhile."""
        source = market()
        goes_on, seek = threading.Event(), source._source.seek
        asked = threading.Event()

        def slowly(position: int) -> Any:
            asked.set()
            assert goes_on.wait(PATIENCE)
            return seek(position)

        monkeypatch.setattr(source._source, "seek", slowly)
        async with Server(source, port=0) as server, trader(server) as alice, trader(server) as gone:
            await alice.ask(type="REPLAY_CONTROL", action="PAUSE")
            await gone.sign_in(server.issue_tokens("alice").access, cancelOnDisconnect=True)
            await gone.order("theirs", price=90.0)
            await alice.send(type="REPLAY_CONTROL", action="SEEK", position=START / MS + 20)
            await settled(asked.is_set)
            refused = await alice.order("a", price=99.5)
            assert (refused["type"], "on its way to another time" in refused["message"]) == ("ERROR", True)
            await gone.connection.close()
            await settled(lambda: len(server.connections()) == 1)
            goes_on.set()
            cancelled = await alice.until(lambda one: one.get("updateType") == "CANCEL")
            assert (cancelled["clientOrderId"], cancelled["status"]) == ("theirs", "PENDING_CANCEL")


class TestFills:
    async def test_a_recorded_session_fills_by_a_model(self) -> None:
        session = open_session(DATA / "walk")
        replay = session.replay()
        async with Server(replay, port=0, fills="risk_averse") as server, Client(server, account="alice") as client:
            await at_start(client)
            await client.replay.step(3)
            best = client.latest("AAPL")
            assert best is not None
            order = await client.trading.buy("AAPL", 10)
            assert (order.status, order.average_price) == ("FILLED", best.ask)
            resting = await client.trading.buy("AAPL", 10, price=round(best.bid - 0.5, 2))
            await client.replay.step("5s")
            assert resting.status == "NEW"
            assert client.trading.positions["AAPL"].quantity == 10

    async def test_without_a_model_orders_are_refused_with_what_to_do(self) -> None:
        async with Server(PrintedReplay(PRINTS), port=0) as server, trader(server, None) as alice:
            token = server.issue_tokens("alice").access
            await alice.ask(type="AUTH", token=token)
            refused = await alice.order("a")
            assert "does not take NEW_ORDER" in refused["message"]
            assert "hl.serve(session.replay(), fills='risk_averse')" in refused["message"]

    def test_they_need_a_recorded_session(self) -> None:
        session = open_session(DATA / "walk")
        for source, said in (
            (Exchange(1), "for a recorded session"),
            (PrintedReplay(PRINTS), "for a recorded session"),
            (merged([session, open_session(DATA / "flash")]), "serve one session"),
        ):
            with pytest.raises(ArgumentError, match=said):
                Server(source, port=0, fills="risk_averse")

    def test_what_is_not_a_model_is_refused(self) -> None:
        replay = open_session(DATA / "walk").replay()
        with pytest.raises(ArgumentError, match="no fill model 'risky'"):
            Server(replay, port=0, fills="risky")
        with pytest.raises(ArgumentError, match="'fifo' stands orders in recorded queues"):
            Server(replay, port=0, fills="fifo")
        with pytest.raises(ArgumentTypeError, match="fills is 7"):
            Server(replay, port=0, fills=7)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match="'fil'"):
            Server(replay, port=0, fills={"fil": "log"})
        with pytest.raises(ArgumentTypeError, match="latency is '1ms'"):
            Server(replay, port=0, fills={"latency": "1ms"})
        with pytest.raises(HftlabError, match="accounts need a source"):
            Server(replay, port=0, accounts={})
