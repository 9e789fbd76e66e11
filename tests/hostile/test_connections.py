"""Connections that are no WebSockets, or never become one."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.server import Server, ServerLimits
from tests.hostile.conftest import Memory, Scene
from tests.server.conversation import PATIENCE, request, settled

OPENINGS = [
    b"",
    b"\0" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\n\r\n",
    b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    b"POST",
    b"POST ",
    b"POST / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost x\r\n\r\n",
    b"POST /\x00 HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    b"POST " + b"x" * 20_000,
    b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
]


async def knock(port: int, data: bytes, *, upgraded: bool = False) -> None:
    """Send bytes, half-close, and read until the server has had enough."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            if upgraded:
                writer.write(
                    b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n" % port
                )
            writer.write(data)
            writer.write_eof()
            await reader.read()
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()


async def storm(scene: Scene, memory: Memory, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(count):
        if number == count // 10:
            memory.warm()
        data = rng.choice(OPENINGS) if rng.random() < 0.3 else rng.randbytes(rng.choice([1, 20, 500, 20_000]))
        await knock(scene.server.port, data, upgraded=rng.random() < 0.5)
        if number % 50 == 0:
            scene.publish()
    await settled(lambda: scene.server.stats()["connections"] == 1)
    assert memory.has_grown() < 0.05


@pytest.mark.parametrize("data", OPENINGS, ids=lambda data: repr(data[:30]))
async def test_openings(scene: Scene, data: bytes) -> None:
    await knock(scene.server.port, data)


@pytest.mark.parametrize("count", [500, pytest.param(5_000, marks=pytest.mark.soak)])
async def test_raw_garbage(scene: Scene, memory: Memory, count: int) -> None:
    await storm(scene, memory, count, seed=1)


async def test_slow_handshakes_end(scene: Scene) -> None:
    """Who dribbles its request is cut off at the open timeout, and does not delay a shutdown."""
    async with Server(port=0, limits=ServerLimits(open_timeout=0.2)) as server:
        pairs = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(50)]
        for _, writer in pairs:
            writer.write(b"GET / HTTP/1.1\r\nHos")
        async with asyncio.timeout(PATIENCE):
            for reader, writer in pairs:
                assert await reader.read() == b""
                writer.close()
        waiting = await asyncio.open_connection("127.0.0.1", server.port)
    assert await waiting[0].read() == b""
    waiting[1].close()


async def test_a_page_of_another_site(scene: Scene) -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        with pytest.raises(InvalidStatus) as caught:
            await connect(scene.server.url, origin=origin)
        assert caught.value.response.status_code == 403


async def test_a_rebound_name(scene: Scene) -> None:
    """The page's own name resolves to 127.0.0.1: the Host header gives it away."""
    port = scene.server.port
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"ws://evil.example:{port}", host="127.0.0.1", port=port)
    assert caught.value.response.status_code == 403


async def test_guessed_tokens(scene: Scene) -> None:
    async with connect(scene.server.url) as connection:
        for _ in range(200):
            token = f"{os.urandom(20).hex()}.{os.urandom(20).hex()}.{os.urandom(20).hex()}"
            assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_FAILED"
        order = {"clientOrderId": "1", "symbol": "A", "side": "BUY", "orderType": "MARKET", "quantity": 1}
        reply = await request(connection, type="NEW_ORDER", **order)
        assert reply["errorType"] == "AUTHENTICATION_FAILED"
