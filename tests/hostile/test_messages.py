"""Messages that no client of good will sends: each is answered, or refused with an ERROR, and the connection lives."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol

from hftlab.server import Rate, Server, ServerLimits
from tests.hostile.conftest import Memory, Scene
from tests.server.conversation import PATIENCE, closed, receive

SEEDS: list[dict[str, Any]] = [
    {"type": "SUBSCRIBE", "timestamp": 1.5, "id": "1", "symbols": ["A", "B"], "dataTypes": ["QUOTES"], "frequency": 0},
    {"type": "UNSUBSCRIBE", "timestamp": 1, "symbols": ["A"]},
    {"type": "HEARTBEAT", "timestamp": 1},
    {"type": "PING", "timestamp": 1, "id": "x"},
    {"type": "AUTH", "timestamp": 1, "token": "a.b.c", "session": "s", "resumeFrom": 1},
    {"type": "NEW_ORDER", "timestamp": 1, "clientOrderId": "1", "symbol": "A", "side": "BUY", "orderType": "MARKET"},
    {"type": "CANCEL_ORDER", "timestamp": 1, "clientOrderId": "1"},
    {"type": "REPLAY_CONTROL", "timestamp": 1, "action": "SEEK", "position": 1},
]
TRAPS = [
    b"",
    b" ",
    b"\x00",
    b"null",
    b"NaN",
    b"[" * 10_000,
    b'{"type":' * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"type":"PING","timestamp":NaN}',
    b'{"type":"PING","timestamp":Infinity}',
    b'{"type":"PING","timestamp":1e400}',
    b'{"type":"PING","timestamp":-1e400}',
    b'{"type":"PING","timestamp":1e-400}',
    b'{"type":"PING","timestamp":9223372036854775808}',
    b'{"type":"PING","timestamp":' + b"9" * 5000 + b"}",
    b'{"type":"PING","timestamp":0.' + b"1" * 5000 + b"}",
    b'{"type":"PING","timestamp":1,"id":"\\ud800"}',
    b'{"type":"\\ud800","timestamp":1}',
    b'{"type":"PING","timestamp":1,"id":"\xff"}',
    b'{"type":"PING","timestamp":1,"\xed\xa0\x80":1}',
    b"\xff\xfe\x00",
    b'{"type":"PING","type":"AUTH","timestamp":1,"timestamp":2}',
    b'{"type":"PING","timestamp":1,"id":"' + b"x" * 60_000 + b'"}',
    b'{"type":"SUBSCRIBE","timestamp":1,"symbols":["\\ud800"]}',
    b'{"type":"SUBSCRIBE","timestamp":1,"symbols":["' + b"A" * 50_000 + b'"]}',
    b'{"type":"SUBSCRIBE","timestamp":1,"symbols":[' + b'"A",' * 12_000 + b'"A"]}',
    b'{"type":"SUBSCRIBE","timestamp":1,"symbols":["A"],"frequency":-1}',
    b'{"type":"SUBSCRIBE","timestamp":1,"symbols":["A"],"frequency":9223372036854775808}',
    b'{"type":"AUTH","timestamp":1,"token":"\\ud800"}',
    b'{"type":"AUTH","timestamp":1,"token":"eyJhbGciOiJub25lIn0.e30."}',
    b'{"type":"AUTH","timestamp":1,"token":"' + b"a" * 20_000 + b'"}',
    b'{"__proto__":{},"type":"PING","timestamp":1}',
    b'{"type":"MARKET_DATA","timestamp":1,"symbols":[]}',
]
ATOMS: list[Any] = [None, True, -1, 0, 2**63, 2**64, 1e308, -0.0, "", "A", "\u0000", "é" * 100, [], {}, [[]], {"a": []}]


def mutated(rng: random.Random) -> bytes:
    """A good message with something changed: a value, a field, or raw bytes."""
    message: dict[str, Any] = dict(rng.choice(SEEDS))
    for _ in range(rng.randrange(3)):
        name = rng.choice([*message, "timestamp", "symbols", "type"])
        if rng.random() < 0.2:
            message.pop(name, None)
        else:
            message[name] = rng.choice([*ATOMS, rng.choice(SEEDS).get(name)])
    data = bytearray(json.dumps(message).encode())
    for _ in range(rng.choice([0, 0, 1, 1, 4])):
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[at] = rng.randrange(32, 127)
            case 1:
                del data[at : at + rng.randrange(1, 9)]
            case _:
                data[at:at] = data[: rng.randrange(20)]
        if not data:
            break
    return bytes(data)


async def bombard(scene: Scene, memory: Memory, count: int, seed: int) -> None:
    """Send mutated messages; the first tenth warms up, and after that memory stays what it is."""
    rng = random.Random(seed)
    for number in range(0, count, 500):
        if number == count // 10:
            memory.warm()
        await volley(scene, rng, packed=number // 500 % 2 == 1)
        scene.publish()
        if number % 2500 == 0:
            # What a closed connection leaves goes when the collector comes, and how much waits for it is chance.
            gc.collect()
    assert memory.has_grown() < 0.05


async def volley(scene: Scene, rng: random.Random, *, packed: bool) -> None:
    """500 messages of one connection; a PING after each fifty shows that every one before was answered."""
    subprotocols = [Subprotocol("hftlab.v1.msgpack")] if packed else None
    async with connect(scene.server.url, subprotocols=subprotocols, max_queue=None) as connection:
        for _ in range(10):
            for _ in range(50):
                data = mutated(rng)
                await connection.send(repacked(data, rng) if packed else data, text=not packed)
            await answered(connection, packed=packed)


def repacked(data: bytes, rng: random.Random) -> bytes:
    try:
        packed = bytearray(msgspec.msgpack.encode(json.loads(data)))
    except (ValueError, OverflowError, RecursionError):
        return data
    if rng.random() < 0.5:
        packed[rng.randrange(len(packed))] = rng.randrange(256)
    return bytes(packed)


async def answered(connection: Any, *, packed: bool) -> None:
    ping = {"type": "PING", "timestamp": 1, "id": "after"}
    await connection.send(msgspec.msgpack.encode(ping) if packed else json.dumps(ping))
    async with asyncio.timeout(PATIENCE):
        while True:
            data = await connection.recv()
            reply = msgspec.msgpack.decode(data) if packed else json.loads(data)
            if reply["type"] == "PONG" and reply.get("id") == "after":
                return


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_mutated_messages(scene: Scene, memory: Memory, count: int) -> None:
    await bombard(scene, memory, count, seed=1)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: repr(trap[:40]))
async def test_json_traps(scene: Scene, trap: bytes) -> None:
    async with connect(scene.server.url) as connection:
        try:
            await connection.send(trap, text=True)
            await answered(connection, packed=False)
        except ConnectionClosed as exc:
            assert exc.rcvd is not None
            # Over the limit of 64 kB, or a text frame that is no text (RFC 6455 section 8.1).
            assert exc.rcvd.code == (1009 if len(trap) > 65536 else 1007)
            assert len(trap) > 65536 or "\ufffd" in trap.decode(errors="replace")


async def test_a_deflate_bomb(scene: Scene) -> None:
    """Ten megabytes of zeros in ten kilobytes are not inflated beyond the limit."""
    async with connect(scene.server.url, extensions=[ClientPerMessageDeflateFactory()], compression=None) as connection:
        await connection.send(b"\0" * 10_000_000, text=False)
        assert (await closed(connection))[0] == 1009


async def test_a_deflate_bomb_in_pieces(scene: Scene) -> None:
    """Each frame inflates to less than the limit, and their sum to more."""
    async with connect(scene.server.url, extensions=[ClientPerMessageDeflateFactory()], compression=None) as connection:
        with suppress(ConnectionClosed):
            await connection.send(b"\0" * 60_000 for _ in range(1000))
        assert (await closed(connection))[0] == 1009


async def test_a_deluge_is_cut_off() -> None:
    """With the default limits, who sends nothing but errors is answered for a while, and then closed."""
    async with Server(port=0, limits=ServerLimits(errors=Rate(1, 20))) as server, connect(server.url) as connection:
        with suppress(ConnectionClosed):
            for _ in range(10_000):
                await connection.send("{")
        assert (await closed(connection))[0] == 1008


async def test_fragments(scene: Scene) -> None:
    """One byte a frame is a message like any other; too many bytes are too many in any number of frames."""
    text = '{"type":"PING","timestamp":1,"id":"f"}'
    async with connect(scene.server.url) as connection:
        await connection.send(iter(text))
        while (await receive(connection)).get("id") != "f":
            pass
    async with connect(scene.server.url) as connection:
        with suppress(ConnectionClosed):
            await connection.send("x" * 1000 for _ in range(1000))
        assert (await closed(connection))[0] == 1009
