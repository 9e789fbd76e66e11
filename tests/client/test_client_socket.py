"""The client's WebSocket against the library's own server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from hftlab.client.client_socket import ClientSocket
from hftlab.client.opening import open_socket
from hftlab.protocol import JSON
from tests.client.servers import PATIENCE, until

Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def opened(talk: Talk) -> AsyncIterator[ClientSocket]:
    async with serve(talk, "127.0.0.1", 0, subprotocols=[JSON.subprotocol]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        socket = await open_socket(f"ws://127.0.0.1:{port}", JSON)
        try:
            async with asyncio.timeout(PATIENCE):
                yield socket
        finally:
            await socket.end()


async def taken(socket: ClientSocket, count: int) -> list[bytes]:
    """The next messages; those after them are kept."""
    messages: list[bytes] = []
    enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(data: bytes, *_: object) -> None:
        messages.append(data)
        if len(messages) == count:
            socket.keep()
            enough.set_result(None)

    socket.pass_on(take)
    await enough
    return messages


async def test_fragments_and_whole_messages_come_in_order() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("first")
        await connection.send(["sec", "", "ond", ""])
        await connection.ping()
        await connection.send([b"th", b"ird"])
        await connection.send("fourth")
        await connection.wait_closed()

    async with opened(talk) as socket:
        assert await taken(socket, 4) == [b"first", b"second", b"third", b"fourth"]


async def test_what_nobody_listens_to_is_kept_and_no_more_is_read() -> None:
    async def talk(connection: ServerConnection) -> None:
        for number in range(1_000):
            await connection.send(f"{number:04}" + 100_000 * "x")
        await connection.wait_closed()

    async with opened(talk) as socket:
        first = await taken(socket, 1)
        transport = socket.transport
        await until(lambda: not transport.is_reading())
        rest = await taken(socket, 999)
    assert [int(data[:4]) for data in first + rest] == list(range(1_000))


async def test_text_that_is_no_utf8_closes_with_1007() -> None:
    """RFC 6455 section 8.1."""
    codes: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def talk(connection: ServerConnection) -> None:
        connection.transport.write(Frame(Opcode.TEXT, b'{"a": "\xff"}').serialize(mask=False))
        await connection.send("too late")
        await connection.wait_closed()
        codes.set_result(connection.close_code)

    async with opened(talk) as socket:
        assert await codes == 1007
        await socket.wait_closed()
        assert "invalid start byte" in socket.end_reason


async def test_closing_finds_the_answer_behind_what_nobody_has_listened_to() -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def talk(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send("x" * 10_000)
        except ConnectionClosed:
            closed.set_result(connection.close_code)

    async with opened(talk) as socket:
        await taken(socket, 20)
        await socket.end()
        assert await closed == 1000


async def test_what_comes_together_has_come_at_the_same_time() -> None:
    """However long it takes to handle the first of it."""

    async def talk(connection: ServerConnection) -> None:
        connection.transport.write(b"".join(Frame(Opcode.TEXT, b"x").serialize(mask=False) for _ in range(3)))
        await connection.wait_closed()

    times: list[int] = []

    def take(_: bytes, opcode: Opcode, received_at: int) -> None:
        times.append(received_at)
        while time.time_ns() < received_at + 1_000_000:
            pass

    before = time.time_ns()
    async with opened(talk) as socket:
        socket.pass_on(take)
        await until(lambda: len(times) == 3)
    assert len(set(times)) == 1
    assert before < times[0] < time.time_ns()


async def test_any_number_of_fragments_is_one_message() -> None:
    """More than the library would take; what they cost is bounded by their bytes."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send(["x"] * 5_000)
        await connection.wait_closed()

    async with opened(talk) as socket:
        assert await taken(socket, 1) == [b"x" * 5_000]


async def test_silence_is_left_to_the_clients_own_watch() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with opened(talk) as socket:
        assert socket.ping_interval is None
        assert socket.keepalive_task is None


async def test_what_is_written_is_sent_until_the_end() -> None:
    got: asyncio.Future[list[str | bytes]] = asyncio.get_running_loop().create_future()

    async def talk(connection: ServerConnection) -> None:
        got.set_result([await connection.recv(), await connection.recv()])
        await connection.close(1001, "bye")

    async with opened(talk) as socket:
        socket.write(b"text", is_binary=False)
        socket.write(b"\x80", is_binary=True)
        assert await got == ["text", b"\x80"]
        await asyncio.wait([socket.connection_lost_waiter])
        assert socket.end_reason == "closed by the server with 1001 bye"
        with pytest.raises(ConnectionError):
            socket.write(b"late", is_binary=False)


class TestFrames:
    """What the library decodes and what it does not come in the order in which they were sent."""

    FRAMES = (
        Frame(Opcode.TEXT, b"plain"),
        Frame(Opcode.PING, b"alive?"),
        Frame(Opcode.TEXT, b"frag", fin=False),
        Frame(Opcode.PONG, b"unasked"),
        Frame(Opcode.CONT, b"ments"),
        Frame(Opcode.BINARY, b"\x00" * 70_000),
        Frame(Opcode.TEXT, "ü".encode() * 200),
    )

    @pytest.mark.parametrize("size", [1, 3, 1000, 1_000_000])
    async def test_however_the_network_cuts_them(self, size: int) -> None:
        stream = b"".join(frame.serialize(mask=False) for frame in self.FRAMES)

        async def talk(connection: ServerConnection) -> None:
            await connection.wait_closed()

        async with opened(talk) as socket:
            for at in range(0, len(stream), size):
                socket.data_received(stream[at : at + size])
            assert await taken(socket, 4) == [b"plain", b"fragments", b"\x00" * 70_000, "ü".encode() * 200]

    async def test_those_that_come_with_the_handshake(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            key = next(line for line in request.decode().split("\r\n") if line.lower().startswith("sec-websocket-key"))
            accept = accept_key(key.partition(":")[2].strip())
            head = (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            frame = Frame(Opcode.TEXT, b"welcome").serialize(mask=False)
            for piece in (head.encode()[:-2], head.encode()[-2:] + frame[:4], frame[4:] + frame):
                writer.write(piece)
                await writer.drain()
            with suppress(ConnectionError):
                await reader.read()
                writer.close()
                await writer.wait_closed()
            over.set()

        over = asyncio.Event()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            socket = await open_socket(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", JSON)
            try:
                async with asyncio.timeout(PATIENCE):
                    assert await taken(socket, 2) == [b"welcome", b"welcome"]
            finally:
                socket.transport.close()
                await over.wait()

    async def test_a_message_within_a_fragmented_one_closes_with_1002(self) -> None:
        """RFC 6455 section 5.4."""
        codes: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        async def talk(connection: ServerConnection) -> None:
            for frame in (Frame(Opcode.TEXT, b"begun", fin=False), Frame(Opcode.TEXT, b"whole")):
                connection.transport.write(frame.serialize(mask=False))
            await connection.wait_closed()
            codes.set_result(connection.close_code)

        async with opened(talk) as socket:
            assert await codes == 1002
            assert not socket._kept

    async def test_nothing_is_handed_on_behind_a_close_frame(self) -> None:
        async def talk(connection: ServerConnection) -> None:
            frames = (Frame(Opcode.TEXT, b"last"), Frame(Opcode.CLOSE, b"\x03\xe8"), Frame(Opcode.TEXT, b"late"))
            connection.transport.write(b"".join(frame.serialize(mask=False) for frame in frames))
            connection.transport.close()

        async with opened(talk) as socket:
            await asyncio.wait([socket.connection_lost_waiter])
            assert [data for data, *_ in socket._kept] == [b"last"]
