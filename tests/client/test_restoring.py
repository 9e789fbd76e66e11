"""What a new connection asks for, against servers that do not have all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import SubscriptionFailed
from hftlab.protocol import MarketData, Message, Subscribe
from hftlab.server import Server
from hftlab.simulator import RandomWalk
from hftlab.testing import FakeClient, Step, refuse, virtual_time
from tests.client.servers import PATIENCE, until


def without(*unknown: str) -> Callable[[Subscribe], list[Step]]:
    """Grants subscriptions that name none of these, as our server does."""

    def answer(request: Subscribe) -> list[Step]:
        missing = [symbol for symbol in request.symbols if symbol in unknown]
        return [refuse("SUBSCRIPTION_FAILED", context={"field": "symbols", "unknown": missing})] if missing else []

    return answer


def asked(client: FakeClient) -> list[list[str]]:
    return [request.symbols for request in client.script.received_of(Subscribe)]


async def connect_anew(client: FakeClient) -> None:
    before = client.metrics.reconnection_count
    await client.simulate_error()
    await client.advance(1)
    assert client.metrics.reconnection_count == before + 1


@virtual_time
async def test_symbols_that_are_gone_do_not_take_the_others_with_them() -> None:
    """They are told, and stay wanted: the next connection asks for them again."""
    async with FakeClient() as client:
        errors: list[Exception] = []
        client.on("error", errors.append)
        await client.subscribe(["AAPL", "MSFT", "TSLA"])
        client.script.when("SUBSCRIBE", without("MSFT"))
        await connect_anew(client)
        assert asked(client)[1:] == [["AAPL", "MSFT", "TSLA"], ["AAPL", "TSLA"]]
        assert [type(error) for error in errors] == [SubscriptionFailed]
        assert client.symbols == ["AAPL", "MSFT", "TSLA"]
        client.script.when("SUBSCRIBE")
        await connect_anew(client)
        assert asked(client)[3:] == [["AAPL", "MSFT", "TSLA"]]
        assert len(errors) == 1


@virtual_time
async def test_a_server_that_has_none_of_them_is_connected_to() -> None:
    async with FakeClient() as client:
        await client.subscribe(["AAPL", "MSFT"])
        client.script.when("SUBSCRIBE", without("AAPL", "MSFT"))
        await connect_anew(client)
        assert asked(client)[1:] == [["AAPL", "MSFT"]]


@pytest.mark.parametrize("context", [None, {}, {"unknown": "MSFT"}, {"unknown": [7]}, {"unknown": ["IBM"]}])
@virtual_time
async def test_a_refusal_that_does_not_say_what_is_unknown_is_taken_as_it_is(context: Any) -> None:
    async with FakeClient() as client:
        await client.subscribe(["AAPL"])
        client.script.when("SUBSCRIBE", refuse("SUBSCRIPTION_FAILED", context=context))
        await connect_anew(client)
        assert len(client.sent) == 2


@virtual_time
async def test_what_was_unknown_is_asked_for_again_once_it_has_been_subscribed_to() -> None:
    """A hole makes the client ask again for what its channel carries."""
    channel = {"channel": 1, "dataTypes": ["QUOTES"], "frequency": 0, "slowConsumer": "CONFLATE", "sequence": 0}
    terms: dict[str, Any] = {"data_types": ["QUOTES"], "frequency": 0}
    async with FakeClient() as client:
        await client.subscribe(["MSFT"], **terms)
        client.script.when("SUBSCRIBE", without("MSFT"))
        await connect_anew(client)
        granted = {"type": "ACK", "message": "ok", "channels": [channel | {"symbols": ["MSFT"]}]}
        client.script.when("SUBSCRIBE", granted)
        await client.subscribe(["MSFT"], **terms)
        before = len(client.sent)
        for sequence in (1, 3):
            await client.simulate_message({"type": "MARKET_DATA", "channel": 1, "sequence": sequence, "symbols": []})
        assert asked(client)[before:] == [["MSFT"]]


async def test_our_server_come_back_with_fewer_symbols_streams_those_it_has() -> None:
    class Fewer(RandomWalk):
        symbols = property(lambda self: ["AAPL"])  # type: ignore[assignment]

        def advance(self, until: int) -> list[Message]:
            messages = super().advance(until)
            for message in messages:
                assert isinstance(message, MarketData)
                message.symbols = [symbol for symbol in message.symbols if symbol.symbol == "AAPL"]
            return messages

    first = await Server(RandomWalk(7), port=0).start()
    async with Client(first.url, reconnect_interval=0.01, max_reconnect_attempts=None) as client:
        await client.subscribe(["AAPL", "MSFT"], frequency=0)
        await first.stop()
        await until(lambda: client.connection_status != "CONNECTED")
        client.messages()
        async with Server(Fewer(7), port=first.port):
            await client.wait_connected(PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while (message := await client.next_message()) is not None and not isinstance(message, MarketData):
                    pass
            assert [symbol.symbol for symbol in message.symbols] == ["AAPL"]
            assert client.symbols == ["AAPL", "MSFT"]
