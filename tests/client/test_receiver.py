"""What happens to each message on its way to taps, history, inbox and callbacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.client.history import MessageHistory
from hftlab.protocol import decode
from hftlab.server import Server
from hftlab.source import Timed
from tests.client.servers import scripted, until, within
from tests.protocol.conftest import market_data, symbol


async def test_a_tap_gets_the_bytes_that_came() -> None:
    """Also where they would be encoded differently here, and of a message in pieces."""
    odd = b'{ "type" : "MARKET_DATA", "timestamp": 1e3, "symbols": [], "news": "\\u00e9" }'
    async with scripted() as script, Client(script.url) as client:
        seen: list[Timed[Any]] = []
        client.taps.append(seen.append)
        await script.connections[0].send(odd.decode())
        await script.connections[0].send([odd[:9].decode(), odd[9:].decode()])
        await within(client.gather(2))
        assert [item.payload for item in seen] == [odd, odd]
        assert all(decode(item.payload or b"") == item.message for item in seen)


async def test_messagepack_is_handed_on_as_json(hand_server: Server) -> None:
    async with Client(hand_server.url, encoding="msgpack") as client:
        seen: list[Timed[Any]] = []
        await client.subscribe(["AAPL"], frequency=0)
        client.taps.append(seen.append)
        hand_server.publish(market_data(symbol()))
        (message,) = await within(client.gather(1))
        assert [(item.message, decode(item.payload or b"")) for item in seen] == [(message, message)]


async def test_a_tap_that_fails_is_blamed_and_the_message_goes_on() -> None:
    async with scripted() as script, Client(script.url) as client:
        errors: list[Exception] = []
        client.on("error", errors.append)
        client.taps.append(lambda item: 1 / 0)
        await script.say(type="MARKET_DATA", symbols=[])
        assert (await within(client.next_message())).type == "MARKET_DATA"
        assert "ZeroDivisionError" in str(errors[0])


async def test_a_tap_may_remove_itself() -> None:
    async with scripted() as script, Client(script.url) as client:
        seen: list[str] = []

        def once(item: Timed[Any]) -> None:
            seen.append(item.message.type)
            client.taps.remove(once)

        client.taps.append(once)
        for _ in range(2):
            await script.say(type="MARKET_DATA", symbols=[])
        await within(client.gather(2))
        assert seen == ["MARKET_DATA"]


async def test_replies_are_in_the_history_and_not_in_the_inbox() -> None:
    async with scripted() as script, Client(script.url) as client:
        await client.subscribe(["AAPL"])
        assert client.messages() == []
        assert [message.type for message in client.history.recent()] == ["ACK", "ACK"]
        assert client.last_message is client.history.recent(1)[0]


@pytest.mark.parametrize("kind", ["MARKET_DATA", "SERVER_SHUTDOWN"])
async def test_a_message_reaches_everyone(kind: str) -> None:
    """Callbacks, the inbox, the history."""
    more: dict[str, Any] = {"symbols": []} if kind == "MARKET_DATA" else {"message": "x"}
    async with scripted() as script, Client(script.url) as client:
        called: list[Any] = []
        client.on("message", called.append)
        await script.say(type=kind, **more)
        await until(lambda: bool(called))
        assert client.messages() == called == client.history.by_type(kind)
        assert json.loads(json.dumps(called[0].type)) == kind
        assert isinstance(client.history, MessageHistory)
