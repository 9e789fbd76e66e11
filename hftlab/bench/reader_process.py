"""A process that reads many connections and does next to nothing else, so that a server is measured, not its clients.

    python -m hftlab.bench.reader_process PORT CONNECTIONS [deflate] [subscribe] [count] [lazy]

It prints "connected" when all connections are open (and subscribed), and reads until its standard input closes and
everything on its way has arrived. With `count` it then prints how many frames of more than 125 bytes it has read. With
`lazy` it reads every 500 ms only: readers on other machines would not wake this one for each frame either.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import subprocess
import sys
import time
from types import TracebackType
from typing import Final, Self

from websockets.frames import Frame, Opcode

from hftlab.clock import to_milliseconds, wall_time
from hftlab.protocol import JSON, Subscribe
from hftlab.simulator import RandomWalk

__all__ = ["FrameCounter", "ReaderProcess", "connect", "subscribe"]

_DEFLATE: Final = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
_QUIET: Final = 0.5
"""Seconds without a byte after which nothing is on its way any more."""
_LAZY: Final = 0.5
"""Seconds between two readings with `lazy`."""


class ReaderProcess:
    """This program as a context manager; on entering, all its connections are open."""

    def __init__(self, port: int, connections: int, *flags: str) -> None:
        self._command = self.program("hftlab.bench.reader_process", str(port), str(connections), *flags)

    @staticmethod
    def program(module: str, *words: str) -> list[str]:
        """The command line of a module."""
        return [sys.executable, "-m", module, *words]

    def start(self) -> None:
        """Start the process without waiting for its connections."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_connected(self) -> None:
        """Wait until all connections are open. Raises RuntimeError if the process has failed."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "connected":
            raise RuntimeError("the readers could not connect")

    def stop(self) -> int:
        """End the process and return the number of frames that it counted, 0 without `count`."""
        return int(self.output() or 0)

    def output(self) -> str:
        """Close its standard input, wait for its end, and return what it has printed since "connected"."""
        printed, _ = self._process.communicate()
        return printed

    def __enter__(self) -> Self:
        self.start()
        self.wait_connected()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.output()


class FrameCounter:
    """Counts the frames of one connection (RFC 6455 section 5.2) without decoding them."""

    def __init__(self) -> None:
        self.frames = 0
        self._skip = 0
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Count what comes next."""
        data = self._rest + data
        at = self._skip
        while at + 10 <= len(data):
            length, header = data[at + 1] & 127, 2
            if length == 126:
                length, header = int.from_bytes(data[at + 2 : at + 4]), 4
            elif length == 127:
                length, header = int.from_bytes(data[at + 2 : at + 10]), 10
            self.frames += header > 2
            at += header + length
        self._rest, self._skip = (data[at:], 0) if at < len(data) else (b"", at - len(data))


def main(port: int, connections: int, flags: list[str]) -> None:
    """Run the program."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        reader = connect(port, deflate="deflate" in flags)
        if "subscribe" in flags:
            subscribe(reader)
        reader.setblocking(False)
        selector.register(reader, selectors.EVENT_READ, FrameCounter())
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("connected", flush=True)  # noqa: T201 - the signal for the parent
    counters = _read_until_closed(selector, count="count" in flags, pause=_LAZY if "lazy" in flags else 0.0)
    if "count" in flags:
        print(sum(counter.frames for counter in counters))  # noqa: T201 - the parent reads it


def _read_until_closed(selector: selectors.BaseSelector, *, count: bool, pause: float) -> list[FrameCounter]:
    counters = [key.data for key in selector.get_map().values() if key.data is not None]
    buffer = bytearray(1 << 20)
    timeout: float | None = None
    while ready := selector.select(timeout):
        for key, _ in ready:
            if key.fileobj is sys.stdin:
                if not count:
                    return counters
                selector.unregister(sys.stdin)
                timeout = _QUIET
                continue
            assert isinstance(key.fileobj, socket.socket)
            try:
                size = key.fileobj.recv_into(buffer)
            except BlockingIOError:
                continue
            except ConnectionError:
                size = 0
            if not size:
                selector.unregister(key.fileobj)
            elif count:
                key.data.take(bytes(buffer[:size]))
        if pause:
            time.sleep(pause)
    return counters


def connect(port: int, *, deflate: bool) -> socket.socket:
    """Open a WebSocket connection to a local server; returns the socket after the handshake."""
    reader = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{_DEFLATE if deflate else ''}\r\n"
    )
    reader.sendall(request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        # One byte at a time, so that no frame behind the head escapes the count.
        head += reader.recv(1)
    return reader


def subscribe(reader: socket.socket) -> None:
    """Subscribe to the random walk's symbols, to every change."""
    request = Subscribe(timestamp=to_milliseconds(wall_time()), symbols=RandomWalk().symbols, frequency=0)
    reader.sendall(Frame(Opcode.TEXT, JSON.encode(request)).serialize(mask=True))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
