"""The client over real sockets, against our server and against bare ones."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hftlab.client import Client
from hftlab.errors import ConnectionFailed, NetworkError, SubscriptionFailed
from hftlab.protocol import MarketData, Message
from hftlab.protocol.subscribing.loss import Loss
from hftlab.server import Server
from tests.client.servers import scripted, until, within
from tests.faults.chaos_proxy import ChaosProxy
from tests.protocol.conftest import market_data, symbol

PATIENCE = 10.0


async def messages(client: Client, count: int) -> list[Any]:
    taken: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            taken.append(message)
            if len(taken) == count:
                break
    return taken


async def reached(client: Client, event: str) -> Any:
    """Wait for a lifecycle event."""
    happened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    end = client.on(event, lambda *what: happened.done() or happened.set_result(what))
    async with asyncio.timeout(PATIENCE):
        result = await happened
    end()
    return result


class TestStream:
    @pytest.mark.parametrize("encoding", ["json", "msgpack"])
    async def test_iterating_yields_what_is_subscribed_to(self, walk_server: Server, encoding: str) -> None:
        async with Client(walk_server.url, encoding=encoding) as client:
            assert client.connection_status == "CONNECTED"
            assert client.offered_symbols == walk_server.source.symbols
            await client.subscribe(["AAPL", "TSLA"], frequency=0)
            got = await messages(client, 5)
            assert all(isinstance(message, MarketData) for message in got)
            assert all([one.symbol for one in message.symbols] == ["AAPL", "TSLA"] for message in got)
            assert [message.sequence for message in got] == list(range(got[0].sequence, got[0].sequence + 5))
            assert client.metrics.messages_lost == 0

    async def test_the_newest_state_is_at_hand(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            assert client.latest("AAPL") is None
            assert client.book("AAPL") is None
            await client.subscribe("AAPL", frequency=0)
            hand_server.publish(market_data(symbol(price=5.0)))
            (message,) = await messages(client, 1)
            assert client.latest("AAPL") == message.symbols[0]
            assert client.book("AAPL").bids(1) == [(4.0, 1.0, 1)]
            assert client.last_message == message
            assert client.is_healthy
            await client.unsubscribe(["AAPL"])
            assert client.latest("AAPL") is None

    async def test_iteration_ends_when_the_client_is_closed(self, hand_server: Server) -> None:
        client = await Client(hand_server.url).connect()
        await client.subscribe(["AAPL"], frequency=0)
        hand_server.publish(market_data(symbol()))
        await client.ping()
        await client.close()
        assert [message.type async for message in client] == ["MARKET_DATA"]
        assert client.connection_status == "DISCONNECTED"
        await client.close()

    async def test_the_oldest_message_makes_room_and_is_counted(self, hand_server: Server) -> None:
        async with Client(hand_server.url, inbox_size=3) as client:
            await client.subscribe(["AAPL"], frequency=0)
            for price in range(1, 6):
                hand_server.publish(market_data(symbol(price=float(price))))
            async with asyncio.timeout(PATIENCE):
                while client.metrics.dropped < 2:
                    await asyncio.sleep(0)
            assert [message.symbols[0].price for message in client.messages()] == [3.0, 4.0, 5.0]
            assert client.metrics.messages_lost == 0

    async def test_the_newest_message_goes_if_the_caller_says_so(self, hand_server: Server) -> None:
        async with Client(hand_server.url, inbox_size=3, drop_policy="newest") as client:
            await client.subscribe(["AAPL"], frequency=0)
            for price in range(1, 6):
                hand_server.publish(market_data(symbol(price=float(price))))
            await until(lambda: client.metrics.dropped == 2)
            assert [message.symbols[0].price for message in client.messages()] == [1.0, 2.0, 3.0]
            assert client.latest("AAPL").price == 5.0

    async def test_a_full_inbox_ends_the_connection_if_the_caller_says_so(self, hand_server: Server) -> None:
        """What was there can still be taken; nothing comes after the hole."""
        async with Client(hand_server.url, inbox_size=3, drop_policy="disconnect") as client:
            await client.subscribe(["AAPL"], frequency=0)
            for price in range(1, 6):
                hand_server.publish(market_data(symbol(price=float(price))))
            await within(client.wait_closed())
            assert [message.symbols[0].price async for message in client] == [1.0, 2.0, 3.0]
            assert client.metrics.dropped == 1
            assert (client.connection_status, client.metrics.reconnection_count) == ("ERROR", 0)
            (told,) = client.debug_log.logs("WARN")
            assert "inbox is full" in told.message

    async def test_batches_have_every_message_in_order(self, walk_server: Server) -> None:
        """By iteration, and by callback for whoever wants both."""
        async with Client(walk_server.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            called: list[Message] = []
            end = client.on_batch(called.extend, size=7)
            first = client.last_message
            got: list[Message] = []
            async with asyncio.timeout(PATIENCE):
                async for batch in client.batches(size=5, delay=0.001):
                    assert 1 <= len(batch) <= 5
                    got += batch
                    if len(got) > 40:
                        break
            end()
            sequences = [message.sequence for message in got]
            assert sequences == list(range(sequences[0], sequences[0] + len(got)))
            streamed = [message for message in called if message is not first]
            assert [message.sequence for message in streamed][:30] == [
                message.sequence for message in got if message.sequence >= streamed[0].sequence
            ][:30]

    async def test_the_history_keeps_what_has_been_taken(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            hand_server.publish(market_data(symbol(price=5.0)))
            (message,) = await messages(client, 1)
            assert client.history.by_type("MARKET_DATA") == [message]
            assert client.history.recent(1) == [message]

    async def test_a_callback_that_fails_does_not_end_the_stream(
        self, hand_server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Client(hand_server.url) as client:
            client.on("message", lambda message: 1 / 0)
            await client.subscribe(["AAPL"], frequency=0)
            hand_server.publish(market_data(symbol()))
            assert len(await messages(client, 1)) == 1
        assert "ZeroDivisionError" in caplog.text

    async def test_the_time_in_callbacks_is_the_handlers(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            assert client.metrics.latency["handler"].count == 0
            client.on("message", lambda message: None)
            hand_server.publish(market_data(symbol()))
            await messages(client, 1)
            assert client.metrics.latency["handler"].count == 1

    async def test_without_metrics_nothing_is_measured(self, hand_server: Server) -> None:
        async with Client(hand_server.url, enable_performance_metrics=False) as client:
            client.on("message", lambda message: None)
            await client.subscribe(["AAPL"], frequency=0)
            hand_server.publish(market_data(symbol()))
            await messages(client, 1)
            assert [histogram.count for histogram in client.metrics.latency.values()] == [0, 0, 0, 0]

    async def test_a_clock_that_is_ahead_is_reckoned_with(self) -> None:
        """A server an hour ahead: its PONG tells, and the network's latency is not minus an hour."""
        async with scripted() as script, Client(script.url) as client:
            script.answers["PING"] = lambda request: [
                {
                    "type": "PONG",
                    "pingTimestamp": request["timestamp"],
                    "receivedAt": request["timestamp"] + 3.6e6,
                    "timestamp": request["timestamp"] + 3.6e6,
                }
            ]
            await client.ping()
            assert client.metrics.clock_offset == pytest.approx(3600e9, abs=10e9)
            await script.say(type="MARKET_DATA", timestamp=time.time() * 1000 + 3.6e6, symbols=[])
            await messages(client, 1)
            assert 1 <= client.metrics.latency["network"].summary()["max"] < 60e9

    async def test_latency_is_measured(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            for _ in range(10):
                hand_server.publish(market_data(symbol()))
            await messages(client, 10)
            network = client.metrics.latency["network"]
            assert network.count == 10
            summary = network.summary()
            assert 0 < summary["min"] <= summary["p50"] <= summary["p99"] <= summary["max"] < 10**10
            assert client.metrics.latency["queue"].count == client.metrics.latency["feed"].count == 10
            assert client.metrics.average_latency == network.mean / 1e9
            assert client.metrics.connection_uptime > 0
            edges, counts = network.bars()
            assert sum(counts) == 10
            assert len(edges) == len(counts) + 1


class TestRequests:
    @pytest.mark.parametrize(
        ("symbols", "options", "error", "says"),
        [
            (["APPL"], {}, SubscriptionFailed, "APPL"),
            (["AAPL"], {"data_types": ["LEVEL3"]}, SubscriptionFailed, "LEVEL3"),
            (["A B "], {}, SubscriptionFailed, "is not a symbol"),
            (["AAPL"], {"frequency": -5}, SubscriptionFailed, "frequency"),
        ],
    )
    async def test_what_the_server_refuses_is_raised(
        self, walk_server: Server, symbols: list[str], options: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        async with Client(walk_server.url) as client:
            with pytest.raises(error, match=says):
                await client.subscribe(symbols, **options)
            assert client.symbols == []
            await client.subscribe(["AAPL"])

    async def test_no_server_is_said_in_a_sentence(self) -> None:
        server = await Server(port=0).start()
        await server.stop()
        client = Client(server.url)
        with pytest.raises(ConnectionFailed, match=f"cannot connect to {server.url}"):
            await client.connect()
        assert client.connection_status == "ERROR"

    @pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:8081", "nonsense"])
    async def test_no_address_is_said_in_a_sentence(self, url: str) -> None:
        with pytest.raises(ConnectionFailed, match="not a WebSocket address"):
            await Client(url).connect()

    async def test_requests_without_a_connection_fail(self, hand_server: Server) -> None:
        client = Client(hand_server.url)
        with pytest.raises(NetworkError, match="not connected"):
            await client.subscribe(["AAPL"])

    async def test_an_unknown_event_or_encoding_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="unknown event 'mesage'"):
            Client("ws://x").on("mesage", print)
        with pytest.raises(ValueError, match="unknown encoding 'xml'"):
            Client("ws://x", encoding="xml")
        with pytest.raises(ValueError, match="unknown drop policy 'all'"):
            Client("ws://x", drop_policy="all")


class TestSubscriptions:
    async def test_they_are_told_by_symbol_and_by_channel(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            assert (client.subscriptions, client.channels) == ({}, [])
            await client.subscribe(["MSFT", "AAPL"], data_types=["QUOTES", "TRADES"], frequency=0)
            await client.subscribe(["AAPL"], data_types=["BOOK_DELTA"])
            assert client.subscriptions == {"MSFT": ["QUOTES", "TRADES"], "AAPL": ["BOOK_DELTA", "QUOTES", "TRADES"]}
            assert [(info.symbols, info.data_types) for info in client.channels] == [
                (["AAPL", "MSFT"], ["QUOTES", "TRADES"]),
                (["AAPL"], ["BOOK_DELTA"]),
            ]
            await client.unsubscribe(["MSFT"])
            assert list(client.subscriptions) == ["AAPL"]


class TestLifecycle:
    async def test_a_client_shows_its_address_state_and_symbols(self, walk_server: Server) -> None:
        async with Client(walk_server.url) as client:
            await client.subscribe(["AAPL"])
            assert repr(client) == f"Client({walk_server.url!r}, connected, symbols: 1)"
        assert repr(client) == f"Client({walk_server.url!r}, disconnected, symbols: 1)"

    async def test_states_and_events_of_a_connection_that_is_lost_and_found(self, hand_server: Server) -> None:
        """The document's six states but ERROR, in order, and subscriptions that come back by themselves."""
        seen: list[str] = []
        async with ChaosProxy(hand_server.port) as proxy:
            client = Client(proxy.url, reconnect_interval=0.01)
            for event in ("connecting", "connected", "disconnected", "reconnecting", "error"):
                client.on(event, lambda *_, event=event: seen.append(f"{event} {client.connection_status}"))
            await client.connect()
            await client.subscribe(["AAPL"], frequency=0)
            proxy.cut()
            await reached(client, "connected")
            await client.ping()
            hand_server.publish(market_data(symbol(price=9.0)))
            (message,) = await messages(client, 1)
            assert message.symbols[0].price == 9.0
            await client.close()
        assert seen == [
            "connecting CONNECTING",
            "connected CONNECTED",
            "disconnected DISCONNECTED",
            "reconnecting RECONNECTING",
            "connected CONNECTED",
            "disconnected DISCONNECTED",
        ]
        assert client.metrics.reconnection_count == 1

    async def test_a_server_that_comes_back_is_found(self) -> None:
        first = await Server(port=0).start()
        async with Client(first.url, reconnect_interval=0.01) as client:
            await client.subscribe(["AAPL"], frequency=0)
            await first.stop()
            await reached(client, "error")
            async with Server(port=first.port) as second:
                await reached(client, "connected")
                await client.ping()
                second.publish(market_data(symbol()))
                got = await messages(client, 2)
                assert [message.type for message in got] == ["SERVER_SHUTDOWN", "MARKET_DATA"]

    async def test_giving_up_is_an_error_and_ends_the_iteration(self) -> None:
        server = await Server(port=0).start()
        client = await Client(server.url, reconnect_interval=0.001, max_reconnect_attempts=3).connect()
        attempts: list[int] = []
        client.on("reconnecting", attempts.append)
        await server.stop()
        async with asyncio.timeout(PATIENCE):
            assert [message.type async for message in client] == ["SERVER_SHUTDOWN"]
        assert attempts == [1, 2, 3]
        assert client.connection_status == "ERROR"
        await client.close()

    async def test_without_reconnection_the_iteration_ends_at_once(self) -> None:
        server = await Server(port=0).start()
        client = await Client(server.url, auto_reconnect=False).connect()
        await server.stop()
        async with asyncio.timeout(PATIENCE):
            assert [message.type async for message in client] == ["SERVER_SHUTDOWN"]
        assert client.connection_status == "DISCONNECTED"
        await client.close()

    async def test_books_are_stale_while_there_is_no_connection(self) -> None:
        server = await Server(port=0).start()
        async with Client(server.url, reconnect_interval=0.01) as client:
            await client.subscribe(["AAPL"], frequency=0)
            server.publish(market_data(symbol()))
            await messages(client, 1)
            assert not client.book("AAPL").stale
            await server.stop()
            await reached(client, "reconnecting")
            assert client.book("AAPL").stale
            assert not client.is_healthy

    async def test_a_silent_server_is_left(self) -> None:
        """Three missed heartbeats end a connection on which nothing is heard, and a new one is made."""
        opened: list[ServerConnection] = []

        async def silent(connection: ServerConnection) -> None:
            opened.append(connection)
            await connection.send(json.dumps({"type": "ACK", "timestamp": 1, "message": "welcome"}))
            await connection.wait_closed()

        async with serve(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Client(f"ws://127.0.0.1:{port}", heartbeat_interval=0.02, reconnect_interval=0.01) as client:
                reason = await reached(client, "disconnected")
                assert reason
                await reached(client, "connected")
                assert len(opened) >= 2


class TestForeignServers:
    async def test_lost_messages_are_counted_and_bad_ones_survived(self) -> None:
        """A server that skips sequences and sends rubbish in between."""

        async def talk(connection: ServerConnection) -> None:
            one = market_data(symbol(), channel=4, sequence=1)
            from hftlab.protocol import encode

            good = json.loads(encode(one))
            for frame in (good, "rubbish", {"type": "NEWS"}, good | {"sequence": 5}):
                await connection.send(json.dumps(frame))
            await connection.wait_closed()

        async with serve(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            losses: list[Loss] = []
            client = Client(f"ws://127.0.0.1:{port}")
            client.on("loss", losses.append)
            async with client:
                got = await messages(client, 2)
            assert [message.sequence for message in got] == [1, 5]
            assert losses == [Loss(4, 2, 4, "lost")]
            assert (client.metrics.gaps, client.metrics.messages_lost, client.metrics.error_count) == (1, 3, 2)
