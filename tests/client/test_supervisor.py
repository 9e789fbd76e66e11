"""A client's life: opening, losing, finding again and ending, also in the middle of one another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hftlab.client import Client
from hftlab.errors import ConnectionFailed, HftlabError, NetworkError
from hftlab.protocol import ConnectionState
from tests.client.servers import PATIENCE, WELCOME, Script, scripted, until, within

LIFECYCLE = ("connecting", "connected", "disconnected", "reconnecting", "error")
STILL: dict[str, Any] = {"AUTH": lambda _: []}
"""Answers of a server that says nothing to AUTH."""


def events(client: Client) -> list[str]:
    seen: list[str] = []
    for event in LIFECYCLE:
        client.on(event, lambda *_, event=event: seen.append(event))
    return seen


@asynccontextmanager
async def answering(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(talk, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "hftlab" in task.get_name()]


async def gone(script: Script) -> None:
    """Wait until the server has no connection left."""
    for connection in script.connections:
        await within(connection.wait_closed())


class TestOpening:
    async def test_two_calls_at_once_wait_for_one_connection(self) -> None:
        async with scripted() as script:
            client = Client(script.url)
            await within(asyncio.gather(client.connect(), client.connect(), client.wait_connected()))
            assert client.connection_status == "CONNECTED"
            assert len(script.connections) == 1
            await client.close()

    async def test_a_cancelled_call_leaves_nothing_behind(self) -> None:
        """Cancelled while the server is silent to AUTH, as an interrupt of a notebook's cell does it."""
        async with scripted() as script:
            script.answers |= STILL
            client = Client(script.url, token="t")
            seen = events(client)
            calling = asyncio.create_task(client.connect())
            await until(lambda: script.types == ["AUTH"])
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            assert client.connection_status == "DISCONNECTED"
            assert seen == ["connecting", "disconnected"]
            assert tasks() == []
            await gone(script)
            assert await within(client.next_message()) is None

    async def test_a_call_cancelled_in_the_handshake_leaves_nothing_behind(self) -> None:
        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.read()
            except ConnectionError:
                pass
            finally:
                writer.close()
                left.set()

        left = asyncio.Event()
        async with await asyncio.start_server(read, "127.0.0.1", 0) as silent:
            client = Client(f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.connect()
            assert client.connection_status == "DISCONNECTED"
            assert tasks() == []
            await within(left.wait())

    async def test_who_still_waits_keeps_the_connection(self) -> None:
        async with scripted() as script:
            script.answers |= STILL
            client = Client(script.url, token="t")
            first, second = (asyncio.create_task(client.connect()) for _ in range(2))
            await until(lambda: script.types == ["AUTH"])
            first.cancel()
            await asyncio.wait([first])
            await script.say(type="AUTH_SUCCESS")
            await within(second)
            assert client.connection_status == "CONNECTED"
            assert len(script.connections) == 1
            await client.close()

    @pytest.mark.parametrize("steps", range(1, 12, 3))
    async def test_closing_meanwhile_ends_it(self, steps: int) -> None:
        """Wherever it stands after so many turns of the loop."""
        async with scripted() as script:
            client = Client(script.url)
            calling = asyncio.create_task(client.connect())
            for _ in range(steps):
                await asyncio.sleep(0)
            await within(client.close())
            assert client.connection_status == "DISCONNECTED"
            with pytest.raises(NetworkError, match="has ended"):
                await within(calling)
            assert tasks() == []
            await gone(script)

    async def test_after_a_failure_it_can_be_tried_again(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = lambda _: [{"type": "AUTH_FAILED", "message": "not yet"}]
            client = Client(script.url, token="t")
            with pytest.raises(HftlabError, match="cannot be renewed"):
                await client.connect()
            script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
            await within(client.connect())
            assert client.connection_status == "CONNECTED"
            await client.close()
            await within(client.connect())
            assert client.connection_status == "CONNECTED"
            await client.close()

    async def test_a_failure_is_told_and_counted_once(self) -> None:
        client = Client("ws://127.0.0.1:1")
        seen = events(client)
        with pytest.raises(ConnectionFailed):
            await client.connect()
        assert seen == ["connecting", "error"]
        assert client.metrics.error_count == 1

    @pytest.mark.parametrize("connects", [True, False])
    async def test_without_a_connection_there_is_nothing_to_wait_for(self, connects: bool) -> None:
        client = Client("ws://127.0.0.1:1")
        if connects:
            with pytest.raises(ConnectionFailed):
                await client.connect()
        assert await within(client.next_message()) is None
        assert [message async for message in client] == []
        with pytest.raises(ConnectionFailed if connects else NetworkError):
            await within(client.wait_connected())


class TestReady:
    async def test_connected_is_signed_in_and_restored(self) -> None:
        """So that what is sent at the event is not refused."""
        async with scripted() as script:
            script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
            client = Client(script.url, token="t", reconnect_interval=0.01)
            known: list[list[str]] = []
            client.on("connected", lambda: known.append(script.types))
            await client.connect()
            await client.subscribe(["AAPL"])
            script.received.clear()
            script.connections[0].transport.abort()
            await until(lambda: len(known) == 2)
            assert known == [["AUTH"], ["AUTH", "SUBSCRIBE"]]
            assert client.metrics.reconnection_count == 1
            await client.close()

    async def test_it_is_on_the_way_until_then(self) -> None:
        async with scripted() as script:
            script.answers |= STILL
            client = Client(script.url, token="t")
            calling = asyncio.create_task(client.connect())
            await until(lambda: script.types == ["AUTH"])
            assert client.connection_status == "CONNECTING"
            assert not client.is_healthy
            assert client.metrics.connection_uptime == 0
            await script.say(type="AUTH_SUCCESS")
            await within(calling)
            assert client.is_healthy
            await client.close()

    async def test_the_next_connection_can_be_waited_for(self) -> None:
        async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
            await within(client.wait_connected())
            waits: list[asyncio.Task[None]] = []
            client.on("reconnecting", lambda _: waits.append(asyncio.create_task(client.wait_connected())))
            script.connections[0].transport.abort()
            await until(lambda: bool(waits))
            assert not waits[0].done()
            await within(waits[0])
            assert client.connection_status == "CONNECTED"
            assert len(script.connections) == 2

    async def test_waiting_ends_in_time_and_with_the_client(self) -> None:
        async with scripted() as script:
            script.answers |= STILL
            client = Client(script.url, token="t")
            calling = asyncio.create_task(client.connect())
            await until(lambda: script.types == ["AUTH"])
            with pytest.raises(NetworkError, match=r"after 0\.01 s: it is CONNECTING"):
                await client.wait_connected(0.01)
            waiting = asyncio.create_task(client.wait_connected())
            await asyncio.sleep(0)
            await client.close()
            for task in (calling, waiting):
                with pytest.raises(NetworkError, match=r"call await client.connect\(\)"):
                    await within(task)


class TestReconnecting:
    @pytest.mark.parametrize("how", ["abort", "close"])
    async def test_a_server_that_drops_each_connection_is_given_up(self, how: str) -> None:
        """A connection that does not last is worth no more than a failed try."""
        count = 0

        async def drop(connection: ServerConnection) -> None:
            nonlocal count
            count += 1
            await connection.send(json.dumps(WELCOME | {"timestamp": 1000.0}))
            await connection.send("null")  # what the client does with it comes after it has been welcomed
            await connection.recv()
            connection.transport.abort() if how == "abort" else await connection.close(1001)

        async with answering(drop) as url:
            client = Client(url, reconnect_interval=5.0, max_reconnect_attempts=1)
            client.on("connected", lambda: pings.append(asyncio.create_task(client.ping())))
            pings: list[asyncio.Task[float]] = []
            attempts: list[int] = []
            client.on("reconnecting", attempts.append)
            await client.connect()
            await within(client.wait_closed())
            await asyncio.wait(pings)
            assert all(isinstance(ping.exception(), NetworkError) for ping in pings)
        # At once after the first, and not again.
        assert (count, attempts) == (2, [1])
        assert client.connection_status == "ERROR"

    async def test_what_has_lasted_is_followed_at_once(self) -> None:
        async with (
            scripted() as script,
            Client(script.url, reconnect_interval=0.001, max_reconnect_attempts=1) as client,
        ):
            for lost in range(1, 6):
                await asyncio.sleep(0.002)  # it has to last longer than `reconnect_interval`
                script.connections[-1].transport.abort()
                await until(lambda lost=lost: client.metrics.reconnection_count == lost)
            assert client.connection_status == "CONNECTED"

    async def test_none_is_no_limit_of_attempts(self) -> None:
        async with scripted() as script:
            client = Client(script.url, reconnect_interval=0.0001, max_reconnect_attempts=None)
            await client.connect()
            attempts: list[int] = []
            client.on("reconnecting", attempts.append)
        await until(lambda: len(attempts) > 20)
        assert attempts[:20] == list(range(1, 21))
        await within(client.close())
        assert client.connection_status == "DISCONNECTED"

    async def test_no_attempts_are_none(self) -> None:
        async with scripted() as script:
            client = await Client(script.url, max_reconnect_attempts=0).connect()
            script.connections[0].transport.abort()
            await within(client.wait_closed())
            assert client.connection_status == "ERROR"
            assert len(script.connections) == 1

    async def test_a_connection_that_is_of_no_use_is_no_reconnection(self) -> None:
        """It is a failed try: there is no "connected", and so no "disconnected"."""
        async with scripted() as script:
            script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
            client = await Client(script.url, token="t", reconnect_interval=0.01).connect()
            seen = events(client)
            script.answers["AUTH"] = lambda _: script.connections[-1].transport.abort() or []  # type: ignore[func-returns-value]
            script.connections[0].transport.abort()
            await until(lambda: len(script.connections) > 2)
            script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
            await client.wait_connected(PATIENCE)
            assert seen[:4] == ["disconnected", "reconnecting", "error", "reconnecting"]
            assert (seen[-1], seen.count("connected"), seen.count("disconnected")) == ("connected", 1, 1)
            assert client.metrics.reconnection_count == 1
            await client.close()


class TestEnd:
    @pytest.mark.parametrize("raised", [ValueError("no"), asyncio.CancelledError()])
    async def test_an_error_of_our_own_is_told(self, monkeypatch: pytest.MonkeyPatch, raised: BaseException) -> None:
        async with scripted() as script, Client(script.url) as client:

            def fail(*_: Any) -> None:
                raise raised

            errors: list[Exception] = []
            client.on("error", errors.append)
            monkeypatch.setattr(client.history, "add", fail)
            await script.say(type="ACK", message="x")
            assert await within(client.next_message()) is None
            assert client.connection_status == ConnectionState.ERROR
            assert not client.is_healthy
            (error,) = errors
            assert type(raised).__name__ in str(error)
            with pytest.raises(NetworkError, match="not connected"):
                await client.subscribe(["AAPL"])

    async def test_a_cancelled_close_is_cancelled_and_closes(self) -> None:
        async with scripted() as script:
            client = await Client(script.url).connect()
            closing = asyncio.create_task(client.close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait([closing])
            assert closing.cancelled()
            await within(client.wait_closed())
            assert client.connection_status == "DISCONNECTED"

    async def test_closing_while_it_waits_for_the_next_try(self) -> None:
        async with scripted() as script:
            client = await Client(script.url, reconnect_interval=30.0).connect()
            seen = events(client)
        await until(lambda: seen.count("reconnecting") > 1)
        await within(client.close())
        assert client.connection_status == "DISCONNECTED"
        assert seen[-1] == "disconnected"
        assert tasks() == []
