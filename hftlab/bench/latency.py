"""`latency`: from publish() to the client's callback, with 100 connections at 10 Hz; server and client are processes.

The ratio is 1 ms to the 99th percentile. 99 connections are drained, one is a hftlab Client in a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Final

import msgspec

from hftlab.bench.drain import Drain
from hftlab.bench.result import Result
from hftlab.client import Client, LatencyHistogram
from hftlab.clock import from_milliseconds, to_milliseconds, wall_time
from hftlab.loop import run as run_loop
from hftlab.protocol import MarketData, Message
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 100
_RATE: Final = 10
_MESSAGES: Final = 400
_MUST_NS: Final = 1_000_000


def run() -> Result:
    summary = run_loop(_serve())
    ratio = _MUST_NS / summary["p99"]
    figures = {f"{name}_us": value / 1000 for name, value in summary.items()}
    return Result("latency", ratio, 1.0, ratio > 1.0, {**figures, "messages": _MESSAGES, "connections": _CONNECTIONS})


async def _serve() -> dict[str, float]:
    async with Server(None, port=0) as server:
        drain = Drain(server.port, _CONNECTIONS - 1, "subscribe")
        await asyncio.to_thread(drain.start)
        await asyncio.to_thread(drain.wait_connected)
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hftlab.bench.latency", server.url, stdout=subprocess.PIPE
        )
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(_publish(server))
            said, _ = await client.communicate()
            publishing.cancel()
        await asyncio.to_thread(drain.stop)
    return msgspec.json.decode(said, type=dict[str, float])


async def _publish(server: Server) -> None:
    """Ten full messages a second; each symbol's timestamp is the time of the call."""
    source = RandomWalk(7)
    while True:
        (message,) = source.advance(source.next_time())
        now = to_milliseconds(wall_time())
        for symbol in message.symbols:
            symbol.timestamp = now
        server.publish(message)
        await asyncio.sleep(1 / _RATE)


async def _measure(url: str) -> dict[str, float]:
    histogram = LatencyHistogram()
    done = asyncio.Event()

    def receive(message: Message) -> None:
        if isinstance(message, MarketData) and not message.snapshot:
            histogram.record(wall_time() - from_milliseconds(message.symbols[0].timestamp))
            if histogram.count == _MESSAGES:
                done.set()

    async with Client(url, enable_performance_metrics=False) as client:
        client.on("message", receive)
        await client.subscribe(RandomWalk().symbols, frequency=0)
        async with asyncio.timeout(3 * _MESSAGES / _RATE):
            await done.wait()
    return histogram.summary()


if __name__ == "__main__":
    print(msgspec.json.encode(run_loop(_measure(sys.argv[1]))).decode())  # noqa: T201 - the parent reads it
