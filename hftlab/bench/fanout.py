"""`fanout`: full 8-symbol messages to 300 connections that are read dry.

Plain frames are measured against bare socket.send of the same bytes, compressed ones against the reference document's
own server in Node, which is looked for in HFTLAB_PEERS (default ../shared/peers). Plain frames and bare sockets take
turns, and the ratio is the median over the turns: bare sockets alone differ by half from one turn to the next, because
the kernel sends more at once to a reader that is a little slower (Nagle's algorithm, RFC 896).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

from hftlab.bench.node import node_folder
from hftlab.bench.raw_sockets import accepted, listener
from hftlab.bench.reader_process import ReaderProcess
from hftlab.bench.result import Result
from hftlab.clock import Clock
from hftlab.loop import run as run_loop
from hftlab.protocol import JSON, MarketData
from hftlab.server import Server
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_CONNECTIONS: Final = 300
_SECONDS: Final = 4.0
_TURNS: Final = 5
_TURN: Final = 2.0
"""Seconds of each turn."""
_STOCK: Final = 64
"""Messages that are made before the measurement."""
_MUST: Final = 0.8
_NODE_MUST: Final = 20.0


def run() -> Result:
    """Run the benchmark."""
    size = _message_size()
    turns = [(_raw_send(size), run_loop(_ours())) for _ in range(_TURNS)]
    raw, plain = (_medians(figures) for figures in zip(*turns, strict=True))
    compressed = run_loop(_ours("deflate", seconds=_SECONDS))
    node = _node()
    ratio = median(ours["per_second"] / bare["per_second"] for bare, ours in turns)
    figures: dict[str, Any] = {
        "payload_bytes": size,
        "socket_send_per_s": raw["per_second"],
        "plain_per_s": plain["per_second"],
        "plain_cpu_us": plain["cpu_us"],
        "compressed_per_s": compressed["per_second"],
        "compressed_cpu_us": compressed["cpu_us"],
        "compressed_frame_bytes": compressed["frame_bytes"],
        "node_per_s": node,
        "node_ratio": compressed["per_second"] / node if node else None,
        "node_must": _NODE_MUST,
    }
    met = ratio >= _MUST and (node is None or compressed["per_second"] / node >= _NODE_MUST)
    return Result("fanout", ratio, _MUST, met, figures)


def _medians(turns: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: median(turn[name] for turn in turns) for name in turns[0]}


def _message_size() -> int:
    source = RandomWalk(7)
    (message,) = source.advance(source.next_time())
    return len(JSON.encode(message))


class _Stock(RandomWalk):
    """Repeats ready messages: making them is the simulator's work, and bare sockets send ready bytes as well."""

    def __init__(self) -> None:
        super().__init__(7, clock=Clock(speed=float("inf")))
        made = [super(_Stock, self).advance(self.next_time()) for _ in range(_STOCK)]
        self._stock = itertools.cycle(made)

    def advance(self, until: int) -> list[MarketData]:
        self._next = until + self.interval
        return next(self._stock)


async def _ours(*flags: str, seconds: float = _TURN) -> dict[str, float]:
    """Measure our server, whose clock does not pace it: it is as fast as its readers."""
    source = _Stock()
    async with Server(source, port=0) as server:
        readers = ReaderProcess(server.port, _CONNECTIONS, *flags, "subscribe")
        await asyncio.to_thread(readers.start)
        try:
            await asyncio.to_thread(readers.wait_connected)
            await asyncio.sleep(0.3)
            before, start, cpu = server.stats(), time.perf_counter(), time.process_time()
            await asyncio.sleep(seconds)
            after, elapsed, used = server.stats(), time.perf_counter() - start, time.process_time() - cpu
        finally:
            await asyncio.to_thread(readers.stop)
    sent = after["messages_sent"] - before["messages_sent"]
    return {
        "per_second": sent / elapsed,
        "cpu_us": used / sent * 1e6,
        "frame_bytes": (after["bytes_sent"] - before["bytes_sent"]) / sent,
    }


def _raw_send(size: int) -> dict[str, float]:
    """Measure the physical limit: the same bytes with nothing but socket.send."""
    with ExitStack() as stack:
        opened = stack.enter_context(listener())
        readers = ReaderProcess(opened.getsockname()[1], _CONNECTIONS)
        connections = stack.enter_context(accepted(opened, readers, _CONNECTIONS))
        frame = b"x" * (size + 4)
        start, cpu, sent = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < _TURN:
            for connection in connections:
                connection.send(frame)
            sent += len(connections)
        elapsed, used = time.perf_counter() - start, time.process_time() - cpu
    return {"per_second": sent / elapsed, "cpu_us": used / sent * 1e6}


def _node() -> float | None:
    """Measure messages a second of the reference server with compression; None where it or Node is missing."""
    script = Path(os.environ.get("HFTLAB_PEERS", "../shared/peers")) / "reference_server.js"
    folder = node_folder()
    if folder is None or not script.is_file():
        return None
    # Node looks for packages beside the script, so it runs a copy beside them.
    copy = folder / "reference_server.cjs"
    shutil.copyfile(script, copy)
    port = _free_port()
    command = ["node", str(copy), str(port), str(_CONNECTIONS), str(_SECONDS), "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        _wait_for(port)
        with ReaderProcess(port, _CONNECTIONS, "deflate"):
            assert server.stdout is not None
            printed = server.stdout.read()
    found = re.search(r"sent/s=(\d+)", printed)
    return float(found[1]) if found else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # Not a WebSocket handshake, so it does not count as one of the connections.
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the reference server did not start")
