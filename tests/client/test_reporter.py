"""Who is told of what: callbacks that fail, errors that are counted once, states."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hftlab.client import Client
from hftlab.client.metrics import Metrics
from hftlab.client.reporter import Reporter
from hftlab.errors import ArgumentTypeError, CallbackFailed, ConnectionFailed, HftlabError, NetworkError, WireError
from hftlab.protocol import Heartbeat, Message
from hftlab.server import Server
from hftlab.transport.recovery import ErrorRecovery
from tests.client.servers import scripted, until, within
from tests.protocol.conftest import market_data, symbol

BEAT = Heartbeat(timestamp=1.0)


def reporter() -> tuple[Reporter, Metrics]:
    metrics = Metrics()
    return Reporter("ws://test", metrics, ErrorRecovery(), measures=False), metrics


def fail(*_: object) -> None:
    raise ZeroDivisionError("by nought")


def cancel(*_: object) -> None:
    raise asyncio.CancelledError


class TestCallbacks:
    @pytest.mark.parametrize(("callback", "kind"), [(fail, ZeroDivisionError), (cancel, asyncio.CancelledError)])
    def test_one_that_raises_is_counted_and_told(self, callback: Any, kind: type[BaseException]) -> None:
        (here, metrics), errors, after = reporter(), list[HftlabError](), list[Message]()
        here.on("error", errors.append)
        here.on("message", callback)
        here.on("message", after.append)
        here.message(BEAT)
        (error,) = errors
        assert isinstance(error, CallbackFailed)
        assert isinstance(error.__cause__, kind)
        assert (error.event, error.callback, error.failures) == ("message", callback.__qualname__, 1)
        (log,) = here.log.logs("ERROR")
        assert log.message == str(error)
        assert f"in {callback.__name__}" in str(log.stack)
        assert metrics.error_count == 1
        assert after == [BEAT]

    def test_one_that_fails_again_and_again_is_told_less_and_less(self) -> None:
        (here, metrics), errors = reporter(), list[HftlabError]()
        here.on("error", errors.append)
        here.on("message", fail)
        for _ in range(1000):
            here.message(BEAT)
        assert [error.failures for error in errors] == [2**power for power in range(10)]
        assert len(here.log.logs("ERROR")) == 10
        assert metrics.error_count == 1000

    def test_one_that_fails_at_being_told_is_not_told_again(self) -> None:
        here, metrics = reporter()
        here.on("error", fail)
        here.on("message", fail)
        here.message(BEAT)
        assert metrics.error_count == 2
        assert ["'message'" in log.message for log in here.log.logs("ERROR")] == [True, False]

    def test_a_coroutine_function_is_refused(self) -> None:
        async def handle(message: Message) -> None:
            pass

        class Handler:
            async def __call__(self, message: Message) -> None:
                pass

        for callback in (handle, Handler(), functools.partial(handle)):
            with pytest.raises(TypeError, match="coroutine function"):
                reporter()[0].on("message", callback)

    @pytest.mark.parametrize("callback", [None, "print", 3])
    def test_what_cannot_be_called_is_refused(self, callback: Any) -> None:
        with pytest.raises(ArgumentTypeError, match="the callback for 'message' is a function"):
            reporter()[0].on("message", callback)

    def test_what_returns_a_coroutine_is_told(self) -> None:
        async def handle(message: Message) -> None:
            pass

        here, _ = reporter()
        here.on("message", lambda message: handle(message))
        here.message(BEAT)
        (log,) = here.log.logs("ERROR")
        assert "returned a coroutine" in log.message

    def test_each_registration_is_ended_by_itself_and_ending_it_twice_is_no_error(self) -> None:
        (here, _), got = reporter(), list[Message]()
        first, second = (here.on("message", got.append) for _ in range(2))
        first()
        first()
        here.message(BEAT)
        assert got == [BEAT]
        second()
        here.message(BEAT)
        assert got == [BEAT]


class TestClient:
    @pytest.mark.parametrize("callback", [fail, cancel])
    async def test_a_tap_that_raises_is_told_and_the_stream_goes_on(self, hand_server: Server, callback: Any) -> None:
        async with Client(hand_server.url) as client:
            errors: list[HftlabError] = []
            seen: list[Message] = []
            client.on("error", errors.append)
            client.taps.extend([callback, lambda item: seen.append(item.message)])
            await client.subscribe(["AAPL"], frequency=0)
            for price in (1.0, 2.0):
                hand_server.publish(market_data(symbol(price=price)))
            got = await within(client.gather(2))
            assert [message.symbols[0].price for message in got] == [1.0, 2.0]
            assert seen[-2:] == got
            assert isinstance(errors[0], CallbackFailed)
            assert errors[0].event == "tap"
            assert client.metrics.error_count == 3  # the reply to SUBSCRIBE is a message too
            assert client.connection_status == "CONNECTED"

    async def test_a_batch_callback_that_raises_is_told_like_any_other(self, hand_server: Server) -> None:
        """By size in the middle of a message, and by delay from the loop."""
        async with Client(hand_server.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            client.on_batch(fail, size=1)
            client.on_batch(fail, size=1000, delay=0.0)
            hand_server.publish(market_data(symbol()))
            await until(lambda: client.metrics.error_count == 2)
            assert "for 'batch' raised ZeroDivisionError" in client.debug_log.logs("ERROR")[0].message
            with pytest.raises(TypeError, match="coroutine function"):
                client.on_batch(client.ping)


class TestCounts:
    """Each error is counted once and told once."""

    async def test_a_connection_that_cannot_be_made(self) -> None:
        client = Client("ws://127.0.0.1:1")
        told: list[tuple[HftlabError, str]] = []
        client.on("error", lambda error: told.append((error, client.connection_status)))
        with pytest.raises(ConnectionFailed) as raised:
            await client.connect()
        assert told == [(raised.value, "ERROR")]
        assert client.metrics.error_count == 1

    async def test_giving_up(self) -> None:
        """The lost connection, two tries, and the end."""
        async with scripted() as script:
            client = Client(script.url, reconnect_interval=0.001, max_reconnect_attempts=2)
            told: list[WireError] = []
            client.on("error", told.append)
            await client.connect()
        await within(client.wait_closed())
        assert [error.wire_type for error in told] == ["CONNECTION_FAILED"] * 3
        assert "gave up" in str(told[-1])
        assert client.metrics.error_count == 4
        assert client.connection_status == "ERROR"
        assert client.debug_log.logs("WARN")[0].data["type"] == "NETWORK_ERROR"  # type: ignore[index]

    async def test_a_full_inbox_that_ends_the_connection(self, hand_server: Server) -> None:
        async with Client(hand_server.url, inbox_size=1, drop_policy="disconnect") as client:
            told: list[HftlabError] = []
            client.on("error", told.append)
            await client.subscribe(["AAPL"], frequency=0)
            for price in (1.0, 2.0):
                hand_server.publish(market_data(symbol(price=price)))
            await within(client.wait_closed())
            (error,) = told
            assert isinstance(error, NetworkError)
            assert "inbox_bytes" in str(error)
            assert client.metrics.error_count == 1

    async def test_a_loss_is_told_by_its_own_event(self) -> None:
        async with scripted() as script, Client(script.url, auto_reconnect=False) as client:
            errors: list[HftlabError] = []
            reasons: list[str] = []
            client.on("error", errors.append)
            client.on("disconnected", reasons.append)
            script.connections[0].transport.abort()
            await within(client.wait_closed())
            assert (errors, len(reasons), client.metrics.error_count) == ([], 1, 1)
            (log,) = client.debug_log.logs("WARN")
            assert log.data is not None
            assert log.data["type"] == "NETWORK_ERROR"


class TestErrorsOfTheServer:
    async def test_they_have_the_documents_fields(self) -> None:
        async with scripted() as script, Client(script.url) as client:
            errors: list[WireError] = []
            client.on("error", errors.append)
            await script.say(type="ERROR", errorType="SERVER_ERROR", message="no", recoverable=False, code=42)
            await until(lambda: bool(errors))
            (error,) = errors
            assert (error.recoverable, error.code, error.timestamp) == (False, 42, 1000.0)

    async def test_a_server_that_does_not_want_a_client_back_is_left_alone(self) -> None:
        connections = 0

        async def talk(connection: ServerConnection) -> None:
            nonlocal connections
            connections += 1
            welcome = {"type": "ACK", "timestamp": 1.0, "message": "welcome"}
            error = {"type": "ERROR", "errorType": "CONNECTION_FAILED", "message": "banned", "timestamp": 1.0}
            await connection.send(json.dumps(welcome))
            await connection.recv()
            await connection.send(json.dumps(error | {"recoverable": False}))
            await connection.wait_closed()

        async with serve(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Client(url, reconnect_interval=0.001) as client:
                told: list[HftlabError] = []
                client.on("error", told.append)
                await client.send_message(BEAT)
                await within(client.wait_closed())
                assert (client.connection_status, str(told[0])) == ("ERROR", "banned")
                assert (connections, client.metrics.error_count) == (1, 1)
