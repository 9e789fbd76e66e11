"""What is asked of a server while there is one, and while there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.clock import Clock
from hftlab.errors import NetworkError, RateLimitExceeded, SubscriptionFailed
from hftlab.protocol import Ack, AuthFailed, CancelOrder, DataType, Message
from hftlab.server import Rate, Server, ServerLimits
from tests.client.servers import PATIENCE, refuse, scripted, until, within


class Listed:
    """A live source of many symbols, which stays silent."""

    name, recorded = "listed", False

    def __init__(self, symbols: Sequence[str]) -> None:
        self.clock, self.symbols = Clock(), symbols

    def next_time(self) -> None:
        return None

    def advance(self, until: int) -> list[Message]:
        return []


class TestUnsubscribe:
    async def test_without_a_connection_nothing_is_asked_for_again(self) -> None:
        async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
            await client.subscribe(["AAPL", "MSFT"])
            unsubscribing: list[asyncio.Task[Ack | None]] = []
            client.on("reconnecting", lambda _: unsubscribing.append(asyncio.create_task(client.unsubscribe(["AAPL"]))))
            script.connections[0].transport.abort()
            await until(lambda: len(script.requests) == 2)
            assert await unsubscribing[0] is None
            assert client.symbols == ["MSFT"]
            assert script.requests[1]["symbols"] == ["MSFT"]

    async def test_what_the_server_refuses_stays(self) -> None:
        async with scripted() as script, Client(script.url) as client:
            await client.subscribe(["AAPL"], data_types=["QUOTES", "TRADES"], frequency=0)
            for error_type, kind in (("RATE_LIMIT_EXCEEDED", RateLimitExceeded), ("X", SubscriptionFailed)):
                script.answers["UNSUBSCRIBE"] = refuse(
                    "SUBSCRIPTION_FAILED" if error_type == "X" else error_type, retryAfter=0.001
                )
                with pytest.raises(kind):
                    await client.unsubscribe(["AAPL"], data_types=["TRADES"])
                assert client.symbols == ["AAPL"]
            script.connections[0].transport.abort()
            await until(lambda: script.types[-1] == "SUBSCRIBE")
            assert script.requests[-1]["dataTypes"] == ["QUOTES", "TRADES"]

    async def test_a_connection_that_ends_meanwhile_has_ended_them_too(self) -> None:
        async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
            await client.subscribe(["AAPL", "MSFT"])
            script.answers["UNSUBSCRIBE"] = lambda _: []
            waiting = asyncio.create_task(client.unsubscribe(["AAPL"]))
            await until(lambda: script.types == ["SUBSCRIBE", "UNSUBSCRIBE"])
            script.connections[0].transport.abort()
            assert await within(waiting) is None
            assert client.symbols == ["MSFT"]
            await until(lambda: len(script.requests) == 3)
            assert script.requests[2]["symbols"] == ["MSFT"]


class TestSending:
    async def test_nothing_is_sent_before_signing_in(self) -> None:
        """The server would refuse it, and the client renew a token that is good."""
        async with scripted() as script:
            script.answers["AUTH"] = lambda _: []
            client = Client(script.url, token="t")
            calling = asyncio.create_task(client.connect())
            await until(lambda: script.types == ["AUTH"])
            with pytest.raises(NetworkError, match="not signed in"):
                await client.send_message(CancelOrder(timestamp=1.0, client_order_id="1"))
            await script.say(type="AUTH_SUCCESS")
            await within(calling)
            await client.send_message(CancelOrder(timestamp=1.0, client_order_id="1"))
            await until(lambda: script.types == ["AUTH", "CANCEL_ORDER"])
            await client.close()

    async def test_without_a_connection_it_says_what_to_call(self) -> None:
        """In the words of the API that is called: here it is awaited."""
        async with scripted() as script, Client(script.url, reconnect_interval=10.0) as client:
            await script.connections[-1].close()
            await until(lambda: client.connection_status == "RECONNECTING")
            with pytest.raises(NetworkError, match=r"it is RECONNECTING: call await client\.wait_connected\(\) first"):
                await client.subscribe(["AAPL"])
            await client.close()
            with pytest.raises(NetworkError, match=r"DISCONNECTED: call await client\.connect\(\) first"):
                await client.subscribe(["AAPL"])


async def test_an_answer_to_auth_that_comes_late_is_no_answer() -> None:
    """AUTH_FAILED without an id, long after AUTH has been answered, is a message like others."""
    async with scripted() as script:
        script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
        async with Client(script.url, token="t") as client:
            await script.say(type="AUTH_FAILED", message="later")
            async with asyncio.timeout(PATIENCE):
                assert isinstance(await client.next_message(), AuthFailed)


class TestManySymbols:
    NAMES = tuple(f"S{number:04}" for number in range(450))

    def server(self, **limits: Any) -> Server:
        return Server(Listed(self.NAMES), port=0, limits=ServerLimits(symbols=100, message_bytes=1024, **limits))

    async def test_all_are_subscribed_to_in_as_many_requests_as_the_server_wants(self) -> None:
        async with self.server() as server, Client(server.url) as client:
            ack = await client.subscribe(client.offered_symbols, data_types=list(DataType))
            assert client.symbols == list(self.NAMES)
            assert ack.message == "Subscribed to 450 symbols"
            served = {
                (symbol, kind) for info in ack.channels or () for symbol in info.symbols for kind in info.data_types
            }
            assert len(served) == 450 * len(DataType)
            assert server.stats()["messages_received"] > 450 / 100
            ended = await client.unsubscribe(self.NAMES[10:])
            assert ended is not None
            assert client.symbols == list(self.NAMES[:10])
            assert server.stats()["errors"] == {}

    async def test_the_servers_rate_is_kept(self) -> None:
        async with self.server(subscriptions=Rate(200, burst=3)) as server, Client(server.url) as client:
            await client.subscribe(self.NAMES)
            assert client.symbols == list(self.NAMES)
            assert client.is_healthy

    async def test_all_are_restored_by_the_next_connection(self) -> None:
        async with self.server() as server, Client(server.url, reconnect_interval=0.01) as client:
            await client.subscribe(self.NAMES, data_types=["QUOTES"])
            connected = asyncio.Event()
            client.on("connected", lambda *_: connected.set())
            (connection,) = server.connections()
            server.disconnect(connection.id)
            await within(connected.wait())
            (connection,) = server.connections()
            assert sum(len(info.symbols) for info in connection.channels) == len(self.NAMES)

    async def test_none_are_subscribed_to_if_one_would_be_refused(self) -> None:
        async with self.server(subscribed=500) as server, Client(server.url) as client:
            with pytest.raises(SubscriptionFailed, match=r"does not have 'S9999' \(nearest: 'S0999'|'S9999'") as raised:
                await client.subscribe([*self.NAMES, "S9999"])
            assert (raised.value.context or {})["unknown"] == ["S9999"]
            with pytest.raises(SubscriptionFailed, match=r"would have 900 subscriptions .* allows 500"):
                await client.subscribe(self.NAMES, data_types=["QUOTES", "TRADES"])
            assert client.symbols == []
            assert server.connections()[0].channels == []

    async def test_by_default_one_request_may_ask_for_all(self) -> None:
        names = [f"SYMBOL {number:05}" for number in range(8900)]
        async with Server(Listed(names), port=0) as server, Client(server.url) as client:
            await client.subscribe(names, data_types=list(DataType)[:4])
            assert client.symbols == names
            (connection,) = server.connections()
            assert max(len(info.symbols) for info in connection.channels) <= 500
            assert connection.received <= 2
