"""What the recovery table does to a running client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hftlab.errors import ConnectionFailed, NetworkError, RateLimitExceeded
from hftlab.protocol import CancelOrder, Heartbeat, NewOrder
from hftlab.testing import Close, FakeClient, Script, Step, refuse, virtual_time

ORDER: dict[str, Any] = {"symbol": "AAPL", "side": "BUY", "order_type": "LIMIT", "quantity": 1.0, "price": 9.0}


LIMITED: dict[str, Any] = refuse("RATE_LIMIT_EXCEEDED", retryAfter=20)


class TestRateLimit:
    @virtual_time
    async def test_the_refused_request_is_raised_and_the_next_one_waits(self) -> None:
        async with FakeClient() as client:
            client.script.once("SUBSCRIBE", LIMITED)
            with pytest.raises(RateLimitExceeded) as raised:
                await client.subscribe(["AAPL"])
            assert raised.value.retry_after == 20
            assert client.symbols == []
            waiting = asyncio.create_task(client.subscribe(["AAPL"]))
            await client.send_message(Heartbeat(timestamp=1.0))
            await client.advance(19.9)
            assert client.script.types == ["SUBSCRIBE", "HEARTBEAT"]
            await client.advance(0.1)
            assert client.script.types == ["SUBSCRIBE", "HEARTBEAT", "SUBSCRIBE"]
            await waiting
            assert client.symbols == ["AAPL"]

    @virtual_time
    async def test_orders_are_refused_meanwhile_and_cancellations_sent(self) -> None:
        """Held back they would be late; the document's pause is a minute."""
        async with FakeClient() as client:
            client.script.when("SUBSCRIBE", refuse("RATE_LIMIT_EXCEEDED"))
            with pytest.raises(RateLimitExceeded):
                await client.subscribe(["AAPL"])
            with pytest.raises(RateLimitExceeded) as raised:
                await client.send_message(NewOrder(timestamp=1.0, client_order_id="1", **ORDER))
            assert raised.value.retry_after == pytest.approx(60, abs=0.01)
            await client.send_message(CancelOrder(timestamp=1.0, client_order_id="1"))
            assert client.script.types == ["SUBSCRIBE", "CANCEL_ORDER"]

    @virtual_time
    async def test_subscriptions_are_restored_after_the_pause(self) -> None:
        async with FakeClient(heartbeat_interval=1000.0) as client:
            await client.subscribe(["AAPL"])
            for _ in range(3):
                client.script.once("SUBSCRIBE", LIMITED)
            await client.simulate_error()
            await client.advance(59)
            assert len(client.sent) == 4
            await client.advance(1.1)
            assert client.script.types == ["SUBSCRIBE"] * 5
            assert client.metrics.error_count == 4  # and the loss of the connection


class TestReconnection:
    @virtual_time
    async def test_a_first_connection_that_ends_at_once_is_a_failure(self) -> None:
        client = FakeClient(TurnedAway())
        with pytest.raises(ConnectionFailed, match="1008 not you"):
            await client.connect()
        assert client.connection_status == "ERROR"

    @virtual_time
    async def test_a_client_that_is_turned_away_gives_up(self) -> None:
        """Connections that are taken and closed before they are of use count as failed tries."""
        async with FakeClient(max_reconnect_attempts=4) as client:
            attempts: list[int] = []
            client.on("reconnecting", attempts.append)
            client.script = TurnedAway()
            await client.simulate_close(1008, "not you")
            await client.wait_closed()
            assert client.connection_status == "ERROR"
            assert attempts == [1, 2, 3, 4]

    @virtual_time
    async def test_the_log_tells_the_story(self) -> None:
        async with FakeClient() as client:
            await client.simulate_error()
            told = [log.message for log in client.debug_log.logs("INFO")]
            assert told == ["CONNECTING", "CONNECTED", "DISCONNECTED", "RECONNECTING", "CONNECTED"]

    @virtual_time
    async def test_after_the_end_requests_fail(self) -> None:
        async with FakeClient(auto_reconnect=False) as client:
            await client.simulate_error()
            with pytest.raises(NetworkError, match="not connected"):
                await client.subscribe(["AAPL"])
            assert client.metrics.connection_uptime == 0.0


class TurnedAway(Script):
    """Closes each connection before it is of use."""

    def greet(self) -> list[Step]:
        return [Close(1008, "not you")]
