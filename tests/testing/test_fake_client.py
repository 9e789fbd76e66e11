"""The fake client is the real one: a test sees all that a server would, on a clock that takes no time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import ArgumentError, AuthenticationFailed, ConnectionFailed, NetworkError, SubscriptionFailed
from hftlab.protocol import Gap, Heartbeat, MarketData, Message, NewOrder, Subscribe
from hftlab.testing import (
    Close,
    Drop,
    FakeClient,
    Script,
    ScriptedServer,
    Silence,
    Wait,
    market_data,
    refuse,
    run,
    virtual_time,
)
from hftlab.testing.steps import Step
from hftlab.testing.virtual_loop import virtual_loop
from tests.client.servers import until

QUOTE = market_data("AAPL", bid=175.25, ask=175.27)


class TestAsAClient:
    @virtual_time
    async def test_it_subscribes_and_knows_the_newest_state(self) -> None:
        async with FakeClient(symbols=["AAPL"]) as client:
            assert client.offered_symbols == ["AAPL"]
            await client.subscribe(["AAPL"], frequency=0)
            assert client.last_sent == Subscribe(
                timestamp=1_767_364_200_000.0, id="req_1", symbols=["AAPL"], frequency=0
            )
            await client.simulate_message(market_data("AAPL", bids=[(10.0, 5.0)], asks=[(11.0, 3.0)]))
            latest, book = client.latest("AAPL"), client.book("AAPL")
            assert latest is not None
            assert latest.bid == 10.0
            assert book is not None
            assert [tuple(level) for level in book.asks(1)] == [(11.0, 3.0, 1)]
            assert [message.type for message in client.messages()] == ["MARKET_DATA"]

    @virtual_time
    async def test_callbacks_taps_and_readers_get_what_comes(self) -> None:
        heard: list[Message] = []
        async with FakeClient() as client:
            client.on("message", heard.append)
            reading = asyncio.create_task(client.next_message())
            await client.simulate_message(QUOTE)
            assert heard == [QUOTE]
            assert reading.result() == QUOTE

    @virtual_time
    async def test_losses_are_found(self) -> None:
        async with FakeClient() as client:
            losses: list[Any] = []
            client.on("loss", losses.append)
            await client.simulate_message(market_data("AAPL", bid=1.0, channel=1, sequence=1))
            await client.simulate_message(market_data("AAPL", bid=1.0, channel=1, sequence=4))
            gap = Gap(timestamp=1.0, channel=1, from_sequence=5, to_sequence=6, reason="slow")
            await client.simulate_message(gap)
            assert [(loss.first, loss.last) for loss in losses] == [(2, 3), (5, 6)]
            assert client.metrics.messages_lost == 4

    @virtual_time
    async def test_what_does_not_decode_is_an_error(self) -> None:
        async with FakeClient() as client:
            errors: list[Exception] = []
            client.on("error", errors.append)
            await client.simulate_message(b"{")
            await client.simulate_message({"type": "MARKET_DATA", "symbols": "none"})
            assert len(errors) == 2
            assert client.connection_status == "CONNECTED"

    @virtual_time
    async def test_orders_are_answered_and_filled(self) -> None:
        def fill(order: NewOrder) -> list[Step]:
            update = {"type": "ORDER_UPDATE", "channel": 0, "orderId": "O1", "clientOrderId": order.client_order_id}
            terms = {
                "symbol": order.symbol,
                "side": "BUY",
                "orderType": "LIMIT",
                "quantity": 10.0,
                "price": order.price,
            }
            new = {"sequence": 1, "updateType": "NEW", "status": "NEW", "filledQuantity": 0, "remainingQuantity": 10}
            done = {
                "sequence": 2,
                "updateType": "FILL",
                "status": "FILLED",
                "filledQuantity": 10,
                "remainingQuantity": 0,
            }
            last = {"averagePrice": 175.25, "lastFillPrice": 175.25, "lastFillQuantity": 10}
            return [update | terms | new, Wait(2.0), update | terms | done | last]

        script = Script().when("NEW_ORDER", fill)
        async with FakeClient(script, account="alice") as client:
            assert client.account == "alice"
            order = await client.trading.buy("AAPL", 10, price=175.25)
            before = virtual_loop().time()
            assert order.status == "NEW"
            await order.wait()
            assert order.status == "FILLED"
            assert virtual_loop().time() - before == pytest.approx(2.0)

    @pytest.mark.parametrize("encoding", ["json", "msgpack"])
    @virtual_time
    async def test_it_speaks_both_encodings(self, encoding: Any) -> None:
        async with FakeClient(encoding=encoding, symbols=["AAPL"]) as client:
            await client.subscribe(["AAPL"])
            await client.simulate_message(QUOTE)
            assert client.latest("AAPL") == QUOTE.symbols[0]


class TestTime:
    @virtual_time
    async def test_heartbeats_and_silence(self) -> None:
        """After three checks without a sign of life the client connects anew."""
        async with FakeClient(heartbeat_interval=10.0) as client:
            await client.advance(35)
            assert client.script.types == ["HEARTBEAT"] * 3
            client.script.when("HEARTBEAT", Silence())
            lost: list[float] = []
            client.on("disconnected", lambda _: lost.append(virtual_loop().time()))
            await client.advance(60)
            # Heard last at 30 s; the checks of 50, 55 and 60 s miss it.
            assert lost == [pytest.approx(60, abs=0.01), pytest.approx(90, abs=0.01)]

    @virtual_time
    async def test_back_off_grows_and_gives_up(self) -> None:
        async with FakeClient(reconnect_interval=1.0, max_reconnect_attempts=5) as client:
            times: list[float] = []
            client.on("reconnecting", lambda _: times.append(virtual_loop().time()))
            client.network = "down"
            await client.advance(10)
            await client.simulate_error()
            await client.advance(60)
            waits = [later - earlier for earlier, later in pairwise(times)]
            assert waits == pytest.approx([0.0, 1.0, 1.5, 2.25], abs=0.001)
            assert client.connection_status == "ERROR"
            with pytest.raises(ConnectionFailed, match="gave up on ws://localhost after 5 attempts"):
                await client.wait_connected()

    @virtual_time
    async def test_subscriptions_are_restored(self) -> None:
        async with FakeClient() as client:
            await client.subscribe(["AAPL"])
            client.clear_sent()
            await client.simulate_close(1001, "going away")
            await client.advance(1)
            assert client.connection_status == "CONNECTED"
            assert [request.symbols for request in client.script.received_of(Subscribe)] == [["AAPL"]]
            assert any("1001 going away" in one.message for one in client.debug_log.logs())

    def test_every_run_is_the_same(self) -> None:
        async def test() -> list[Message]:
            async with FakeClient() as client:
                await client.subscribe(["AAPL"])
                await client.simulate_error()
                await client.advance(100)
                return client.sent

        assert run(test()) == run(test())


class TestByHand:
    @virtual_time
    async def test_the_connection_opens_when_the_test_says_so(self) -> None:
        client = FakeClient(network="manual")
        connecting = asyncio.create_task(client.connect())
        await client.advance(5)
        assert client.connection_status == "CONNECTING"
        await client.simulate_open()
        assert client.connection_status == "CONNECTED"
        await connecting
        await client.simulate_error()
        assert client.connection_status == "RECONNECTING"
        await client.simulate_open()
        assert client.connection_status == "CONNECTED"
        await client.close()

    @virtual_time
    async def test_an_attempt_fails_when_the_test_says_so(self) -> None:
        client = FakeClient(network="manual")
        connecting = asyncio.create_task(client.connect())
        await client.advance(0)
        await client.simulate_error("Connection refused")
        with pytest.raises(ConnectionFailed, match=r"cannot connect to ws://localhost \(Connection refused\)"):
            await connecting

    @virtual_time
    async def test_what_cannot_be_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="unknown network 'off'"):
            FakeClient(network="off")  # type: ignore[arg-type]
        async with FakeClient(symbols=["AAPL"]) as client:
            with pytest.raises(ArgumentError, match="unknown network 'Down'"):
                client.network = "Down"  # type: ignore[assignment]
            with pytest.raises(ArgumentError, match="seconds"):
                await client.advance(-1)

    @virtual_time
    async def test_the_first_attempt_to_reconnect_comes_at_once(self) -> None:
        async with FakeClient(symbols=["AAPL"]) as client:
            await client.simulate_close(1001, "going away")
            assert client.connection_status == "CONNECTED"
            assert client.metrics.reconnection_count == 1

    @virtual_time
    async def test_to_open_connects(self) -> None:
        for network in ("manual", "up"):
            client = FakeClient(network=network)  # type: ignore[arg-type]
            await client.simulate_open()
            assert client.connection_status == "CONNECTED"
            await client.close()
        down = FakeClient(network="down")
        await down.simulate_open()
        assert down.connection_status == "ERROR"

    @virtual_time
    async def test_without_a_connection_nothing_comes(self) -> None:
        client = FakeClient()
        for call in (client.simulate_message(QUOTE), client.simulate_error(), client.simulate_close()):
            with pytest.raises(RuntimeError, match="no connection"):
                await call

    async def test_a_loop_on_the_real_clock_does_as_well(self) -> None:
        """But for advance()."""
        async with FakeClient() as client:
            await client.simulate_message(QUOTE)
            assert client.latest("AAPL") == QUOTE.symbols[0]
            with pytest.raises(RuntimeError, match=r"hftlab\.testing\.virtual_time"):
                await client.advance(1)


class TestRefusals:
    @virtual_time
    async def test_a_token_is_refused(self) -> None:
        script = Script().when("AUTH", {"type": "AUTH_FAILED", "message": "expired"})
        with pytest.raises(AuthenticationFailed):
            await FakeClient(script, account="alice").connect()

    @virtual_time
    async def test_a_connection_that_ends_in_the_answer(self) -> None:
        async with FakeClient(Script().when("SUBSCRIBE", Close(1008, "no"))) as client:
            with pytest.raises(NetworkError):
                await client.subscribe(["AAPL"])


async def converse(client: Client, script: Script) -> list[Any]:
    """A conversation, and all that its client has sent and reported."""
    script.when("SUBSCRIBE", lambda request: [market_data(request.symbols[0], bid=1.0)])
    script.once("UNSUBSCRIBE", refuse("SERVER_ERROR", "not now")).once("UNSUBSCRIBE", Wait(0.01), Drop())
    reports: list[Any] = []
    client.on("message", lambda message: reports.append(type(message).__name__))
    for event in ("connected", "disconnected", "reconnecting"):
        client.on(event, lambda *what, name=event: reports.append((name, *what)))
    async with client:
        await client.subscribe(["AAPL"], data_types=["QUOTES"], frequency=0)
        assert isinstance(await client.next_message(), MarketData)
        for _ in range(2):
            try:
                await client.unsubscribe(["AAPL"])
            except Exception as exc:
                reports.append(type(exc).__name__)
        await until(lambda: client.metrics.reconnection_count == 1)
        await client.subscribe(["AAPL"], frequency=0)
        assert isinstance(await client.next_message(), MarketData)
        await client.send_message(Heartbeat(timestamp=1.0))
        with pytest.raises(SubscriptionFailed):
            script.when("SUBSCRIBE", refuse("SUBSCRIPTION_FAILED"))
            await client.subscribe(["MSFT"])
        reports.append(client.subscriptions)
    return [*reports, script.types]


def test_it_does_what_a_client_of_a_real_server_does() -> None:
    """The same conversation over memory and over a socket."""

    async def real() -> list[Any]:
        async with ScriptedServer() as server:
            return await converse(Client(server.url, reconnect_interval=0.01), server)

    async def fake() -> list[Any]:
        client = FakeClient(reconnect_interval=0.01)
        return await converse(client, client.script)

    told: Coroutine[Any, Any, list[Any]] = fake()
    assert run(told) == asyncio.run(real())
