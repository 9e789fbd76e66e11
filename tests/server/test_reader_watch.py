"""The watch over readers: it goes on whatever is wrong with one of them."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect

from hftlab.server import Server, ServerLimits
from hftlab.server.server_socket import ServerSocket
from tests.server.conversation import settled, subscribe


async def test_a_connection_that_cannot_be_watched_goes_and_the_others_are_watched_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = ServerLimits(write_deadline=0.1)
    async with Server(port=0, limits=limits) as server, connect(server.url) as one, connect(server.url) as other:
        await subscribe(one, "A")
        await subscribe(other, "A")
        broken, _ = server.connections()
        looks = 0

        def look(socket: ServerSocket, *_: object) -> bool:
            nonlocal looks
            looks += 1
            if socket.name == broken.id:
                raise ValueError("of our own making")
            return False

        monkeypatch.setattr(ServerSocket, "has_stopped", look)
        await settled(lambda: server.stats()["connections"] == 1 and looks > 2)
        assert server.stats()["aborted"] == {"not watched": 1}
