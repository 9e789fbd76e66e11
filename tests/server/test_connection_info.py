"""How connections are listed, and how one of them is dropped."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hftlab.server import Server
from tests.server.conversation import receive, request, settled, subscribe


async def test_connections_are_listed() -> None:
    async with Server(port=0) as server, connect(server.url) as one:
        await request(one, type="AUTH", token=server.issue_tokens("alice").access)
        async with connect(server.url, subprotocols=["hftlab.v1.msgpack"]) as other:
            await other.recv()
            await subscribe(one, "A", dataTypes=["QUOTES"])
            alice, nobody = server.connections()
        assert [(channel.symbols, channel.sequence) for channel in alice.channels] == [(["A"], 0)]
        assert nobody.channels == []
        assert (alice.subject, alice.encoding, alice.received) == ("alice", "json", 2)
        assert (nobody.subject, nobody.encoding, nobody.received) == (None, "msgpack", 0)
        assert alice.peer == nobody.peer == "127.0.0.1"
        assert (alice.state, alice.backlog, alice.buffered) == ("open", "none", 0)
        assert alice.id != nobody.id


async def test_one_connection_can_be_dropped() -> None:
    async with Server(port=0) as server, connect(server.url) as one, connect(server.url) as other:
        await receive(one)
        await receive(other)
        first, second = server.connections()
        assert server.disconnect(first.id)
        with pytest.raises(ConnectionClosed):
            await one.recv()
        await settled(lambda: server.stats()["connections"] == 1)
        assert [left.id for left in server.connections()] == [second.id]
        assert not server.disconnect(first.id)
        assert server.stats()["aborted"] == {"disconnected": 1}
        assert (await request(other, type="PING"))["type"] == "PONG"
