"""What the recovery table does to a running client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hftlab.client import Client
from hftlab.errors import ConnectionFailed, NetworkError, RateLimitExceeded
from hftlab.protocol import CancelOrder, Heartbeat, NewOrder
from tests.client.servers import WELCOME, acknowledge, refuse, scripted, until, within

ORDER: dict[str, Any] = {"symbol": "AAPL", "side": "BUY", "order_type": "LIMIT", "quantity": 1.0, "price": 9.0}


def limited(times: int, retry_after: float = 0.01) -> Any:
    """RATE_LIMIT_EXCEEDED so many times, then as it should be."""
    refusals = iter([retry_after] * times)

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        wait = next(refusals, None)
        return acknowledge(request) if wait is None else refuse("RATE_LIMIT_EXCEEDED", retryAfter=wait)(request)

    return answer


class TestRateLimit:
    async def test_the_refused_request_is_raised_and_the_next_one_waits(self) -> None:
        async with scripted() as script, Client(script.url) as client:
            script.answers["SUBSCRIBE"] = limited(1)
            with pytest.raises(RateLimitExceeded) as raised:
                await client.subscribe(["AAPL"])
            assert raised.value.retry_after == 0.01
            assert client.symbols == []
            waiting = asyncio.create_task(client.subscribe(["AAPL"]))
            await client.send_message(Heartbeat(timestamp=1.0))
            await within(waiting)
            assert script.types() == ["SUBSCRIBE", "HEARTBEAT", "SUBSCRIBE"]
            assert client.symbols == ["AAPL"]

    async def test_orders_are_refused_meanwhile_and_cancellations_sent(self) -> None:
        """Held back they would be late; the document's pause is a minute."""
        async with scripted() as script, Client(script.url) as client:
            script.answers["SUBSCRIBE"] = refuse("RATE_LIMIT_EXCEEDED")
            with pytest.raises(RateLimitExceeded):
                await client.subscribe(["AAPL"])
            with pytest.raises(RateLimitExceeded) as raised:
                await client.send_message(NewOrder(timestamp=1.0, client_order_id="1", **ORDER))
            assert 50 < raised.value.retry_after <= 60
            await client.send_message(CancelOrder(timestamp=1.0, client_order_id="1"))
            await until(lambda: script.types() == ["SUBSCRIBE", "CANCEL_ORDER"])

    async def test_subscriptions_are_restored_after_the_pause(self) -> None:
        async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
            await client.subscribe(["AAPL"])
            script.answers["SUBSCRIBE"] = limited(3)
            script.connections[0].transport.abort()
            await until(lambda: len(script.requests) == 5)
            assert script.types() == ["SUBSCRIBE"] * 5
            assert client.metrics.error_count == 4  # and the loss of the connection


class TestReconnection:
    async def test_a_first_connection_that_ends_at_once_is_a_failure(self) -> None:
        async def turn_away(connection: ServerConnection) -> None:
            await connection.close(1008, "not you")

        async with serve(turn_away, "127.0.0.1", 0) as server:
            client = Client(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            with pytest.raises(ConnectionFailed, match="1008 not you"):
                await client.connect()
            assert client.connection_status == "ERROR"

    async def test_a_client_that_is_turned_away_gives_up(self) -> None:
        """Connections that are taken and closed before they are of use count as failed tries."""
        let_in = True

        async def talk(connection: ServerConnection) -> None:
            if let_in:
                await connection.send(json.dumps(WELCOME | {"timestamp": 1000.0}))
                await connection.recv()
            await connection.close(1008, "not you")

        async with serve(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Client(url, reconnect_interval=0.001, max_reconnect_attempts=4) as client:
                attempts: list[int] = []
                client.on("reconnecting", attempts.append)
                let_in = False
                await client.send_message(Heartbeat(timestamp=1.0))
                await within(client.wait_closed())
            assert client.connection_status == "ERROR"
            assert attempts[-1] == 4

    async def test_the_log_tells_the_story(self) -> None:
        async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
            script.connections[0].transport.abort()
            await until(lambda: client.metrics.reconnection_count == 1)
            told = [log.message for log in client.debug_log.logs("INFO")]
            assert told == ["CONNECTING", "CONNECTED", "DISCONNECTED", "RECONNECTING", "CONNECTED"]

    async def test_after_the_end_requests_fail(self) -> None:
        async with scripted() as script, Client(script.url, auto_reconnect=False) as client:
            script.connections[0].transport.abort()
            await within(client.wait_closed())
            with pytest.raises(NetworkError, match="not connected"):
                await client.subscribe(["AAPL"])
            assert client.metrics.connection_uptime == 0.0
