"""`gateway`: what a cluster of gateways over NATS delivers, what it adds in latency, and what becomes of failures.

Delivered: full 8-symbol messages to 1,200 connections that are drained, all at one gateway, or half of them at each of
two, the publisher and nats-server on the same processors. The source makes as many messages as the slowest gateway
delivers: the newest 8 at most are on their way to a connection at each gateway that was opened behind all others. One
and two gateways take turns, and the ratio is the median over the turns.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from statistics import median
from typing import Any, Final

from hftlab.bench.gateway_failures import measure_failures
from hftlab.bench.gateway_latency import measure_latency
from hftlab.bench.reader_process import FrameCounter, connect, subscribe
from hftlab.bench.result import Result
from hftlab.bench.sink_process import SinkProcess
from hftlab.clock import Clock, wall_time
from hftlab.gateway import LocalCluster
from hftlab.loop import run as run_loop
from hftlab.protocol import MarketData
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 1200
_SECONDS: Final = 3.0
_TURNS: Final = 3
_STOCK: Final = 64
_WINDOW: Final = 8
_QUIET: Final = 0.3
_MUST: Final = 1.6
_BACK: Final = 2.0
"""Seconds in which all clients of a killed gateway have to be at the other one."""


def run() -> Result:
    """Run the benchmark."""
    turns = [tuple(run_loop(_delivered(gateways)) for gateways in (1, 2)) for _ in range(_TURNS)]
    ratio = median(two / one for one, two in turns)
    failures = run_loop(measure_failures())
    figures: dict[str, Any] = {
        "connections": _CONNECTIONS,
        "one_gateway_per_s": median(one for one, _ in turns),
        "two_gateways_per_s": median(two for _, two in turns),
        "ratios": " ".join(f"{two / one:.2f}" for one, two in turns),
        **run_loop(measure_latency()),
        **failures,
    }
    is_whole = failures["gateway_killed_s"] <= _BACK and failures["private_lost"] == failures["private_twice"] == 0
    return Result("gateway", ratio, _MUST, ratio >= _MUST and is_whole, figures)


class _Credited:
    """Source that repeats ready messages of the random walk, each as soon as `allowed` lets it."""

    name, recorded = "credited", False

    def __init__(self) -> None:
        walk = RandomWalk(7)
        made = [one for _ in range(_STOCK) for one in walk.advance(walk.next_time())]
        self.symbols, self.clock = walk.symbols, Clock(timer=wall_time)
        self._stock = itertools.cycle(made)
        self._allowed = self._made = self._due = 0
        self._wake: Callable[[], None] = _nothing

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._wake = callback
        return _nothing

    def allow(self, allowed: int) -> None:
        """Let it make messages up to a number."""
        if allowed > self._allowed:
            self._allowed, self._due = allowed, self.clock.now()
            self._wake()

    def next_time(self) -> int | None:
        return self._due if self._made < self._allowed else None

    def advance(self, until: int) -> list[MarketData]:  # noqa: ARG002 - all that is allowed is due
        count, self._made = self._allowed - self._made, self._allowed
        return [next(self._stock) for _ in range(count)]


def _nothing() -> None:
    pass


class _Probe:
    """Connection behind all others of a gateway; `frames` are those that have come to it."""

    def __init__(self, port: int, heard: Callable[[], None]) -> None:
        self._counter, self._heard = FrameCounter(), heard
        self._socket: socket.socket = connect(port, deflate=False)
        subscribe(self._socket)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    @property
    def frames(self) -> int:
        return self._counter.frames

    def _read(self) -> None:
        self._counter.take(self._socket.recv(1 << 20))
        self._heard()

    def close(self) -> None:
        """Close the connection."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


async def _delivered(gateways: int) -> float:
    """Return messages a second to all connections together."""
    source = _Credited()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(LocalCluster(source, gateways))
        ports = [int(url.rpartition(":")[2]) for url in cluster.urls]
        sinks = stack.enter_context(ExitStack())
        for port in ports:
            sink = SinkProcess(port, _CONNECTIONS // gateways - 1)
            await asyncio.to_thread(sink.start)
            await asyncio.to_thread(sink.wait_connected)
            sinks.callback(sink.stop)
        probes: list[_Probe] = []
        begun: list[int] = []

        def heard() -> None:
            if begun:
                source.allow(min(one.frames - first for one, first in zip(probes, begun, strict=True)) + _WINDOW)

        probes += [_Probe(port, heard) for port in ports]
        for probe in probes:
            stack.callback(probe.close)
        await asyncio.sleep(_QUIET)
        begun += [probe.frames for probe in probes]
        source.allow(_WINDOW)
        await asyncio.sleep(_QUIET)  # until everything is warm
        before, start = [probe.frames for probe in probes], time.perf_counter()
        await asyncio.sleep(_SECONDS)
        counts, elapsed = [probe.frames for probe in probes], time.perf_counter() - start
    share = _CONNECTIONS // gateways
    return sum(share * (after - first) for after, first in zip(counts, before, strict=True)) / elapsed
