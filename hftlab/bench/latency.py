"""`latency`: from the publisher to the client's callback, with 100 connections at 10 Hz.

A source that makes ten full messages a second stamps each symbol with the time at which it hands them to the publisher.
99 connections are read by processes of their own. The measured one is an hftlab Client in another process, connected
in the middle of them. `bare` is socket.send and socket.recv of as many bytes to as many connections, in the same order
and without Nagle's algorithm as well, and nothing else: it has nothing to encode and does not look at what it reads.
Both sleep until the system wakes them up, and take turns, so that a change of the machine's speed affects both alike:
the figures are medians over the turns of ours over bare, at the median and at the 99th percentile. The ratio is the
worse of the two against its limit, the limit over what was measured. `polling` is a client that polls its socket, as
programs do that need low latency.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from statistics import median
from typing import Any, Final

import msgspec

from hftlab.bench.raw_sockets import measure_latency
from hftlab.bench.reader_process import ReaderProcess
from hftlab.bench.result import Result
from hftlab.client import Client, LatencyHistogram
from hftlab.clock import NANOSECONDS, from_milliseconds, to_milliseconds, wall_time
from hftlab.loop import run as run_loop
from hftlab.protocol import MarketData, Message
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 100
_BEFORE: Final = 50
_RATE: Final = 10
_MESSAGES: Final = 100
"""Messages of each turn."""
_TURNS: Final = 5
_LIMITS: Final = {"p50": 1.4, "p99": 1.3}
"""Largest ratios of our latencies to those of bare sockets."""


def run() -> Result:
    """Run the benchmark."""
    turns = [_turn() for _ in range(_TURNS)]
    over_bare = {name: median(ours[name] / bare[name] for ours, bare in turns) for name in _LIMITS}
    polling, size = run_loop(_serve("poll"))
    figures: dict[str, Any] = {f"{name}_over_bare": value for name, value in over_bare.items()}
    figures |= {f"{name}_limit": limit for name, limit in _LIMITS.items()}
    for kind, summaries in (("ours", [ours for ours, _ in turns]), ("bare", [bare for _, bare in turns])):
        figures |= {f"{kind}_{name}_us": median(one[name] for one in summaries) / 1000 for name in _LIMITS}
    figures |= {f"polling_{name}_us": polling[name] / 1000 for name in _LIMITS}
    ratio = min(limit / over_bare[name] for name, limit in _LIMITS.items())
    figures |= {"turns": _TURNS, "messages": _MESSAGES, "connections": _CONNECTIONS, "frame_bytes": size}
    return Result("latency", ratio, 1.0, ratio >= 1.0, figures)


def _turn() -> tuple[dict[str, float], dict[str, float]]:
    """Measure both, one after the other; bare sockets send as many bytes as our frames have on average."""
    ours, size = run_loop(_serve("sleep"))
    return ours, measure_latency(_CONNECTIONS, _BEFORE, _MESSAGES, 1 / _RATE, size)


class _Stamped(RandomWalk):
    """A random walk whose symbols' timestamps are the time of the call, right before the publisher gets the message."""

    def advance(self, until: int) -> list[MarketData]:
        messages = super().advance(until)
        now = to_milliseconds(wall_time())
        for message in messages:
            for symbol in message.symbols:
                symbol.timestamp = now
        return messages


async def _serve(way: str) -> tuple[dict[str, float], int]:
    """Measure our server and client; returns the latencies in ns, and the bytes of a frame."""
    async with Server(_Stamped(7, interval=NANOSECONDS // _RATE), port=0) as server:
        before, after = (
            ReaderProcess(server.port, count, "subscribe", "lazy") for count in (_BEFORE, _CONNECTIONS - 1 - _BEFORE)
        )
        await _started(before)
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hftlab.bench.latency", server.url, way),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdout is not None
        await client.stdout.readline()
        await _started(after)
        printed, _ = await client.communicate(b"begin")
        for readers in (before, after):
            await asyncio.to_thread(readers.stop)
        sent = server.stats()
    return msgspec.json.decode(printed, type=dict[str, float]), round(sent["bytes_sent"] / sent["messages_sent"])


async def _started(readers: ReaderProcess) -> None:
    await asyncio.to_thread(readers.start)
    await asyncio.to_thread(readers.wait_connected)


async def _measure(url: str, way: str) -> dict[str, float]:
    histogram = LatencyHistogram()
    done = asyncio.Event()

    def receive(message: Message) -> None:
        if isinstance(message, MarketData) and not message.snapshot:
            histogram.record(wall_time() - from_milliseconds(message.symbols[0].timestamp))
            if histogram.count == _MESSAGES:
                done.set()

    async with Client(url, enable_performance_metrics=False, busy_poll=way == "poll") as client:
        await client.subscribe(RandomWalk().symbols, frequency=0)
        print("connected", flush=True)  # noqa: T201 - the parent waits for it
        await asyncio.to_thread(sys.stdin.read)  # until everyone is connected
        client.on("message", receive)
        async with asyncio.timeout(3 * _MESSAGES / _RATE):
            await done.wait()
    return histogram.summary()


if __name__ == "__main__":
    print(msgspec.json.encode(run_loop(_measure(*sys.argv[1:]))).decode())  # noqa: T201 - the parent reads it
