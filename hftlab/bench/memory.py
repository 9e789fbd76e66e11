"""`memory`: ten minutes at 10,000 messages a second through a server and a client in one process.

The ratio is the resident memory after one minute over that after ten; the design allows 5 % of growth.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Final

import psutil

from hftlab.bench.result import Result
from hftlab.client import Client
from hftlab.clock import NANOSECONDS, Clock, to_milliseconds
from hftlab.loop import run as run_loop
from hftlab.protocol import MarketData, MarketDataSymbol
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_RATE: Final = 10_000
_FIRST_SECONDS: Final = 60.0
_LAST_SECONDS: Final = 600.0
_MUST: Final = 1 / 1.05


class _Ticks:
    """A source with an update of one symbol every 100 µs; every message is a new object, with the same content."""

    name = "ticks"
    recorded = False
    symbols: Sequence[str] = ("AAPL",)

    def __init__(self) -> None:
        self.clock = Clock()
        walk = RandomWalk(7)
        (message,) = walk.advance(walk.next_time())
        self._symbol = message.symbols[0]
        self._next = self.clock.now()

    def next_time(self) -> int:
        return self._next

    def advance(self, until: int) -> list[MarketData]:
        messages = []
        while self._next <= until:
            messages.append(self._message(to_milliseconds(self._next)))
            self._next += NANOSECONDS // _RATE
        return messages

    def _message(self, now: float) -> MarketData:
        old = self._symbol
        symbol = MarketDataSymbol(**{name: getattr(old, name) for name in old.__struct_fields__} | {"timestamp": now})
        return MarketData(timestamp=now, symbols=[symbol])


def run() -> Result:
    """Run the benchmark."""
    return run_loop(_measure())


async def _measure() -> Result:
    process = psutil.Process(os.getpid())
    async with Server(_Ticks(), port=0) as server, Client(server.url, inbox_size=10_000) as client:
        await client.subscribe(["AAPL"], frequency=0)
        await asyncio.sleep(_FIRST_SECONDS)
        first, early = process.memory_info().rss, client.metrics.messages_received
        await asyncio.sleep(_LAST_SECONDS - _FIRST_SECONDS)
        last, late = process.memory_info().rss, client.metrics.messages_received
    ratio = first / last
    figures = {
        "rss_first_mb": first / 1e6,
        "rss_last_mb": last / 1e6,
        "messages_per_s": (late - early) / (_LAST_SECONDS - _FIRST_SECONDS),
        "messages": late,
    }
    return Result("memory", ratio, _MUST, ratio >= _MUST, figures)
