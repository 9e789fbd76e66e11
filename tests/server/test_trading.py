"""Trading over real sockets: requests and their answers, what each account is told, and what it is told again."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.clock import Clock
from hftlab.credentials import access_token
from hftlab.log import AUDIT
from hftlab.market import with_arbitrage
from hftlab.protocol import (
    NewOrder,
    OrderBookLevel,
    OrderType,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    Side,
)
from hftlab.server import Rate, Server, ServerLimits
from hftlab.server.server_socket import HIGH_WATER
from hftlab.simulator import Exchange, Faults
from hftlab.source import SourceDecorator, Timed
from hftlab.trading import AccountTerms, RiskLimits
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, settled
from tests.server.readers import Reader
from tests.server.traders import PRIVATE, Message, told, trader

KEY = b"k" * 64
MS = 1_000_000
START = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
FAR = 1.0
"""A price in dollars at which nobody sells AAPL."""
FREE = {"*": AccountTerms(limits=RiskLimits(price_band=None, orders_per_second=None))}


def exchange(**options: Any) -> Exchange:
    return Exchange(seed=7, symbols=["AAPL", "MSFT"], **options)


def serving(source: Any = None, **options: Any) -> Server:
    return Server(exchange() if source is None else source, port=0, accounts=FREE, key=KEY, **options)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


def sequences(messages: list[Message]) -> list[int]:
    return [message["sequence"] for message in messages]


def is_private(message: Any) -> bool:
    return isinstance(message, OrderUpdate | PositionUpdate | PortfolioUpdate)


def bought(client_order_id: str, quantity: float = 1.0, price: float | None = None) -> NewOrder:
    return NewOrder(
        timestamp=1.0,
        client_order_id=client_order_id,
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=quantity,
        price=price,
    )


def happened(client: Client, event: str) -> Awaitable[object]:
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    client.on(event, lambda *_: done.done() or done.set_result(None))
    return asyncio.wait_for(done, PATIENCE)


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
class TestAnswers:
    async def test_an_order_is_acknowledged_before_it_is_filled(self, server: Server, packed: bool) -> None:
        async with trader(server, packed=packed) as alice:
            place = len(alice.seen)
            answer = await alice.order("a", quantity=250)
            await alice.ended("a")
            await alice.settle()
            since = [one for one in alice.seen[place:] if one["type"] != "PONG" and not one.get("snapshot")]
        assert since[0] is answer
        assert (answer["type"], answer["message"]) == ("ACK", "NEW_ORDER is taken")
        new, *fills = (one for one in since if one["type"] == "ORDER_UPDATE")
        assert (new["status"], new["updateType"], new["remainingQuantity"]) == ("NEW", "NEW", 250)
        assert [one["updateType"] for one in fills] == ["FILL"] * len(fills)
        assert sum(one["lastFillQuantity"] for one in fills) == 250
        assert (fills[-1]["status"], fills[-1]["filledQuantity"], fills[-1]["remainingQuantity"]) == ("FILLED", 250, 0)
        assert [one["type"] for one in since[1 + 1 + len(fills) :]] == ["POSITION_UPDATE", "PORTFOLIO_UPDATE"]
        assert since[-2]["quantity"] == 250
        assert sequences(since[1:]) == list(range(1, len(since)))
        assert {one["channel"] for one in since[1:]} == {0}

    async def test_what_a_limit_forbids_is_taken_and_rejected(self, server: Server, packed: bool) -> None:
        async with trader(server, packed=packed) as alice:
            assert (await alice.order("a", quantity=1_000_000))["type"] == "ACK"
            update = await alice.ended("a")
        assert (update["status"], update["updateType"], update["sequence"]) == ("REJECTED", "REJECT", 1)
        assert update["reason"].startswith("buying power: the order needs ")

    async def test_what_cannot_be_taken_is_an_error(self, server: Server, packed: bool) -> None:
        """Its `id` is the request's, and no private message follows from it."""
        async with trader(server, packed=packed) as alice:
            wrong = await alice.order("a", symbol="APPL")
            assert (wrong["type"], wrong["errorType"]) == ("ERROR", "SERVER_ERROR")
            assert "AAPL" in wrong["message"]
            assert wrong["context"] == {"field": "symbol", "unknown": ["APPL"]}
            for fields in ({"quantity": 0}, {"side": "HOLD"}, {"price": -1}, {"quantity": "ten"}):
                malformed = await alice.order("a", **fields)
                assert (malformed["type"], malformed["errorType"]) == ("ERROR", "MESSAGE_PARSE_ERROR")
            for kind in ("CANCEL_ORDER", "REPLACE_ORDER"):
                unknown = await alice.ask(type=kind, clientOrderId="a", newClientOrderId="b", quantity=1)
                assert (unknown["type"], unknown["errorType"]) == ("ERROR", "SERVER_ERROR")
                assert unknown["context"] == {"clientOrderId": "a"}
            assert alice.numbered == []

    async def test_only_who_has_signed_in_may_trade(self, server: Server, packed: bool) -> None:
        async with trader(server, None, packed=packed) as stranger:
            for fields in (
                {"type": "NEW_ORDER", "symbol": "AAPL", "side": "BUY", "orderType": "MARKET", "quantity": 1},
                {"type": "CANCEL_ORDER"},
                {"type": "REPLACE_ORDER", "newClientOrderId": "b"},
                {"type": "CANCEL_ALL"},
            ):
                refused = await stranger.ask(clientOrderId="a", **fields)
                assert (refused["type"], refused["errorType"]) == ("ERROR", "AUTHENTICATION_FAILED")

    async def test_orders_are_replaced_and_cancelled(self, server: Server, packed: bool) -> None:
        async with trader(server, packed=packed) as alice:
            for name in "abc":
                await alice.order(name, price=FAR, symbol="MSFT" if name == "c" else "AAPL")
            await alice.ask(type="REPLACE_ORDER", clientOrderId="a", newClientOrderId="a2", quantity=7, price=FAR / 2)
            replaced = await alice.until(lambda one: one.get("updateType") == "REPLACE")
            assert (replaced["clientOrderId"], replaced["quantity"], replaced["price"]) == ("a2", 7, FAR / 2)
            assert replaced["status"] == "NEW"
            assert (await alice.ask(type="CANCEL_ORDER", clientOrderId="a2"))["type"] == "ACK"
            cancelled = await alice.ended("a2")
            assert (cancelled["updateType"], cancelled["remainingQuantity"]) == ("CANCEL", 0)
            await alice.ask(type="CANCEL_ALL", symbol="AAPL")
            await alice.ended("b")
            await alice.ask(type="CANCEL_ALL")
            await alice.ended("c")
            await alice.settle()
            assert sequences(alice.numbered) == list(range(1, len(alice.numbered) + 1))
        assert server.broker is not None
        assert server.broker.orders("alice") == []


class TestTwice:
    async def test_an_order_that_comes_again_does_nothing(self, server: Server) -> None:
        async with trader(server) as alice:
            await alice.order("a")
            await alice.ended("a")
            await alice.settle()
            before = len(alice.numbered)
            assert (await alice.order("a"))["type"] == "ACK"
            await alice.settle()
            assert len(alice.numbered) == before

    async def test_also_over_another_connection_of_the_account(self, server: Server) -> None:
        """The first connection is gone before its answer comes."""
        async with trader(server) as first:
            await first.send(
                type="NEW_ORDER", clientOrderId="a", symbol="AAPL", side="BUY", orderType="MARKET", quantity=10
            )
            await settled(lambda: server.broker.account("alice").positions)  # type: ignore[union-attr]
            first.connection.transport.abort()
        async with trader(server, session=server.session, resumeFrom=0) as second:
            assert (await second.order("a"))["type"] == "ACK"
            await second.settle()
            assert second.updates("a")[0]["updateType"] == "NEW"
            assert sequences(second.numbered) == list(range(1, len(second.numbered) + 1))
            assert server.broker is not None
            assert server.broker.account("alice").positions["AAPL"].quantity == 10 * 10**9

    async def test_another_order_of_that_name_is_an_error(self, server: Server) -> None:
        async with trader(server) as alice, trader(server, "bob") as bob:
            await alice.order("a", price=FAR)
            refused = await alice.order("a", price=FAR * 2)
            assert (refused["type"], refused["context"]) == ("ERROR", {"clientOrderId": "a"})
            assert (await bob.order("a", price=FAR * 2))["type"] == "ACK"


class TestState:
    async def test_a_second_client_gets_the_accounts_state(self, server: Server) -> None:
        async with trader(server) as first:
            await first.order("bought", quantity=30)
            await first.ended("bought")
            await first.order("resting", price=FAR, quantity=5)
            await first.settle()
            async with trader(server) as second:
                kinds = [one["type"] for one in second.state]
                assert kinds == ["ORDER_UPDATE", "POSITION_UPDATE", "PORTFOLIO_UPDATE"]
                assert all(one["snapshot"] is True and "sequence" not in one for one in second.state)
                order, position, portfolio = second.state
                assert (order["clientOrderId"], order["status"], order["updateType"]) == ("resting", "NEW", "NEW")
                assert (order["timeInForce"], order["quantity"], order["price"]) == ("DAY", 5, FAR)
                assert (position["symbol"], position["quantity"], position["currency"]) == ("AAPL", 30, "USD")
                assert portfolio["cash"] < 1_000_000 - 30 * position["averagePrice"] + 1
                assert second.missed == []
                # From here on both get the same.
                await first.ask(type="CANCEL_ALL")
                assert told([await first.ended("resting")]) == told([await second.ended("resting")])

    async def test_one_that_comes_back_too_late_gets_what_is_over_as_well(self, server: Server) -> None:
        async with trader(server) as alice:
            await alice.order("bought")
            await alice.ended("bought")
            await alice.order("resting", price=FAR)
            await alice.settle()
        async with trader(server, session="of another server", resumeFrom=99) as alice:
            orders = {one["clientOrderId"]: one["status"] for one in alice.state if one["type"] == "ORDER_UPDATE"}
            assert orders == {"bought": "FILLED", "resting": "NEW"}
            assert alice.state[-1]["type"] == "PORTFOLIO_UPDATE"

    async def test_a_source_that_cannot_be_traded_has_none(self, walk_server: Server) -> None:
        async with trader(walk_server, None) as alice:
            answer = await alice.ask(type="AUTH", token=walk_server.issue_tokens("alice").access)
            assert answer["type"] == "AUTH_SUCCESS"
            refused = await alice.order("a")
            assert (refused["errorType"], refused["context"]) == ("SERVER_ERROR", {"type": "NEW_ORDER"})
            assert alice.private == []


class TestResumption:
    async def test_what_was_missed_comes_once_and_in_order(self, server: Server) -> None:
        """Orders are filled while a client of the account is away."""
        async with trader(server) as stays:
            async with trader(server) as goes:
                await goes.order("a")
                await goes.ended("a")
                await goes.settle()
                seen = goes.numbered
            for name in "bcd":
                await stays.order(name, quantity=120)
                await stays.ended(name)
            await stays.settle()
            async with trader(server, session=server.session, resumeFrom=seen[-1]["sequence"]) as back:
                assert told([*seen, *back.missed]) == told(stays.numbered)
                assert sequences([*seen, *back.missed]) == list(range(1, len(stays.numbered) + 1))
                await stays.order("e")
                await back.ended("e")
                await back.settle()
                await stays.settle()
                assert told([*seen, *back.numbered]) == told(stays.numbered)

    async def test_a_client_that_reconnects_has_each_message_once(self, server: Server) -> None:
        client = Client(server.url, token=server.issue_tokens("alice").access, reconnect_interval=0.01)
        taken: list[Any] = []
        client.on("message", taken.append)
        async with trader(server) as other:
            others = {one.id for one in server.connections()}
            async with client:
                for number in range(5):
                    await client.send_message(bought(f"own{number}"))
                    await other.ended(f"own{number}")
                    gone, back = happened(client, "disconnected"), happened(client, "connected")
                    (name,) = {one.id for one in server.connections()} - others
                    assert server.disconnect(name)
                    await gone
                    await other.order(f"missed{number}", quantity=200)
                    await other.ended(f"missed{number}")
                    await back
                await other.settle()
                last = other.numbered[-1]["sequence"]
                await settled(lambda: taken and any(one.sequence == last for one in taken if is_private(one)))
        assert [one.sequence for one in taken if is_private(one) and not one.snapshot] == list(range(1, last + 1))

    async def test_a_later_server_of_the_same_exchange_goes_on(self) -> None:
        venue = exchange()
        async with serving(venue) as server, trader(server) as alice:
            session = server.session
            await alice.order("resting", price=FAR)
            await alice.order("bought", quantity=40)
            await alice.ended("bought")
            await alice.settle()
            seen = alice.numbered
        async with serving(venue) as server:
            assert server.session == session
            async with trader(server, session=session, resumeFrom=2) as alice:
                assert told(alice.missed) == told(seen[2:])
                assert [one["type"] for one in alice.state] == [*PRIVATE]
                assert alice.state[0]["clientOrderId"] == "resting"
                assert (await alice.order("bought", quantity=40))["type"] == "ACK"
                await alice.order("sold", "SELL", quantity=40)
                await alice.ended("sold")
                await alice.settle()
                assert sequences(alice.numbered) == list(range(3, len(alice.numbered) + 3))
                assert told(alice.updates("bought")) == told([one for one in seen[2:] if "status" in one])


class TestPrivacy:
    async def test_two_accounts_never_see_each_others_messages(self, server: Server) -> None:
        """The market is the same, and both trade in turn."""
        async with trader(server) as alice, trader(server, "bob") as bob:
            for number in range(3):
                await alice.order(f"alice{number}", quantity=5)
                await alice.ended(f"alice{number}")
                await bob.order(f"bob{number}", "SELL", quantity=7)
                await bob.ended(f"bob{number}")
            await alice.settle()
            await bob.settle()
            for one, name, held in ((alice, "alice", 15), (bob, "bob", -21)):
                orders = {each["clientOrderId"] for each in one.private if each["type"] == "ORDER_UPDATE"}
                assert orders == {f"{name}{number}" for number in range(3)}
                quantities = [each["quantity"] for each in one.numbered if each["type"] == "POSITION_UPDATE"]
                assert quantities == [held / 3, held * 2 / 3, held]
                assert sequences(one.numbered) == list(range(1, len(one.numbered) + 1))

    async def test_a_resume_gives_only_ones_own(self, server: Server) -> None:
        """Bob resumes with alice's session and a sequence of hers."""
        async with trader(server) as alice:
            await alice.order("a")
            await alice.ended("a")
        async with trader(server, "bob", session=server.session, resumeFrom=1) as bob:
            assert bob.missed == []
            assert [one["type"] for one in bob.state] == ["PORTFOLIO_UPDATE"]

    async def test_who_signs_in_as_another_gets_only_the_others(self, server: Server) -> None:
        async with trader(server) as one, trader(server) as alice:
            await one.order("alices", price=FAR)
            await one.sign_in(server.issue_tokens("bob").access)
            place = len(one.seen)
            await alice.ask(type="CANCEL_ALL")
            await alice.ended("alices")
            foreign = await one.ask(type="CANCEL_ORDER", clientOrderId="alices")
            assert (foreign["type"], foreign["context"]) == ("ERROR", {"clientOrderId": "alices"})
            await one.order("bobs", price=FAR)
            await one.settle()
            orders = [each["clientOrderId"] for each in one.seen[place:] if each["type"] == "ORDER_UPDATE"]
            assert orders == ["bobs"]

    async def test_nothing_comes_after_a_token_has_expired(self, server: Server) -> None:
        async with trader(server, None) as one, trader(server) as alice:
            await one.sign_in(access_token(KEY, "alice", time.time(), lifetime=1.5))
            expired = await one.until(lambda message: message["type"] == "ERROR")
            assert expired["errorType"] == "AUTHENTICATION_FAILED"
            place = len(one.seen)
            await alice.order("a")
            await alice.ended("a")
            await alice.settle()
            assert (await one.order("b"))["errorType"] == "AUTHENTICATION_FAILED"
            assert [each for each in one.seen[place:] if each["type"] in PRIVATE] == []
            # Signing in again resumes what came meanwhile.
            await one.sign_in(server.issue_tokens("alice").access, session=server.session, resumeFrom=0)
            assert told(one.missed) == told(alice.numbered)


class TestCancelOnDisconnect:
    @pytest.mark.parametrize("how", ["closed", "aborted", "dropped by the server"])
    async def test_orders_of_the_connection_are_cancelled_at_its_end(self, server: Server, how: str) -> None:
        async with trader(server) as stays:
            await stays.order("of another connection", price=FAR)
            async with trader(server, cancelOnDisconnect=True) as goes:
                await goes.order("a", price=FAR)
                await goes.order("b", price=FAR, symbol="MSFT")
                await goes.settle()
                match how:
                    case "aborted":
                        goes.connection.transport.abort()
                    case "dropped by the server":
                        assert server.disconnect(server.connections()[-1].id)
            for name in "ab":
                assert (await stays.ended(name))["updateType"] == "CANCEL"
            await stays.settle()
        async with trader(server) as again:
            assert [one.get("clientOrderId") for one in again.state] == ["of another connection", None]

    async def test_a_venue_that_fails_at_it_keeps_no_connection(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with trader(server, cancelOnDisconnect=True) as goes:
            await goes.order("a", price=FAR)

            def broken(*_: object) -> None:
                raise ValueError("of a venue of somebody's own")

            monkeypatch.setattr(server.broker, "disconnect", broken)
        await settled(lambda: server.connections() == [])

    async def test_it_is_not_the_default(self, server: Server) -> None:
        async with trader(server) as alice:
            await alice.order("a", price=FAR)
        await settled(lambda: server.connections() == [])
        async with trader(server) as again:
            assert [one.get("clientOrderId") for one in again.state] == ["a", None]

    async def test_also_if_the_connection_has_signed_in_again_without_it(self, server: Server) -> None:
        """What was promised for an order holds, whoever the connection belongs to at its end."""
        async with trader(server) as stays:
            async with trader(server, cancelOnDisconnect=True) as goes:
                await goes.order("promised", price=FAR)
                await goes.sign_in(server.issue_tokens("alice").access)
                await goes.order("not promised", price=FAR)
                await goes.sign_in(server.issue_tokens("bob").access)
            await stays.ended("promised")
            await stays.settle()
        async with trader(server) as again:
            assert [one.get("clientOrderId") for one in again.state] == ["not promised", None]

    async def test_a_server_that_stops_cancels_them(self) -> None:
        venue = exchange()
        async with serving(venue) as server, trader(server, cancelOnDisconnect=True) as alice:
            await alice.order("a", price=FAR)
            await alice.settle()
            last = alice.numbered[-1]["sequence"]
            session = server.session
            await server.stop()
        async with serving(venue) as server, trader(server, session=session, resumeFrom=last) as alice:
            assert [one["updateType"] for one in alice.missed] == ["CANCEL"]
            assert [one["type"] for one in alice.state] == ["PORTFOLIO_UPDATE"]


class TestPrices:
    async def test_positions_follow_prices_at_most_every_tenth_of_a_second(self) -> None:
        """Of the venue's time, which goes twenty times as fast here."""
        async with serving(exchange(clock=Clock(speed=20), interval=20 * MS)) as server, trader(server) as alice:
            items: list[Timed[Any]] = []
            server.taps.append(lambda item: item.account is not None and items.append(item))
            async with trader(server, "bob") as bob:
                await bob.order("in", quantity=10)
                await bob.order("out", "SELL", quantity=10)
                await bob.ended("out")
                await alice.order("a", quantity=10)
                for _ in range(10):
                    portfolio = await alice.until(lambda one: one["type"] == "PORTFOLIO_UPDATE" and one.get("snapshot"))
                position = [one for one in alice.seen if one["type"] == "POSITION_UPDATE"][-1]
        assert "sequence" not in portfolio
        assert position["snapshot"] is True
        assert position["marketValue"] == pytest.approx(10 * position["currentPrice"])
        assert portfolio["totalValue"] == pytest.approx(portfolio["cash"] + position["marketValue"])
        values = [one for one in items if isinstance(one.message, PortfolioUpdate) and one.message.snapshot]
        times = [one.at for one in values if one.account == "alice"]
        assert len(times) >= 10
        assert all(later - earlier >= 100 * MS for earlier, later in itertools.pairwise(times))
        # Who is flat hears nothing of prices: bob's last is that of his second order.
        *_, closed, last = (one.message for one in items if one.account == "bob")
        assert (closed.quantity, closed.snapshot, last.type, last.snapshot) == (0, False, "PORTFOLIO_UPDATE", False)


class TestWayToTheVenue:
    async def test_orders_are_pending_on_their_way(self) -> None:
        async with serving(exchange(order_latency=20 * MS)) as server, trader(server) as alice:
            place = len(alice.seen)
            await alice.order("a", price=FAR)
            await alice.until(lambda one: one.get("status") == "NEW")
            await alice.ask(type="CANCEL_ORDER", clientOrderId="a")
            await alice.ended("a")
            await alice.order("b", quantity=20)
            await alice.ended("b")
            steps = [one.get("status", one["type"]) for one in alice.seen[place:] if not one.get("snapshot")]
            assert steps[:6] == ["ACK", "PENDING_NEW", "NEW", "ACK", "PENDING_CANCEL", "CANCELED"]
            assert steps[6:9] == ["ACK", "PENDING_NEW", "NEW"]
            assert steps[-1] == "FILLED"

    @pytest.mark.parametrize(
        "decorate",
        [
            pytest.param(lambda venue: Faults(venue, seed=1, drop=0.3, duplicate=0.2, delay=30 * MS), id="faults"),
            pytest.param(with_arbitrage, id="arbitrage"),
            pytest.param(lambda venue: with_arbitrage(Faults(venue, seed=1, drop=0.3)), id="both"),
        ],
    )
    async def test_a_decorated_exchange_is_traded_too(self, decorate: Any) -> None:
        """What is done to the market's messages is not done to the account's."""
        async with serving(decorate(exchange(order_latency=5 * MS))) as server, trader(server) as alice:
            for number in range(10):
                await alice.order(f"{number}")
                await alice.ended(f"{number}")
            await alice.settle()
            assert sequences(alice.numbered) == list(range(1, len(alice.numbered) + 1))


class TestClocks:
    @pytest.mark.parametrize("latency", [0, 5 * MS])
    async def test_a_clock_that_nothing_paces(self, latency: int) -> None:
        """Market data comes as fast as it can be read, and orders in between."""
        venue = exchange(clock=Clock(speed=float("inf")), order_latency=latency)
        async with serving(venue) as server, trader(server) as alice:
            await alice.ask(type="SUBSCRIBE", symbols=["AAPL"], frequency=0)
            for number in range(10):
                await alice.order(f"{number}")
                await alice.ended(f"{number}")
            await alice.settle()
            assert sequences(alice.numbered) == list(range(1, len(alice.numbered) + 1))
            assert any(one["type"] == "MARKET_DATA" for one in alice.seen)

    async def test_a_clock_that_is_paused_holds_orders_on_their_way(self) -> None:
        clock = Clock(paused=True)
        async with serving(exchange(clock=clock, order_latency=5 * MS)) as server, trader(server) as alice:
            await alice.order("a")
            await alice.settle()
            assert [one["status"] for one in alice.updates("a")] == ["PENDING_NEW"]
            clock.resume()
            assert (await alice.ended("a"))["status"] == "FILLED"


class _Breakable(SourceDecorator[Any]):
    """The source that it decorates, until it is broken."""

    is_broken = False

    def next_time(self) -> int | None:
        return self._source.next_time()

    def advance(self, until: int) -> Sequence[Any]:
        if self.is_broken:
            raise OSError("the cable is cut")
        return self._source.advance(until)


class TestPhases:
    async def test_a_halt_refuses_all_but_cancels(self) -> None:
        venue = exchange()
        async with serving(venue) as server, trader(server) as alice:
            await alice.order("resting", price=FAR)
            venue.halt("AAPL")
            await alice.order("refused", price=FAR)
            refused = await alice.ended("refused")
            assert refused["status"] == "REJECTED"
            assert refused["reason"] == "halted: AAPL does not trade now"
            await alice.order("elsewhere", symbol="MSFT")
            assert (await alice.ended("elsewhere"))["status"] == "FILLED"
            await alice.ask(type="CANCEL_ORDER", clientOrderId="resting")
            assert (await alice.ended("resting"))["status"] == "CANCELED"
            venue.resume("AAPL")
            await alice.order("again")
            assert (await alice.ended("again"))["status"] == "FILLED"

    async def test_a_call_collects_orders_for_its_auction(self) -> None:
        venue = exchange()
        async with serving(venue) as server, trader(server) as alice:
            venue.call_auction("AAPL")
            await alice.order("a", price=1000.0, quantity=50)
            await alice.settle()
            assert [one["status"] for one in alice.updates("a")] == ["NEW"]
            venue.uncross("AAPL")
            filled = await alice.ended("a")
            assert (filled["status"], filled["filledQuantity"]) == ("FILLED", 50)
            assert filled["averagePrice"] < 1000

    async def test_the_days_end_expires_orders_of_the_day(self) -> None:
        venue = exchange()
        async with serving(venue) as server, trader(server) as alice, trader(server, "bob") as bob:
            await alice.order("day", price=FAR)
            await alice.order("for ever", price=FAR, timeInForce="GTC")
            await bob.order("day", price=FAR)
            venue.close_day()
            for one in (alice, bob):
                expired = await one.ended("day")
                assert (expired["status"], expired["updateType"]) == ("EXPIRED", "EXPIRE")
                assert expired["remainingQuantity"] == 0
            await alice.order("late")
            assert (await alice.ended("late"))["reason"] == "trading hours: the market of AAPL is closed"
            venue.open_day()
            await alice.order("next day")
            assert (await alice.ended("next day"))["status"] == "FILLED"
            async with trader(server) as again:
                assert again.state[0]["clientOrderId"] == "for ever"


class TestWhatHasHappenedMeanwhile:
    """On a clock that stands still nothing but a request or a sign-in looks at the venue."""

    async def test_a_sign_in_tells_it_before_the_state(self) -> None:
        venue = exchange(clock=Clock(START, paused=True))
        async with serving(venue) as server, trader(server) as alice:
            venue.call_auction("AAPL")
            await alice.order("a", price=1000.0, quantity=50)
            venue.uncross("AAPL")
            async with trader(server) as again:
                assert [one["quantity"] for one in again.state if one["type"] == "POSITION_UPDATE"] == [50]
            await alice.settle()
            (filled,) = [one for one in alice.updates("a") if one["updateType"] == "FILL"]
            assert filled["commission"] > 0

    async def test_a_request_that_is_an_error_tells_it_too(self) -> None:
        venue = exchange(clock=Clock(START, paused=True))
        async with serving(venue) as server, trader(server) as alice:
            venue.call_auction("AAPL")
            await alice.order("a", price=1000.0, quantity=50)
            venue.uncross("AAPL")
            assert (await alice.ask(type="CANCEL_ORDER", clientOrderId="unknown"))["type"] == "ERROR"
            await alice.settle()
            assert [one["status"] for one in alice.updates("a")] == ["NEW", "FILLED"]


class TestOperation:
    async def test_a_source_that_has_failed_takes_no_orders(self) -> None:
        """What was done before is still told to those who sign in."""
        source = _Breakable(exchange())
        async with serving(source) as server, trader(server) as alice:
            await alice.order("a", price=FAR)
            source.is_broken = True
            failure = await alice.until(lambda one: one["type"] == "ERROR")
            assert "the cable is cut" in failure["message"]
            for answer in (await alice.order("b"), await alice.ask(type="CANCEL_ALL")):
                assert (answer["type"], answer["errorType"]) == ("ERROR", "SERVER_ERROR")
                assert "takes no orders" in answer["message"]
            async with trader(server) as again:
                assert [one.get("clientOrderId") for one in again.state] == ["a", None]

    async def test_errors_are_counted_and_nothing_has_failed(self, server: Server) -> None:
        async with trader(server) as alice:
            await alice.order("a", symbol="APPL")
            await alice.order("a")
            await alice.ended("a")
            stats = server.stats()
        assert stats["errors"] == {"SERVER_ERROR": 1}
        assert (stats["failure"], stats["problems"], stats["invalid"], stats["failed_taps"]) == (None, [], 0, {})
        assert stats["published"] >= 4

    async def test_the_audit_log_tells_who_asked_for_what(
        self, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger=AUDIT)
        async with trader(server) as alice:
            (name,) = (one.id for one in server.connections())
            await alice.order("a", price=FAR, quantity=2)
            await alice.ask(type="REPLACE_ORDER", clientOrderId="a", newClientOrderId="b", quantity=1)
            await alice.ask(type="CANCEL_ORDER", clientOrderId="b")
            await alice.ask(type="CANCEL_ORDER", clientOrderId="strange")
            await alice.ask(type="CANCEL_ALL", symbol="AAPL")
            await alice.ask(type="CANCEL_ALL")
        lines = [one.removeprefix("event=") for one in caplog.messages if "_order" in one or "cancel_all" in one]
        who = f"connection={name} subject=alice"
        assert lines == [
            f"new_order {who} order=a symbol=AAPL side=BUY order_type=LIMIT quantity=2.0 price=1.0",
            f"replace_order {who} order=a new_order=b quantity=1.0 price=None",
            f"cancel_order {who} order=b",
            f"cancel_order {who} order=strange",
            f"cancel_all {who} symbol=AAPL",
            f"cancel_all {who} symbol=None",
        ]
        assert any(f"refused {who} request=CANCEL_ORDER reason=SERVER_ERROR" in one for one in caplog.messages)


class TestSlowReaders:
    async def test_an_answer_is_not_overtaken_by_what_follows_from_it(self, server: Server) -> None:
        """Private messages go before all that waits for a slow reader, and so does the ACK."""
        reader = Reader(server.port, buffer=4096)
        try:
            await reader.subscribe("AAPL", dataTypes=["ORDER_BOOK"], slowConsumer="GAP")
            await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
            await settled(lambda: server.connections()[0].subject == "alice")
            reader.take()
            wide = [OrderBookLevel(price=float(price), size=1.0, orders=1) for price in range(1, 200)]
            state = market_data(symbol("AAPL", 1.0, bids=wide))
            async with asyncio.timeout(PATIENCE):
                while server.connections()[0].backlog == "none":
                    server.publish(state)
                    await asyncio.sleep(0)
            server.publish(state)  # it waits, as this subscription asks for every message
            order = {"symbol": "AAPL", "side": "BUY", "orderType": "MARKET", "quantity": 10}
            await reader.ask(type="NEW_ORDER", id="q", clientOrderId="a", **order)
            assert server.broker is not None
            broker = server.broker
            await settled(lambda: broker.account("alice").positions)
            await reader.ask(type="PING")
            seen: list[Message] = []
            while not any(one["type"] == "PONG" for one in seen):
                await reader.read(1 << 16)
                seen += reader.take()
        finally:
            reader.socket.close()
        about = [one.get("id", one.get("status")) for one in seen if one["type"] in ("ACK", "ORDER_UPDATE")]
        assert (about[:2], about[-1]) == (["q", "NEW"], "FILLED")
        kinds = [one["type"] for one in seen]
        assert "MARKET_DATA" in kinds[kinds.index("ORDER_UPDATE") :], "it did not go before anything"

    async def test_who_does_not_read_its_private_messages_is_disconnected(self) -> None:
        """They are never left out, so they wait up to a bound, and then the client has to come back and resume."""
        limits = ServerLimits(queue_bytes=32 * 1024, queue_messages=100, messages=Rate(1e6, 10**6), write_deadline=60)
        async with serving(limits=limits) as server, trader(server) as other:
            reader = Reader(server.port, buffer=4096)
            try:
                await reader.subscribe("AAPL")
                await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
                await settled(lambda: server.connections()[-1].subject == "alice")
                most = 0
                while server.stats()["aborted"] == {}:
                    await other.order(f"{len(other.seen)}", price=FAR)
                    await other.ask(type="CANCEL_ALL")
                    most = max([most, *(one.buffered for one in server.connections())])
                assert server.stats()["aborted"] == {"overflow": 1}
                assert most < HIGH_WATER + 2 * limits.queue_bytes
                await other.settle()
                async with trader(server, session=server.session, resumeFrom=0) as back:
                    assert told(back.missed) == told(other.numbered)
            finally:
                reader.socket.close()

    async def test_an_account_larger_than_the_queue_can_sign_in(self) -> None:
        """Its state is written at once, before its reader can read any of it; what comes with it waits with it."""
        limits = ServerLimits(queue_bytes=32 * 1024, queue_messages=100, messages=Rate(1e6, 10**6), write_deadline=60)
        async with serving(limits=limits) as server:
            assert server.broker is not None
            for number in range(1500):
                server.broker.handle("alice", bought(f"o{number}", price=FAR), server.clock.now())
            reader = Reader(server.port, buffer=4096)
            try:
                await reader.subscribe("AAPL")
                await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
                await settled(lambda: server.connections()[0].subject == "alice")
                most = server.connections()[0].buffered
                assert most > HIGH_WATER + limits.queue_bytes, "it would have been closed without the allowance"
                seen: list[Message] = []
                while not any(one["type"] == "PORTFOLIO_UPDATE" for one in seen):
                    await reader.read(1 << 16)
                    seen += reader.take()
                assert sum(one["type"] == "ORDER_UPDATE" for one in seen) == 1500
                assert server.stats()["aborted"] == {}
                while server.stats()["aborted"] == {}:  # signs in again and again without reading
                    await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
                    await asyncio.sleep(0)
                    most = max(most, server.connections()[0].buffered if server.connections() else 0)
                assert server.stats()["aborted"] == {"overflow": 1}
                assert most < HIGH_WATER + 2 * 1500 * 500
            finally:
                reader.socket.close()
