"""Connections: their limits, pings, and ends."""

from __future__ import annotations

import asyncio
import json
import socket as sockets

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

import hftlab as hl
from hftlab.server import NativeLimits, ServerLimits
from hftlab.session import Session
from tests.server.native.connecting import connected
from tests.server.native.recordings import imported
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")

LIST = '{"method":"LIST_SUBSCRIPTIONS","id":1}'


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported("usdm_btcusdt_20240808", tmp_path_factory.mktemp("usdm"), lines=8000)


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Read to the end; returns code and reason."""
    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as end:
            assert end.rcvd is not None
            return end.rcvd.code, end.rcvd.reason


def served(session: Session, speed: float = 1, **limits: float) -> hl.Server:
    return hl.Server(session.replay(speed), port=0, wire="binance", native_limits=NativeLimits(**limits))  # type: ignore[arg-type]


async def test_more_messages_than_a_second_may_have_end_it(session: Session) -> None:
    async with served(session) as server, connected(f"{server.url}/ws") as socket:
        for _ in range(11):
            await socket.send(LIST)
        assert await closed(socket) == (1008, "Too many requests")


async def test_pings_of_a_client_count_as_messages(session: Session) -> None:
    async with served(session) as server, connected(f"{server.url}/ws") as socket:
        with pytest.raises(websockets.ConnectionClosed):
            for _ in range(11):
                await (await socket.ping())
            await socket.wait_closed()
            await socket.ping()
        assert (socket.close_code, socket.close_reason) == (1008, "Too many requests")


async def test_a_client_that_answers_pings_stays(session: Session) -> None:
    """The ping has a payload, which the pong repeats."""
    async with (
        served(session, ping_interval=0.02, pong_timeout=0.5, messages=1000) as server,
        connected(f"{server.url}/ws") as socket,
    ):
        pings: list[bytes] = []
        answer = socket.protocol.recv_frame

        def note(frame: websockets.frames.Frame) -> None:
            if frame.opcode is websockets.frames.Opcode.PING:
                pings.append(bytes(frame.data))
            answer(frame)

        socket.protocol.recv_frame = note  # type: ignore[method-assign]
        async with asyncio.timeout(PATIENCE):
            while len(pings) < 5:
                await socket.send(LIST)
                await socket.recv()
                await asyncio.sleep(0.11)
        assert all(ping.isdigit() for ping in pings)


async def test_one_that_does_not_is_disconnected(session: Session) -> None:
    async with (
        served(session, ping_interval=0.02, pong_timeout=0.1) as server,
        connected(f"{server.url}/ws") as socket,
    ):
        socket.protocol.recv_frame = _without_pings(socket)  # type: ignore[method-assign]
        assert await closed(socket) == (1008, "Pong timeout")
        assert server.stats()["aborted"] == {"keepalive timeout": 1}


def _without_pings(socket: ClientConnection):  # type: ignore[no-untyped-def]
    receive = socket.protocol.recv_frame

    def filtered(frame: websockets.frames.Frame) -> None:
        if frame.opcode is not websockets.frames.Opcode.PING:
            receive(frame)

    return filtered


async def test_every_connection_ends_after_its_longest_life(session: Session) -> None:
    async with served(session, lifetime=0.1) as server, connected(f"{server.url}/ws") as socket:
        assert (await closed(socket))[0] == 1001


async def test_its_life_may_be_counted_in_the_time_of_the_recording(session: Session) -> None:
    limits = NativeLimits(lifetime=3.0, lifetime_of="recording")
    async with (
        hl.Server(session.replay(100), port=0, wire="binance", native_limits=limits) as server,
        connected(f"{server.url}/ws/btcusdt@trade") as socket,
    ):
        times = []
        with pytest.raises(websockets.ConnectionClosed) as end:
            while True:
                times.append(json.loads(await socket.recv())["E"])
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1001
        # The recording begins with trades of a quarter of a second before its first book, where the replay starts.
        assert 2_000 < times[-1] - times[0] <= 3_250


async def test_connections_are_listed_with_their_streams_and_can_be_dropped(session: Session) -> None:
    async with (
        served(session) as server,
        connected(f"{server.url}/ws/btcusdt@trade/btcusdt@depth") as socket,
        hl.Client(server.url),
    ):
        await socket.send(LIST)
        while json.loads(await socket.recv()).get("id") != 1:
            pass
        ours, native = server.connections()
        assert (ours.wire, ours.streams) == ("hftlab", [])
        assert (native.wire, native.streams, native.received) == (
            "binance",
            ["btcusdt@trade", "btcusdt@depth"],
            1,
        )
        assert (native.peer, native.state, native.backlog) == ("127.0.0.1", "open", "none")
        assert server.stats()["bytes_received"] >= len(LIST)
        assert server.disconnect(native.id)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await socket.recv()
        assert server.stats()["aborted"] == {"disconnected": 1}
        assert not server.disconnect(native.id)


@pytest.mark.parametrize(("market", "is_announced"), [("spot", True), ("usdm", False)])
async def test_the_end_of_the_server_is_announced_to_clients_of_spot(
    session: Session, market: str, is_announced: bool
) -> None:
    server = hl.Server(session.replay(), port=0, wire="binance", market=market)  # type: ignore[arg-type]
    async with server, connected(f"{server.url}/ws?timeUnit=MICROSECOND") as socket:
        await socket.send(LIST)
        await socket.recv()
        position = round(server.replay_status().position * 1000)
        await server.stop()
        messages = [json.loads(message) async for message in socket]
    expected = [{"e": "serverShutdown", "E": pytest.approx(position, abs=1)}]
    assert messages == (expected if is_announced else [])
    assert socket.close_code == 1001


async def test_the_form_of_combined_streams_changes_on_the_way(session: Session) -> None:
    async with served(session, 20) as server, connected(f"{server.url}/ws/btcusdt@trade") as socket:
        assert "data" not in json.loads(await socket.recv())
        await socket.send('{"method":"SET_PROPERTY","params":["combined",true],"id":1}')
        while "id" not in json.loads(await socket.recv()):
            pass
        wrapped = json.loads(await socket.recv())
        assert (wrapped["stream"], wrapped["data"]["e"]) == ("btcusdt@trade", "trade")
        await socket.send('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":2}')
        while json.loads(await socket.recv()).get("id") != 2:
            pass
        await socket.send(LIST)
        assert json.loads(await socket.recv()) == {"result": [], "id": 1}


async def test_a_reader_that_does_not_read_is_disconnected_and_its_neighbour_is_not(session: Session) -> None:
    """What waits for it is bounded; at the pace of a recording nobody waits for a reader."""
    streams = "/".join(f"btcusdt@depth{kind}" for kind in ("@0ms", "@100ms", "20@0ms", "20@100ms", "10@0ms"))
    slow = sockets.socket()
    slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    limits = ServerLimits(queue_bytes=32 * 1024, queue_messages=50, write_deadline=1.0)
    async with hl.Server(session.replay(40), port=0, wire="binance", limits=limits) as server:
        slow.connect(("127.0.0.1", server.port))
        slow.setblocking(False)
        head = (
            f"GET /ws/{streams} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        slow.sendall(head.encode())
        async with connected(f"{server.url}/ws/btcusdt@trade") as neighbour, asyncio.timeout(PATIENCE):
            while not server.stats()["aborted"]:
                await neighbour.recv()
        assert server.stats()["aborted"] == {"slow consumer": 1}
    slow.close()
