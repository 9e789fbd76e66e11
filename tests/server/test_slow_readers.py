"""Readers that stop and readers that trickle, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
from websockets.frames import Frame, Opcode

from hftlab.protocol import OrderBookLevel
from hftlab.server import Server, ServerLimits
from hftlab.server.connection import MAX_BUFFER
from hftlab.server.progress import Progress
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, settled

LEVELS = [OrderBookLevel(price=float(price), size=1.0, orders=1) for price in range(1, 200)]


class Reader:
    """A bare socket that subscribes, and reads as much as the test says."""

    def __init__(self, port: int, *, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.setblocking(False)
        self._port, self._data, self.is_over = port, b"", False

    async def subscribe(self, *symbols: str, **fields: Any) -> None:
        head = (
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(self.socket, head.encode())
        while b"\r\n\r\n" not in self._data:
            await self.read(65536)
        self._data = self._data.partition(b"\r\n\r\n")[2]
        body = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": symbols, "frequency": 0} | fields
        await loop.sock_sendall(self.socket, Frame(Opcode.TEXT, json.dumps(body).encode()).serialize(mask=True))

    async def read(self, count: int) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.socket, count)
        except ConnectionError:
            data = b""
        self.is_over = not data
        self._data += data

    def take(self) -> list[dict[str, Any]]:
        """The whole messages read so far."""
        found = []
        while len(self._data) >= 2:
            length, header = self._data[1], 2
            if length >= 126:
                header = 4 if length == 126 else 10
                length = int.from_bytes(self._data[2:header])
            if len(self._data) < header + length:
                break
            found.append(json.loads(self._data[header : header + length]))
            self._data = self._data[header + length :]
        return found


@asynccontextmanager
async def readers(server: Server, count: int, **options: Any) -> AsyncIterator[list[Reader]]:
    found = [Reader(server.port, **options) for _ in range(count)]
    try:
        for one in found:
            await one.subscribe("A")
        yield found
    finally:
        for one in found:
            one.socket.close()


async def test_ten_of_two_hundred_stop_reading() -> None:
    """They go, each with its reason, memory stays bounded, and nobody else loses a message."""
    async with Server(port=0, limits=ServerLimits(write_deadline=0.3)) as server, readers(server, 200) as everyone:
        stopped, others = everyone[:10], everyone[10:]
        before, sequence, got = psutil.Process(os.getpid()).memory_info().rss, 0, [0] * len(others)
        async with asyncio.timeout(6 * PATIENCE):
            while server.stats()["aborted"].get("slow consumer", 0) < len(stopped):
                sequence += 1
                server.publish(market_data(symbol("A", float(sequence), bids=LEVELS)))
                for number, reader in enumerate(others):
                    while got[number] < sequence:
                        await reader.read(1 << 18)
                        streamed = [message["sequence"] for message in reader.take() if "sequence" in message]
                        assert streamed == list(range(got[number] + 1, got[number] + 1 + len(streamed)))
                        got[number] += len(streamed)
        assert server.stats()["aborted"] == {"slow consumer": 10}
        await settled(lambda: server.stats()["connections"] == 190)
        assert psutil.Process(os.getpid()).memory_info().rss - before < len(stopped) * MAX_BUFFER


async def test_a_reader_that_trickles_stays_and_sees_the_truth() -> None:
    """It is far slower than the stream for many deadlines; when it has caught up, it has the newest state."""
    async with (
        Server(port=0, limits=ServerLimits(write_deadline=0.3)) as server,
        readers(server, 1, buffer=4096) as (reader,),
    ):
        sequence, conflated_at = 0, None
        loop, start = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE):
            while conflated_at is None or loop.time() - start < 3.0:
                sequence += 1
                server.publish(market_data(symbol("A", float(sequence), bids=LEVELS)))
                await reader.read(1024)
                assert not reader.is_over
                await asyncio.sleep(0.01)  # the reader's pace, not a wait for anything
                if conflated_at is None and server._congested:
                    conflated_at, start = sequence, loop.time()
            assert server.stats()["aborted"] == {}
            last: dict[str, Any] = {}
            while not last or last["symbols"][0]["price"] != sequence:
                await reader.read(1 << 16)
                for message in reader.take():
                    last = message if message["type"] == "MARKET_DATA" else last
        assert server.stats()["conflated"] > 0
        assert server.stats()["connections"] == 1


async def test_events_that_may_not_be_skipped_close_with_4008() -> None:
    """A subscription that asks to be disconnected rather than to lose a trade."""
    async with Server(port=0, limits=ServerLimits(write_deadline=60)) as server:
        reader = Reader(server.port)
        await reader.subscribe("A", dataTypes=["BOOK_DELTA"], slowConsumer="DISCONNECT")
        price = 0
        async with asyncio.timeout(PATIENCE):
            while not server.stats()["aborted"]:
                price += 1
                levels = [OrderBookLevel(price=price + one.price, size=1.0, orders=1) for one in LEVELS]
                server.publish(market_data(symbol("A", bids=levels)))
                await asyncio.sleep(0)
            assert server.stats()["aborted"] == {"overflow": 1}
            while not reader.is_over:
                await reader.read(1 << 18)
        # The last frame is the close frame.
        assert b"\x88" + bytes([2 + len("slow consumer")]) + (4008).to_bytes(2) + b"slow consumer" in reader._data
        reader.socket.close()


class TestProgress:
    def test_a_reader_that_takes_nothing_has_stopped_at_its_deadline(self) -> None:
        progress = Progress(0.0, 100, 3.0)
        assert [progress.has_stopped(now, 100, paused=True) for now in (0.0, 2.9, 3.0)] == [False, False, True]

    def test_before_the_backlog_matters_it_may_wait(self) -> None:
        progress = Progress(0.0, 100, 3.0)
        assert not progress.has_stopped(100.0, 100, paused=False)
        assert not progress.has_stopped(101.0, 100, paused=True)
        assert progress.has_stopped(104.0, 100, paused=True)

    def test_what_was_on_its_way_is_no_proof(self) -> None:
        progress = Progress(0.0, 100, 3.0)
        assert not progress.has_stopped(0.2, 5000, paused=True)
        assert progress.has_stopped(3.2, 5000, paused=True)

    def test_a_lump_now_and_then_is_enough(self) -> None:
        progress, taken = Progress(0.0, 100, 3.0), 100
        assert not progress.has_stopped(2.5, taken, paused=True)
        for lump in range(1, 20):
            taken += 4096
            assert not progress.has_stopped(2.5 + 6.0 * lump - 6.0, taken, paused=True)
            assert not progress.has_stopped(2.5 + 6.0 * lump - 0.1, taken, paused=True)
        assert progress.has_stopped(1000.0, taken, paused=True)
