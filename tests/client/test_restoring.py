"""What a new connection asks for, against servers that do not have all of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import SubscriptionFailed
from hftlab.protocol import MarketData, Message
from hftlab.server import Server
from hftlab.simulator import RandomWalk
from tests.client.servers import PATIENCE, Script, acknowledge, refuse, scripted, until


def without(*unknown: str) -> Any:
    """Acknowledges subscriptions that name none of these, as our server does."""

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        missing = [symbol for symbol in request["symbols"] if symbol in unknown]
        if not missing:
            return acknowledge(request)
        return refuse("SUBSCRIPTION_FAILED", context={"field": "symbols", "unknown": missing})(request)

    return answer


def asked(script: Script) -> list[list[str]]:
    return [request["symbols"] for request in script.requests if request["type"] == "SUBSCRIBE"]


async def test_symbols_that_are_gone_do_not_take_the_others_with_them() -> None:
    """They are told, and stay wanted: the next connection asks for them again."""
    async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
        errors: list[Exception] = []
        client.on("error", errors.append)
        await client.subscribe(["AAPL", "MSFT", "TSLA"])
        script.answers["SUBSCRIBE"] = without("MSFT")
        script.connections[-1].transport.abort()
        await until(lambda: client.metrics.reconnection_count == 1)
        assert asked(script)[1:] == [["AAPL", "MSFT", "TSLA"], ["AAPL", "TSLA"]]
        assert [type(error) for error in errors] == [SubscriptionFailed]
        assert client.symbols == ["AAPL", "MSFT", "TSLA"]
        script.answers["SUBSCRIBE"] = without()
        script.connections[-1].transport.abort()
        await until(lambda: client.metrics.reconnection_count == 2)
        assert asked(script)[3:] == [["AAPL", "MSFT", "TSLA"]]
        assert len(errors) == 1


async def test_a_server_that_has_none_of_them_is_connected_to() -> None:
    async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
        await client.subscribe(["AAPL", "MSFT"])
        script.answers["SUBSCRIBE"] = without("AAPL", "MSFT")
        script.connections[-1].transport.abort()
        await until(lambda: client.metrics.reconnection_count == 1)
        assert asked(script)[1:] == [["AAPL", "MSFT"]]


@pytest.mark.parametrize("context", [None, {}, {"unknown": "MSFT"}, {"unknown": [7]}, {"unknown": ["IBM"]}])
async def test_a_refusal_that_does_not_say_what_is_unknown_is_taken_as_it_is(context: Any) -> None:
    async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
        await client.subscribe(["AAPL"])
        script.answers["SUBSCRIBE"] = refuse("SUBSCRIPTION_FAILED", context=context)
        script.connections[-1].transport.abort()
        await until(lambda: client.metrics.reconnection_count == 1)
        assert len(script.requests) == 2


async def test_what_was_unknown_is_asked_for_again_once_it_has_been_subscribed_to() -> None:
    """A hole makes the client ask again for what its channel carries."""
    channel = {"channel": 1, "dataTypes": ["QUOTES"], "frequency": 0, "slowConsumer": "CONFLATE", "sequence": 0}

    def subscribed(request: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "ACK", "message": "ok", "channels": [channel | {"symbols": request["symbols"]}]}]

    terms: dict[str, Any] = {"data_types": ["QUOTES"], "frequency": 0}
    async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
        await client.subscribe(["MSFT"], **terms)
        script.answers["SUBSCRIBE"] = without("MSFT")
        script.connections[-1].transport.abort()
        await until(lambda: client.metrics.reconnection_count == 1)
        script.answers["SUBSCRIBE"] = subscribed
        await client.wait_connected(PATIENCE)
        await client.subscribe(["MSFT"], **terms)
        before = len(script.requests)
        for sequence in (1, 3):
            await script.say(type="MARKET_DATA", channel=1, sequence=sequence, symbols=[])
        await until(lambda: len(script.requests) > before)
        assert script.requests[-1]["symbols"] == ["MSFT"]


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
