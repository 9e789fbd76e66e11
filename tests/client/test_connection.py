"""The client's WebSocket against the library's own server."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from hftlab.client import Client
from hftlab.client.link import Link
from hftlab.client.metrics import Metrics
from hftlab.errors import NetworkError
from hftlab.protocol import JSON
from hftlab.server import Server
from tests.client.servers import PATIENCE, until

Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def opened(talk: Talk) -> AsyncIterator[Link]:
    async with serve(talk, "127.0.0.1", 0, subprotocols=[JSON.subprotocol]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        link = await Link.open(f"ws://127.0.0.1:{port}", JSON, Metrics())
        try:
            async with asyncio.timeout(PATIENCE):
                yield link
        finally:
            await link.close()


async def listened(link: Link, count: int) -> list[bytes]:
    taken: list[bytes] = []

    def take(data: bytes, _: int) -> bool:
        taken.append(data)
        return len(taken) == count

    await link.listen(take)
    return taken


async def test_fragments_and_whole_messages_come_in_order() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("first")
        await connection.send(["sec", "", "ond", ""])
        await connection.ping()
        await connection.send([b"th", b"ird"])
        await connection.send("fourth")
        await connection.wait_closed()

    async with opened(talk) as link:
        assert await listened(link, 4) == [b"first", b"second", b"third", b"fourth"]


async def test_what_nobody_listens_to_is_kept_and_no_more_is_read() -> None:
    async def talk(connection: ServerConnection) -> None:
        for number in range(1_000):
            await connection.send(f"{number:04}" + 100_000 * "x")
        await connection.wait_closed()

    async with opened(talk) as link:
        first = await listened(link, 1)
        transport = link._socket.transport
        await until(lambda: not transport.is_reading())
        assert len(link._socket._kept) < 100
        rest = await listened(link, 999)
    assert [int(data[:4]) for data in first + rest] == list(range(1_000))


async def test_text_that_is_no_utf8_closes_with_1007() -> None:
    """RFC 6455 section 8.1."""
    codes: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def talk(connection: ServerConnection) -> None:
        connection.transport.write(Frame(Opcode.TEXT, b'{"a": "\xff"}').serialize(mask=False))
        await connection.send("too late")
        await connection.wait_closed()
        codes.set_result(connection.close_code)

    async with opened(talk) as link:
        with pytest.raises(NetworkError, match="invalid start byte"):
            await listened(link, 1)
        assert await codes == 1007


async def test_closing_finds_the_answer_behind_what_nobody_has_listened_to() -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def talk(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send("x" * 10_000)
        except ConnectionClosed:
            closed.set_result(connection.close_code)

    async with opened(talk) as link:
        await listened(link, 20)
        await link.close()
        assert await closed == 1000


async def test_what_a_listener_raises_is_raised() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("first")
        await connection.send("second")
        await connection.wait_closed()

    def fail(_: bytes, received_at: int) -> bool:
        raise ValueError("no")

    async with opened(talk) as link:
        with pytest.raises(ValueError, match="no"):
            await link.listen(fail)
        assert await listened(link, 1) == [b"second"]


@pytest.mark.parametrize("busy_poll", [True, False])
def test_a_client_that_polls_never_waits_for_its_system(busy_poll: bool) -> None:
    waits: list[float | None] = []

    class Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.append(timeout)
            return super().select(timeout)

    async def converse() -> list[float | None]:
        async with Server(port=0) as server, Client(server.url, busy_poll=busy_poll) as client:
            waits.clear()
            await client.ping()
            return waits.copy()

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector())) as runner:
        during = runner.run(converse())
    assert during
    assert all(wait == 0 for wait in during) is busy_poll


async def test_what_comes_together_has_come_at_the_same_time() -> None:
    """However long it takes to handle the first of it."""

    async def talk(connection: ServerConnection) -> None:
        connection.transport.write(b"".join(Frame(Opcode.TEXT, b"x").serialize(mask=False) for _ in range(3)))
        await connection.wait_closed()

    times: list[int] = []

    def take(_: bytes, received_at: int) -> bool:
        times.append(received_at)
        while time.time_ns() < received_at + 1_000_000:
            pass
        return len(times) == 3

    before = time.time_ns()
    async with opened(talk) as link:
        await link.listen(take)
    assert len(set(times)) == 1
    assert before < times[0] < time.time_ns()


async def test_a_cancellation_of_a_listeners_own_is_an_error() -> None:
    """It must not look as if the connection's own task had been cancelled."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send("first")
        await connection.wait_closed()

    def fail(_: bytes, received_at: int) -> bool:
        raise asyncio.CancelledError

    async with opened(talk) as link:
        with pytest.raises(RuntimeError, match="CancelledError"):
            await link.listen(fail)


async def test_any_number_of_fragments_is_one_message() -> None:
    """More than the library would take; what they cost is bounded by their bytes."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send(["x"] * 5_000)
        await connection.wait_closed()

    async with opened(talk) as link:
        assert await listened(link, 1) == [b"x" * 5_000]


async def test_silence_is_left_to_the_clients_own_watch() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with opened(talk) as link:
        assert link._socket.ping_interval is None
        assert link._socket.keepalive_task is None
