"""`latency`: from publish() to the client's callback, with 100 connections at 10 Hz.

99 connections are read dry by processes of their own; the one that is measured is a hftlab Client in another, and has
connected in the middle of them. `bare` is the same with nothing but socket.send and socket.recv of as many bytes: what
the machine itself needs, which may be most of a millisecond. The ratio is 1 ms to the 99th percentile.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Final

import msgspec

from hftlab.bench.bare import latency
from hftlab.bench.drain import Drain
from hftlab.bench.result import Result
from hftlab.client import Client, LatencyHistogram
from hftlab.clock import from_milliseconds, to_milliseconds, wall_time
from hftlab.loop import run as run_loop
from hftlab.protocol import JSON, MarketData, Message
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 100
_BEFORE: Final = 50
_RATE: Final = 10
_MESSAGES: Final = 400
_MUST_NS: Final = 1_000_000


def run() -> Result:
    bare = latency(_CONNECTIONS, _BEFORE, _MESSAGES, 1 / _RATE, len(JSON.encode(_message(RandomWalk(7)))))
    summary = run_loop(_serve())
    ratio = _MUST_NS / summary["p99"]
    figures = {f"{name}_us": value / 1000 for name, value in summary.items()}
    figures |= {f"bare_{name}_us": bare[name] / 1000 for name in ("p50", "p99")}
    return Result("latency", ratio, 1.0, ratio > 1.0, {**figures, "messages": _MESSAGES, "connections": _CONNECTIONS})


async def _serve() -> dict[str, float]:
    async with Server(None, port=0) as server:
        before, after = (
            Drain(server.port, count, "subscribe", "lazy") for count in (_BEFORE, _CONNECTIONS - 1 - _BEFORE)
        )
        await _started(before)
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hftlab.bench.latency", server.url), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert client.stdout is not None
        await client.stdout.readline()
        await _started(after)
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(_publish(server))
            said, _ = await client.communicate()
            publishing.cancel()
        for drain in (before, after):
            await asyncio.to_thread(drain.stop)
    return msgspec.json.decode(said, type=dict[str, float])


async def _started(drain: Drain) -> None:
    await asyncio.to_thread(drain.start)
    await asyncio.to_thread(drain.wait_connected)


async def _publish(server: Server) -> None:
    """Ten full messages a second; each symbol's timestamp is the time of the call."""
    source = RandomWalk(7)
    while True:
        message = _message(source)
        now = to_milliseconds(wall_time())
        for symbol in message.symbols:
            symbol.timestamp = now
        server.publish(message)
        await asyncio.sleep(1 / _RATE)


def _message(source: RandomWalk) -> MarketData:
    (message,) = source.advance(source.next_time())
    return message


async def _measure(url: str) -> dict[str, float]:
    histogram = LatencyHistogram()
    done = asyncio.Event()

    def receive(message: Message) -> None:
        if isinstance(message, MarketData) and not message.snapshot:
            histogram.record(wall_time() - from_milliseconds(message.symbols[0].timestamp))
            if histogram.count == _MESSAGES:
                done.set()

    async with Client(url, enable_performance_metrics=False) as client:
        await client.subscribe(RandomWalk().symbols, frequency=0)
        print("connected", flush=True)  # noqa: T201 - the parent waits for it
        client.on("message", receive)
        async with asyncio.timeout(3 * _MESSAGES / _RATE):
            await done.wait()
    return histogram.summary()


if __name__ == "__main__":
    print(msgspec.json.encode(run_loop(_measure(sys.argv[1]))).decode())  # noqa: T201 - the parent reads it
