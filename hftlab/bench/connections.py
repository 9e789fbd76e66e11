"""`connections`: 1,000 connections at 10 Hz with eight symbols each: what is lost, and the server's share of a core.

The ratio is 15 % of a core over what the server process has used, and 0 if anything was lost.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from hftlab.bench.reader_process import ReaderProcess
from hftlab.bench.result import Result
from hftlab.clock import Clock
from hftlab.loop import run as run_loop
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 1000
_SECONDS: Final = 10.0
_MUST: Final = 0.15
_REPLIES: Final = 3
"""Frames that each reader gets beside the stream: the welcome, the acknowledgement and a snapshot."""


def run() -> Result:
    """Run the benchmark."""
    return run_loop(_measure())


async def _measure() -> Result:
    clock = Clock()
    async with Server(RandomWalk(7, clock=clock), port=0) as server:
        readers = ReaderProcess(server.port, _CONNECTIONS, "subscribe", "count")
        await asyncio.to_thread(readers.start)
        await asyncio.to_thread(readers.wait_connected)
        before, start, cpu = server.stats(), time.perf_counter(), time.process_time()
        await asyncio.sleep(_SECONDS)
        elapsed, used, middle = time.perf_counter() - start, time.process_time() - cpu, server.stats()
        clock.pause()
        received = await asyncio.to_thread(readers.stop) - _CONNECTIONS * _REPLIES
        after = server.stats()
    sent = after["messages_sent"]
    share = used / elapsed
    skipped = after["conflated"] + after["gaps"] + sum(after["aborted"].values())
    is_whole = received == sent and not skipped
    ratio = _MUST / share if is_whole else 0.0
    figures = {
        "connections": _CONNECTIONS,
        "server_core_share": share,
        "messages_sent": sent,
        "messages_received": received,
        "conflated_gaps_aborted": skipped,
        "messages_per_s": (middle["messages_sent"] - before["messages_sent"]) / elapsed,
    }
    return Result("connections", ratio, 1.0, ratio >= 1.0, figures)
