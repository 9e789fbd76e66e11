"""`record`: full market data recorded as fast as it becomes durable and Parquet, as a client's tap hands it over.

The recorder gets messages with the JSON that they came as, so that decoding, which is the client's, is not in the
figures. It is fed as fast as the journal's segments become Parquet: never more than two of them wait. The ratio is the
rows a second over the 100,000 that the design asks for, a row being one symbol of an 8-symbol message.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Final

import psutil

from hftlab.bench.result import Result
from hftlab.clock import NANOSECONDS, Clock
from hftlab.protocol import JSON, MarketData
from hftlab.recorder import Recording
from hftlab.simulator import Exchange, RandomWalk

__all__ = ["run"]

_ROWS: Final = 100_000
_LONGEST_WAIT: Final = 0.25
_SMALLEST: Final = 15.0
_SECONDS: Final = 60.0
_FIRST: Final = 10.0
"""Seconds after which memory should not grow any more."""
_MESSAGES: Final = 2000
_WAITING: Final = 4 * 1024 * 1024
"""Bytes that may wait for the journal: what waits longer is what this has put in front of it."""
_LOOK: Final = 16
"""Messages between two looks at what is acknowledged."""
_EXCHANGE_SECONDS: Final = 60.0


def run() -> Result:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory(prefix="hftlab-bench-") as folder:
        figures = _sustained(Path(folder) / "walk") | _size(Path(folder) / "exchange")
    ratio = figures["rows_per_s"] / _ROWS
    met = (
        ratio >= 1
        and figures["longest_wait_ms"] < _LONGEST_WAIT * 1e3
        and figures["json_over_parquet"] >= _SMALLEST
        and not figures["dropped"]
    )
    return Result("record", ratio, 1.0, met, figures)


def _sustained(folder: Path) -> dict[str, float]:
    recording = Recording(folder, source={"name": "bench"})
    waits = _Waits(recording)
    messages = _messages()
    rows = sent = 0
    memory: list[int] = []
    start = now = time.monotonic()
    while now - start < _SECONDS:
        for message, payload in (next(messages) for _ in range(_LOOK)):
            recording.message(message, time.time_ns(), payload=payload, steady=time.monotonic_ns())
            rows += len(message.symbols)
            sent += len(payload)
        now = time.monotonic()
        waits.sent(_LOOK, now)
        while recording.waiting_bytes > _WAITING or recording.waiting_segments > 1:
            time.sleep(0.001)
            now = time.monotonic()
            waits.look(now)
        if len(memory) < 1 and now - start > _FIRST:
            memory.append(_memory())
    fed = now - start
    memory.append(_memory())
    session = recording.close()
    whole = time.monotonic() - start
    assert session.manifest.rows("market_data") == rows - 8 * recording.dropped
    return {
        "rows_per_s": rows / whole,
        "longest_wait_ms": waits.longest * 1e3,
        "journal_mb_per_s": sent / 1e6 / fed,
        "seconds_to_close": whole - fed,
        "dropped": recording.dropped,
        "rss_after_10_s_mb": memory[0] / 1e6,
        "rss_at_the_end_mb": memory[-1] / 1e6,
        "rows": rows,
        "json_bytes_per_row": sent / rows,
        "parquet_bytes_per_row": session.manifest.size / rows,
    }


def _memory() -> int:
    """Return the bytes that this process and the one that makes Parquet have in memory."""
    own = psutil.Process()
    return sum(process.memory_info().rss for process in (own, *own.children()))


class _Waits:
    """How long messages wait until they count as recorded."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._sent: deque[tuple[int, float]] = deque()
        """Numbers of messages, each with the time when the last of them was sent."""
        self._count = 0
        self.longest = 0.0

    def sent(self, count: int, now: float) -> None:
        self._count += count
        self._sent.append((self._count, now))
        self.look(now)

    def look(self, now: float) -> None:
        recorded = self._recording.recorded
        while self._sent and self._sent[0][0] <= recorded:
            self._sent.popleft()
        if self._sent:
            self.longest = max(self.longest, now - self._sent[0][1])


def _messages() -> Iterator[tuple[MarketData, bytes]]:
    source = RandomWalk(7, clock=Clock(1_700_000_000 * NANOSECONDS, paused=True))
    made: list[tuple[MarketData, bytes]] = []
    while len(made) < _MESSAGES:
        at = source.next_time()
        made += [(message, JSON.encode(message)) for message in source.advance(at)]
    return cycle(made)


def _size(folder: Path) -> dict[str, float]:
    """Record a minute of the simulated exchange; returns how much smaller than its JSON it is."""
    exchange = Exchange(7, clock=Clock(1_700_000_000 * NANOSECONDS, paused=True))
    recording = Recording(folder, source={"name": "exchange"})
    size = 0
    for segment in exchange.segments(_EXCHANGE_SECONDS):
        for at, message in segment.messages:
            payload = JSON.encode(message)
            size += len(payload)
            recording.message(message, at, payload=payload)
    return {"json_over_parquet": size / recording.close().manifest.size}
