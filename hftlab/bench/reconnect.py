"""`reconnect`: the time from a cut connection to a restored subscription, and the time to set up a connection.

The server is up all the time. The ratio is the smaller of two: 250 ms over the slowest reconnection, and 10 ms over the
99th percentile of a set-up.
"""

from __future__ import annotations

import asyncio
from typing import Final, Self

from hftlab.bench.result import Result
from hftlab.client import Client, LatencyHistogram
from hftlab.clock import wall_time
from hftlab.loop import run as run_loop
from hftlab.protocol import Message
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CUTS: Final = 50
_SET_UPS: Final = 300
_LASTS: Final = 0.1
"""Seconds that a connection lasts before it is cut. The client's reconnect interval is half of it, so that the client
tries again immediately after a loss."""
_RECONNECT_MUST: Final = 250e6
_SET_UP_MUST: Final = 10e6


def run() -> Result:
    """Run the benchmark."""
    return run_loop(_measure())


async def _measure() -> Result:
    async with Server(RandomWalk(7), port=0) as server:
        set_up = await _set_ups(server)
        reconnect = await _reconnections(server)
    ratio = min(_RECONNECT_MUST / reconnect["max"], _SET_UP_MUST / set_up["p99"])
    figures = {
        "reconnections": _CUTS,
        "reconnect_p50_ms": reconnect["p50"] / 1e6,
        "reconnect_max_ms": reconnect["max"] / 1e6,
        "set_ups": _SET_UPS,
        "set_up_p50_ms": set_up["p50"] / 1e6,
        "set_up_p99_ms": set_up["p99"] / 1e6,
    }
    return Result("reconnect", ratio, 1.0, ratio > 1.0, figures)


class _Relay:
    """A TCP relay to a local port that can be cut, and accepts the next connection immediately."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(self._listener.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, away = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, away]
        await asyncio.gather(self._relay(reader, away), self._relay(there, writer), return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def _set_ups(server: Server) -> dict[str, float]:
    """Measure from nothing to CONNECTED, in ns."""
    histogram = LatencyHistogram()
    for _ in range(_SET_UPS):
        start = wall_time()
        async with Client(server.url):
            histogram.record(wall_time() - start)
    return histogram.summary()


async def _reconnections(server: Server) -> dict[str, float]:
    """Measure from cutting the connection to the next message of the restored subscription, in ns."""
    histogram = LatencyHistogram()
    arrived = asyncio.Event()

    def arrive(message: Message) -> None:
        if message.type == "MARKET_DATA":
            arrived.set()

    async with (
        _Relay(server.port) as relay,
        Client(f"ws://127.0.0.1:{relay.port}", reconnect_interval=_LASTS / 2) as client,
    ):
        client.on("message", arrive)
        await client.subscribe(["AAPL"])
        for _ in range(_CUTS):
            await asyncio.sleep(_LASTS)
            arrived.clear()
            await arrived.wait()
            arrived.clear()
            start = wall_time()
            relay.cut()
            await arrived.wait()
            histogram.record(wall_time() - start)
    return histogram.summary()
