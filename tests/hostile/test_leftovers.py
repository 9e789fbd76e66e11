"""What connections leave behind when they are gone: nothing."""

from __future__ import annotations

import json

from websockets.asyncio.client import connect

from hftlab.protocol import DataType
from tests.hostile.conftest import Scene
from tests.server.conversation import request, settled, subscribe

CONNECTIONS, EACH = 20, 500


def kept(server: object) -> int:
    """How many things of any kind the publisher and the desk hold."""
    parts = [*vars(server._publisher).values(), *vars(server._desk).values()]
    return sum(len(part) for part in parts if isinstance(part, dict | list))


async def test_symbols_that_nobody_has(scene: Scene) -> None:
    """Who subscribes to made-up names, and unsubscribes or goes, costs nothing afterwards."""
    before = kept(scene.server)
    for number in range(CONNECTIONS):
        async with connect(scene.server.url) as connection:
            names = [f"X{number}.{each}" for each in range(EACH)]
            assert (await subscribe(connection, *names, dataTypes=list(DataType)))["type"] == "ACK"
            if number % 2:
                await request(connection, type="UNSUBSCRIBE", symbols=names)
    await settled(lambda: scene.server.stats()["connections"] == 1)
    assert scene.server.stats()["channels"] == 1
    assert kept(scene.server) == before


async def test_a_subscription_asked_for_again_and_again(scene: Scene) -> None:
    """Each request replaces the one before: one connection has as many channels as it has wishes."""
    async with connect(scene.server.url, max_queue=None) as connection:
        for frequency in range(500):
            body = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["Z"], "frequency": frequency}
            await connection.send(json.dumps(body))
        await request(connection, type="PING")
        assert scene.server.stats()["channels"] == 2
