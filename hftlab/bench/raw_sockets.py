"""Raw sockets: what this machine can do at all, measured beside hftlab.

    python -m hftlab.bench.raw_sockets PORT COUNT

reads COUNT times from one connection, whose bytes begin with the time when they were sent (int64 ns, little-endian),
and prints the percentiles of the latency as JSON.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import msgspec

from hftlab.bench.reader_process import ReaderProcess, connect
from hftlab.client import LatencyHistogram
from hftlab.clock import wall_time

__all__ = ["accepted", "listener", "measure_latency"]

_STAMP: Final = 8
"""Bytes of the time at the beginning."""


class _TimedReader(ReaderProcess):
    """A process of this program, with one connection."""

    def __init__(self, port: int, count: int, size: int) -> None:
        self._command = self.program("hftlab.bench.raw_sockets", str(port), str(count), str(size))


def measure_latency(connections: int, before: int, count: int, interval: float, size: int) -> dict[str, float]:
    """Measure from the first of `connections` sends of the same `size` bytes to one reader, in ns.

    The reader is sent to behind `before` others, which are read by processes of their own. Every `interval` seconds,
    `count` times.
    """
    with listener() as opened, ExitStack() as stack:
        port = opened.getsockname()[1]
        timed = _TimedReader(port, count, size)
        after = connections - before - 1
        sockets: list[socket.socket] = []
        for readers, number in (
            (ReaderProcess(port, before, "lazy"), before),
            (timed, 1),
            (ReaderProcess(port, after, "lazy"), after),
        ):
            sockets += stack.enter_context(accepted(opened, readers, number))
        for one in sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as servers do for messages that are rare
        for _ in range(count):
            time.sleep(interval)
            data = wall_time().to_bytes(_STAMP, "little") + b"x" * (size - _STAMP)
            for one in sockets:
                one.send(data)
        return msgspec.json.decode(timed.output(), type=dict[str, float])


@contextmanager
def listener() -> Iterator[socket.socket]:
    """Listen on a free local port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as opened:
        yield opened


@contextmanager
def accepted(opened: socket.socket, readers: ReaderProcess, count: int) -> Iterator[list[socket.socket]]:
    """Start a reader process and accept its connections, whose handshakes are answered and nothing more."""
    connections: list[socket.socket] = []
    accepting = threading.Thread(target=_accept, args=(opened, connections, count))
    accepting.start()
    with readers:
        accepting.join()
        yield connections
        for connection in connections:
            connection.close()


def _accept(opened: socket.socket, connections: list[socket.socket], count: int) -> None:
    while len(connections) < count:
        connection, _ = opened.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        connections.append(connection)


def _read(port: int, count: int, size: int) -> dict[str, float]:
    histogram = LatencyHistogram()
    buffer = bytearray(size)  # made once: a new one for each message costs as much as reading it
    with connect(port, deflate=False) as reader:
        print("connected", flush=True)  # noqa: T201 - the parent waits for it
        for _ in range(count):
            reader.recv_into(buffer, size, socket.MSG_WAITALL)  # two messages may have come, or half of one
            histogram.record(wall_time() - int.from_bytes(buffer[:_STAMP], "little"))
    return histogram.summary()


if __name__ == "__main__":
    print(msgspec.json.encode(_read(*map(int, sys.argv[1:4]))).decode())  # noqa: T201 - the parent reads it
