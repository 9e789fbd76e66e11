"""A script over a real WebSocket, for any client."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from hftlab.client import Client
from hftlab.testing import Close, Drop, ScriptedServer, Silence, Wait, market_data
from tests.client.servers import PATIENCE


async def test_it_talks_to_any_client() -> None:
    """The document's own has no subprotocol, and knows no welcome."""
    async with ScriptedServer(["AAPL"], session=None) as server:
        server.when("SUBSCRIBE", Wait(0.001), market_data("AAPL", bid=1.0))
        async with connect(server.url) as socket, asyncio.timeout(PATIENCE):
            await socket.send(json.dumps({"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"], "id": "r7"}))
            first, second = json.loads(await socket.recv()), json.loads(await socket.recv())
            await server.say({"type": "SERVER_SHUTDOWN", "message": "bye"})
            assert json.loads(await socket.recv())["type"] == "SERVER_SHUTDOWN"
    assert (first["type"], first["id"], second["type"]) == ("ACK", "r7", "MARKET_DATA")
    assert server.types == ["SUBSCRIBE"]


async def test_it_ends_connections_as_it_is_told() -> None:
    async with ScriptedServer() as server, asyncio.timeout(PATIENCE):
        server.once("HEARTBEAT", Silence(), Close(1000, "enough")).once("HEARTBEAT", Drop())
        beat = json.dumps({"type": "HEARTBEAT", "timestamp": 1})
        for error in (ConnectionClosedOK, ConnectionClosedError):
            async with connect(server.url) as socket:
                await socket.recv()  # the welcome
                await socket.send(beat)
                with pytest.raises(error):
                    await socket.recv()
        for end, error in ((server.close, ConnectionClosedOK), (None, ConnectionClosedError)):
            async with connect(server.url) as socket:
                await socket.recv()
                await end(1000) if end is not None else server.drop()
                with pytest.raises(error):
                    await socket.recv()
        assert len(server.connections) == 4


async def test_it_welcomes_our_client() -> None:
    async with ScriptedServer(["AAPL"], account="bob") as server, Client(server.url, token="t") as client:
        assert (client.offered_symbols, client.account) == (["AAPL"], "bob")
        assert server.types == ["AUTH"]
