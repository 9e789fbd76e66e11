"""Readers that stop and readers that trickle, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from hftlab.protocol import OrderBookLevel
from hftlab.server import Server, ServerLimits, server_socket
from hftlab.server.server_socket import HIGH_WATER
from hftlab.server.stall_detector import StallDetector
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, settled
from tests.server.readers import Reader, readers

LEVELS = [OrderBookLevel(price=float(price), size=1.0, orders=1) for price in range(1, 200)]
FRAME = 32 * 1024
"""More bytes than one message of LEVELS has."""
BUFFER, SEGMENT = 16 * 1024, 1400
"""Of the trickling reader, in bytes: segments as on a network, and a buffer whose sixteenth is less than one.

Linux tells a sender of new room only when it is a segment or a sixteenth of the buffer. What takes longer than the
deadline to read is more than any sender can tell from silence.
"""


class Stream:
    """Publishes numbered states of A, and checks that each reader has them all."""

    def __init__(self, server: Server, levels: int = len(LEVELS)) -> None:
        self.server, self.sequence, self._levels = server, 0, LEVELS[:levels]
        self.buffered = 0
        """The most bytes that ever waited in user space for one reader."""

    def publish(self) -> None:
        self.sequence += 1
        self.server.publish(market_data(symbol("A", float(self.sequence), bids=self._levels)))
        self.buffered = max([self.buffered, *(one.buffered for one in self.server.connections())])

    async def follow(self, reader: Reader, got: list[int]) -> None:
        """Read to the end; nothing may be missing."""
        while not reader.is_over:
            await reader.read(1 << 16)
            for message in reader.take():
                if message["type"] == "MARKET_DATA" and "snapshot" not in message:
                    assert message["sequence"] == len(got) + 1
                    assert message["symbols"][0]["price"] == message["sequence"]
                    got.append(message["sequence"])


@asynccontextmanager
async def followed(stream: Stream, everyone: list[Reader]) -> AsyncIterator[tuple[list[asyncio.Task[None]], list[Any]]]:
    """A task a reader that reads all it can, and what each has got."""
    got: list[list[int]] = [[] for _ in everyone]
    tasks = [asyncio.create_task(stream.follow(*pair)) for pair in zip(everyone, got, strict=True)]
    try:
        yield tasks, got
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_ten_of_two_hundred_stop_reading() -> None:
    """They go, each with its reason; their buffers stay bounded, and nobody else loses a message."""
    async with (
        Server(port=0, limits=ServerLimits(write_deadline=0.3)) as server,
        readers(server, 190) as others,
        readers(server, 10, buffer=4096) as stopped,
    ):
        stream = Stream(server)
        async with followed(stream, others) as (tasks, got), asyncio.timeout(6 * PATIENCE):
            while server.stats()["aborted"].get("slow consumer", 0) < len(stopped):
                stream.publish()
                await settled(
                    lambda: all(len(one) == stream.sequence for one in got) or any(task.done() for task in tasks)
                )
                assert not any(task.done() for task in tasks)
        assert server.stats()["aborted"] == {"slow consumer": 10}
        await settled(lambda: server.stats()["connections"] == 190)
        assert stream.buffered < HIGH_WATER + FRAME


@pytest.mark.soak
async def test_with_the_server_s_own_limits_those_that_stop_go_and_the_others_read_on() -> None:
    """Each that stops is given up, and until the last of them is, the others have every message before the next."""
    async with Server(port=0) as server, readers(server, 200, buffer=1 << 16) as everyone:
        stream = Stream(server, levels=50)
        async with followed(stream, everyone) as (tasks, got), asyncio.timeout(6 * PATIENCE):

            async def publish(reading: slice) -> None:
                """One message, and wait until those that read have it."""
                stream.publish()
                await settled(lambda: all(len(one) == stream.sequence for one in got[reading]))
                assert not any(task.done() for task in tasks[reading])

            for _ in range(100):
                await publish(slice(None))
            gc.collect()
            before = psutil.Process(os.getpid()).memory_info().rss
            for task in tasks[:10]:
                task.cancel()
            while server.stats()["connections"] > 190:
                await publish(slice(10, None))
            grown = psutil.Process(os.getpid()).memory_info().rss - before
        assert server.stats()["aborted"] == {"slow consumer": 10}
        assert grown < 10 * server.limits.queue_bytes
        assert stream.buffered < HIGH_WATER + FRAME


@pytest.mark.parametrize(
    ("deadline", "pause", "seconds", "buffer", "segment"),
    [
        (1.0, 0.03, 4.0, BUFFER, SEGMENT),
        pytest.param(3.0, 0.1, 20.0, BUFFER, SEGMENT, marks=pytest.mark.soak),
        pytest.param(3.0, 1.0, 60.0, 1024, 536, marks=pytest.mark.soak),
        pytest.param(30.0, 1.0, 60.0, BUFFER, SEGMENT, marks=pytest.mark.soak),
    ],
)
async def test_a_reader_that_trickles_stays_and_sees_the_truth(
    deadline: float, pause: float, seconds: float, buffer: int, segment: int
) -> None:
    """It takes 1 kB now and then, far less than the stream, and stays; the soak: with our own deadline.

    At 1 kB/s that takes a reader whose system has little room, and so soon tells of some. With more it says nothing for
    many seconds, as the system of one that does not read at all, and the server needs a longer deadline.

    Each message that it has read is the market's whole state at that message, and once it has caught up, the newest.
    """
    async with (
        Server(port=0, limits=ServerLimits(write_deadline=deadline)) as server,
        readers(server, 1, buffer=buffer, segment=segment) as (reader,),
    ):
        stream, time = Stream(server), asyncio.get_running_loop().time
        end: float | None = None
        shown: list[int] = []

        async def show(count: int) -> None:
            await reader.read(count)
            assert not reader.is_over
            for message in reader.take():
                if message["type"] == "MARKET_DATA":
                    (told,) = message["symbols"]
                    assert (told["price"], len(told["bids"])) == (message["sequence"], len(LEVELS))
                    shown.append(message["sequence"])

        async with asyncio.timeout(PATIENCE + 2 * seconds):
            while end is None or time() < end:
                # So much more than it reads that it falls behind at once, and again after each snapshot.
                for _ in range(20 if end is None else 2):
                    stream.publish()
                await show(1024)
                await asyncio.sleep(pause)  # the reader's pace, not a wait for anything
                if end is None and any(one.backlog != "none" for one in server.connections()):
                    end = time() + seconds
            assert server.stats()["aborted"] == {}
            while not shown or shown[-1] != stream.sequence:
                await show(1 << 16)
        assert shown == sorted(shown)
        assert server.stats()["conflated"] > 0
        assert server.stats()["connections"] == 1
        assert stream.buffered < HIGH_WATER + FRAME


async def test_one_that_never_reads_goes_whatever_buffers_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its system takes the last of what fits a fifth of a second late; that is no sign of a reader that is slow."""
    detectors: list[StallDetector] = []

    def detector(*given: float) -> StallDetector:
        detectors.append(StallDetector(*given))
        return detectors[-1]

    monkeypatch.setattr(server_socket, "StallDetector", detector)
    kinds = [(buffer, segment) for buffer in (None, 16_384, 65_536, 262_144) for segment in (None, SEGMENT)]
    async with Server(port=0, limits=ServerLimits(write_deadline=1.0)) as server:
        stopped = [Reader(server.port, buffer=buffer, segment=segment) for buffer, segment in kinds]
        for reader in stopped:
            await reader.subscribe("A")
        stream = Stream(server)
        async with asyncio.timeout(PATIENCE):
            while server.stats()["aborted"] != {"slow consumer": len(stopped)}:
                if any(one.backlog == "none" for one in server.connections()):
                    for _ in range(20):
                        stream.publish()
                await asyncio.sleep(0.01)  # the source's pace
                assert not any(one.is_proved for one in detectors)
        for reader in stopped:
            reader.socket.close()


async def test_events_that_may_not_be_skipped_close_with_4008() -> None:
    """A subscription that asks to be disconnected rather than to lose a change of the book."""
    async with Server(port=0, limits=ServerLimits(write_deadline=60)) as server:
        reader = Reader(server.port)
        await reader.subscribe("A", dataTypes=["BOOK_DELTA"], slowConsumer="DISCONNECT")
        size = 0.0
        async with asyncio.timeout(PATIENCE):
            while not server.stats()["aborted"]:
                size += 1.0
                levels = [OrderBookLevel(price=one.price, size=size, orders=1) for one in LEVELS]
                server.publish(market_data(symbol("A", bids=levels)))
                await asyncio.sleep(0)
            assert server.stats()["aborted"] == {"disconnect": 1}
            sequences: list[int] = []
            while not reader.is_over:
                await reader.read(1 << 18)
                frames = reader.take()
                sequences += [one["sequence"] for one in frames if one["type"] == "BOOK_DELTA"]
        # All that was numbered for it before came, in order, and then the close frame.
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert reader.close == (4008, "slow consumer")
        assert server.stats()["gaps"] == 0
        reader.socket.close()
