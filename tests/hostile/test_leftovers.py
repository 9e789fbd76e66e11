"""What connections leave behind when they are gone: nothing."""

from __future__ import annotations

import gc
import json

from websockets.asyncio.client import connect

from hftlab.protocol import DataType
from hftlab.protocol.publishing.channel import Channel
from hftlab.protocol.publishing.peer import Peer
from hftlab.protocol.publishing.server_protocol import ServerProtocol
from hftlab.server import Server
from hftlab.server.server_socket import ServerSocket
from hftlab.simulator import Exchange
from tests.hostile.conftest import Scene
from tests.server.conversation import request, settled, subscribe
from tests.server.traders import trader

CONNECTIONS, EACH = 20, 500


def kept() -> int:
    """How many channels, peers, sockets and protocols there are in this process."""
    gc.collect()
    return sum(isinstance(one, Channel | Peer | ServerSocket | ServerProtocol) for one in gc.get_objects())


async def test_symbols_that_nobody_has(scene: Scene) -> None:
    """Who subscribes to made-up names, and unsubscribes or goes, costs nothing afterwards."""
    before = kept()
    for number in range(CONNECTIONS):
        async with connect(scene.server.url) as connection:
            names = [f"X{number}.{each}" for each in range(EACH)]
            assert (await subscribe(connection, *names, dataTypes=list(DataType)))["type"] == "ACK"
            if number % 2:
                await request(connection, type="UNSUBSCRIBE", symbols=names)
    await settled(lambda: scene.server.stats()["connections"] == 1)
    assert scene.server.stats()["channels"] == 1
    await settled(lambda: kept() == before)


async def test_a_subscription_asked_for_again_and_again(scene: Scene) -> None:
    """Each request replaces the one before: one connection has as many channels as it has wishes."""
    async with connect(scene.server.url, max_queue=None) as connection:
        for frequency in range(500):
            body = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["Z"], "frequency": frequency}
            await connection.send(json.dumps(body))
        await request(connection, type="PING")
        assert scene.server.stats()["channels"] == 2


async def test_orders_do_not_keep_the_connection_that_they_came_over() -> None:
    """Also those that are to be cancelled at its end, and are remembered when they are over."""
    async with Server(Exchange(seed=7, symbols=["AAPL"]), port=0) as server, trader(server, "innocent") as innocent:
        before = kept()
        for number in range(CONNECTIONS):
            async with trader(server, "mallory", cancelOnDisconnect=True) as mallory:
                await mallory.order(f"filled{number}", quantity=1)
                await mallory.order(f"resting{number}", quantity=1, price=170.0)
                if number % 2:
                    mallory.connection.transport.abort()
        await settled(lambda: len(server.connections()) == 1)
        assert server.broker is not None
        assert server.broker.orders("mallory") == []
        await settled(lambda: kept() == before)
        await innocent.settle()
