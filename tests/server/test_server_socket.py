"""How sockets begin and end: those that never come to be, and what the server itself has closed."""

from __future__ import annotations

import asyncio
import functools
import json
import random
import socket
import struct
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake
from websockets.frames import Opcode

from hftlab.clock import Clock
from hftlab.credentials import access_token
from hftlab.loop import new_loop
from hftlab.protocol import OrderBookLevel
from hftlab.server import Rate, Server, ServerLimits, listener
from hftlab.server.http import admission
from hftlab.server.server_socket import ServerSocket
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, closed, receive, request, settled
from tests.server.readers import Reader, readers

KEY = b"k" * 32


def refused(server: Server) -> dict[str, int]:
    found: dict[str, int] = server.stats()["refused"]
    return found


async def until_admitted(url: str) -> ClientConnection:
    """A connection as soon as there is a place for it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await connect(url)
            except (InvalidHandshake, OSError):
                await asyncio.sleep(0.01)


class TestTheBeginning:
    def test_one_that_is_reset_before_it_is_taken_is_counted_and_forgotten(self) -> None:
        """uvloop, which servers run on, then does not know whose it was."""
        errors: list[dict[str, Any]] = []

        async def reset() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
            async with Server(port=0, limits=ServerLimits(connections=1)) as server:
                for _ in range(20):
                    gone = socket.create_connection(("127.0.0.1", server.port))
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    gone.close()
                await settled(lambda: refused(server) == {"reset": 20})
                async with connect(server.url) as connection:  # nobody else has its place
                    await receive(connection)

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(reset())
        assert errors == []

    async def test_silent_connections_of_one_address_do_not_take_all_places(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Beyond twice its share an address is not even answered; it gets its places back as they close."""
        monkeypatch.setattr(admission, "is_loopback", lambda address: False)
        limits = ServerLimits(connections=20, connections_per_address=3)
        async with Server(port=0, limits=limits) as server:
            silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
            await settled(lambda: refused(server) == {"overrun": 4})
            for reader, _ in silent[6:]:
                assert await reader.read(1) == b""
            for _, writer in silent:
                writer.close()
            async with await until_admitted(server.url) as connection:
                assert (await receive(connection))["type"] == "ACK"


class TestTheEnd:
    """`aborted` has each ending that the server decides, once and by reason."""

    async def test_a_spent_error_budget(self) -> None:
        limits = ServerLimits(errors=Rate(0.01, burst=1))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            await connection.send("{")
            await connection.send("{")
            assert await closed(connection) == (1008, "too many errors")
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == {"too many errors": 1}

    async def test_no_authentication_in_time_is_told_and_counted(self) -> None:
        limits = ServerLimits(auth_deadline=0.05)
        async with Server(port=0, auth="required", limits=limits) as server, connect(server.url) as connection:
            assert (await receive(connection))["type"] == "ACK"
            told = await receive(connection)
            assert (told["type"], told["errorType"]) == ("ERROR", "AUTHENTICATION_FAILED")
            assert "no AUTH has come within 0.05 s" in told["message"]
            assert await closed(connection) == (4001, "authentication required")
            assert server.stats()["aborted"] == {"authentication required": 1}
            assert server.stats()["errors"] == {"AUTHENTICATION_FAILED": 1}

    async def test_an_authentication_that_ends(self) -> None:
        async with Server(port=0, key=KEY, auth="required") as server, connect(server.url) as connection:
            token = access_token(KEY, "alice", time.time(), lifetime=1.5)
            assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_SUCCESS"
            assert await closed(connection) == (4001, "authentication expired")
            assert server.stats()["aborted"] == {"authentication expired": 1}

    @pytest.mark.parametrize("fragments", [1, 2])
    async def test_a_message_that_is_too_big_is_answered_first(self, fragments: int) -> None:
        limits = ServerLimits(message_bytes=500)
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            await receive(connection)
            text = json.dumps({"x": "y" * 500})
            await connection.send(text if fragments == 1 else [text[:300], text[300:]])
            told = await receive(connection)
            assert (told["type"], told["errorType"]) == ("ERROR", "MESSAGE_PARSE_ERROR")
            assert "send 500 bytes at most" in told["message"]
            assert (await closed(connection))[0] == 1009
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == {"message too big": 1}
            assert server.stats()["errors"] == {"MESSAGE_PARSE_ERROR": 1}

    async def test_text_that_is_none(self) -> None:
        async with Server(port=0) as server, connect(server.url) as connection:
            await connection.send(b"\xff", text=True)
            assert (await closed(connection))[0] == 1007
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == {"invalid text": 1}

    async def test_what_is_no_websocket(self) -> None:
        async with Server(port=0) as server, connect(server.url) as connection:
            connection.transport.write(bytes((0x80 | Opcode.TEXT, 1)) + b"x")  # a client has to mask
            assert (await closed(connection))[0] == 1002
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == {"protocol error": 1}

    async def test_a_client_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        quick = functools.partial(listener.serve, ping_interval=0.05, ping_timeout=0.05)
        monkeypatch.setattr(listener, "serve", quick)
        monkeypatch.setattr(listener, "_SHUTDOWN", 0.1)
        async with Server(port=0) as server:
            reader = Reader(server.port)
            await reader.subscribe("A")
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == {"keepalive timeout": 1}
            reader.socket.close()

    async def test_what_a_client_ends_is_not_counted(self) -> None:
        async with Server(port=0) as server:
            for code in (1000, 1002, 1009, 4000):
                async with connect(server.url) as connection:
                    await connection.close(code)
            reader = Reader(server.port)
            await reader.subscribe("A")
            reader.socket.close()
            await settled(lambda: server.stats()["connections"] == 0)
            assert server.stats()["aborted"] == server.stats()["errors"] == {}


async def test_pings_take_no_numbers_from_a_program_with_a_seed(
    sockets: list[ServerSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a server, a notebook that has seeded the module random draws what it drew without one."""
    monkeypatch.setattr(listener, "serve", functools.partial(listener.serve, ping_interval=0.01))
    before = random.getstate()
    async with Server(port=0) as server, connect(server.url, ping_interval=None):
        await settled(lambda: bool(sockets) and sockets[0].latency > 0)
    assert random.getstate() == before


async def test_frames_are_gathered_only_where_nothing_paces_the_stream(sockets: list[ServerSocket]) -> None:
    """TCP_NODELAY follows the clock's speed: no frame of a paced stream waits for another's acknowledgement."""
    source = RandomWalk(7, clock=Clock(paused=True))
    async with Server(source, port=0, limits=ServerLimits(write_deadline=0.1)) as server, connect(server.url):
        await settled(lambda: server.stats()["connections"] == 1)
        opened = sockets[0].transport.get_extra_info("socket")

        def waits() -> bool:
            return not opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

        assert not waits()
        for speed, gathered in ((float("inf"), True), (1.0, False)):
            server.clock.speed = speed
            await settled(lambda gathered=gathered: waits() is gathered)


async def test_it_is_written_past_the_transport_only_while_nothing_waits_in_it() -> None:
    """All of it comes, in order; and the number of the socket is not used after its end."""
    levels = [OrderBookLevel(price=float(price), size=1.0, orders=1) for price in range(1, 200)]
    async with Server(port=0) as server, readers(server, 1, buffer=4096) as (reader,):
        (found,) = server._connections
        sent, got = 0, list[int]()

        def publish() -> None:
            nonlocal sent
            sent += 1
            server.publish(market_data(symbol("A", float(sent), bids=levels)))

        async def read() -> None:
            async with asyncio.timeout(PATIENCE):
                while not got or got[-1] < sent:
                    await reader.read(1 << 16)
                    got.extend(message["sequence"] for message in reader.take() if message["type"] == "MARKET_DATA")

        publish()
        await read()
        publish()
        assert found.direct is not None
        while found.direct is not None:  # until the system's buffers are full
            publish()
        assert found.buffered > 0
        publish()  # goes behind what waits
        await read()
        await settled(lambda: not found.transport.get_write_buffer_size())
        publish()
        assert found.direct is not None
        await read()
        assert got == list(range(1, sent + 1))
        reader.socket.close()
        await settled(lambda: len(server._connections) == 0)
        assert found.direct is None
        assert not found.write(b"late")
