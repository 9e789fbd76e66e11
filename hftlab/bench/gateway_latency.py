"""Latency that a gateway adds: from the source to a connection, through a cluster and through one process."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from contextlib import AsyncExitStack
from statistics import median, quantiles
from typing import Final

import msgspec

from hftlab.bench.reader_process import connect, subscribe
from hftlab.bench.sink_process import SinkProcess
from hftlab.gateway import LocalCluster
from hftlab.protocol import MarketData
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["measure_latency"]

_CONNECTIONS: Final = 100
_MESSAGES: Final = 150
_INTERVAL: Final = 20_000_000
_TURNS: Final = 3
_STAMP: Final = re.compile(rb'"id":"ns(\d+)"')


class _Stamped(RandomWalk):
    """A walk at 50 Hz whose messages have the time at which they were handed on as their id."""

    def __init__(self) -> None:
        super().__init__(7, interval=_INTERVAL)

    def advance(self, until: int) -> list[MarketData]:
        made = super().advance(until)
        return [msgspec.structs.replace(one, id=f"ns{time.perf_counter_ns()}") for one in made]


async def measure_latency() -> dict[str, float]:
    """Return p50 and p99 of one process and of a cluster in ms, and what the cluster adds; medians over the turns."""
    async with (
        Server(_Stamped(), port=0) as server,
        LocalCluster(_Stamped(), 1) as cluster,
        AsyncExitStack() as stack,
    ):
        ports = [server.port, int(cluster.urls[0].rpartition(":")[2])]
        for port in ports:
            sink = SinkProcess(port, _CONNECTIONS - 1)
            await asyncio.to_thread(sink.start)
            stack.callback(sink.stop)
            await asyncio.to_thread(sink.wait_connected)
        turns = [[await _read(port) for port in ports] for _ in range(_TURNS)]
    figures: dict[str, float] = {}
    for number, name in enumerate(("p50", "p99")):
        alone, behind = ([turn[which][number] for turn in turns] for which in (0, 1))
        figures[f"one_process_{name}_ms"] = median(alone)
        figures[f"cluster_{name}_ms"] = median(behind)
        figures[f"added_{name}_ms"] = median(after - before for before, after in zip(alone, behind, strict=True))
    return figures


async def _read(port: int) -> tuple[float, float]:
    """Return p50 and p99 in ms at a connection behind all others."""
    reader: socket.socket = await asyncio.to_thread(connect, port, deflate=False)
    subscribe(reader)
    reader.setblocking(False)
    loop, taken, rest = asyncio.get_running_loop(), list[float](), b""
    with reader:
        while len(taken) < _MESSAGES:
            data = rest + await loop.sock_recv(reader, 1 << 20)
            now = time.perf_counter_ns()
            found = list(_STAMP.finditer(data))
            taken += [(now - int(one[1])) / 1e6 for one in found]
            rest = data[found[-1].end() :] if found else data
    cuts = quantiles(taken, n=100)
    return cuts[49], cuts[98]
