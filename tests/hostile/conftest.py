from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect

from hftlab.server import Rate, Server, ServerLimits
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, receive, subscribe

KEY = b"k" * 64


class Scene:
    """A server under attack, and an innocent client beside it that must get every message."""

    def __init__(self, server: Server) -> None:
        self.server, self.published, self.received = server, 0, 0

    def publish(self) -> None:
        self.published += 1
        self.server.publish(market_data(symbol("A", float(self.published))))


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> object:
    """No exception may end in a log instead of an answer."""
    caplog.set_level(logging.INFO)
    yield
    watched = ("websockets", "asyncio", "hftlab")
    errors = [
        record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else "")
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR and record.name.split(".")[0] in watched
    ]
    assert not errors


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """While an attack runs the innocent client reads; at the end it has the whole stream, in order."""
    limits = ServerLimits(errors=Rate(1e9, 10**9), messages=Rate(1e9, 10**9), subscriptions=Rate(1e9, 10**9))
    async with (
        Server(port=0, key=KEY, limits=limits) as server,
        connect(server.url, max_queue=None) as innocent,
    ):
        await subscribe(innocent, "A", frequency=0)
        scene = Scene(server)
        scene.publish()
        yield scene
        scene.publish()
        async with asyncio.timeout(PATIENCE):
            while scene.received < scene.published:
                assert (await receive(innocent))["sequence"] == scene.received + 1
                scene.received += 1
        assert server.stats()["messages_sent"] >= scene.published
