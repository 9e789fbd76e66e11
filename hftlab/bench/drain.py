"""Readers that read dry and do nothing else, so that a server and not its clients is measured.

    python -m hftlab.bench.drain PORT CONNECTIONS [deflate] [subscribe]

Prints "connected" when all connections are open (and subscribed), and reads until its standard input closes.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

from websockets.frames import Frame, Opcode

from hftlab.clock import to_milliseconds, wall_time
from hftlab.protocol import JSON, Subscribe
from hftlab.simulator import RandomWalk

__all__ = ["Drain"]

_DEFLATE: Final = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


class Drain:
    """That program as a context manager: connected when it is entered."""

    def __init__(self, port: int, connections: int, *flags: str) -> None:
        self._command = [sys.executable, "-m", "hftlab.bench.drain", str(port), str(connections), *flags]

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_connected(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "connected":
            raise RuntimeError("the readers could not connect")

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        self.wait_connected()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def main(port: int, connections: int, flags: list[str]) -> None:
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        reader = _connect(port, deflate="deflate" in flags)
        if "subscribe" in flags:
            _subscribe(reader)
        reader.setblocking(False)
        selector.register(reader, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("connected", flush=True)  # noqa: T201 - the signal for the parent
    buffer = bytearray(1 << 20)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return
            assert isinstance(key.fileobj, socket.socket)
            try:
                if not key.fileobj.recv_into(buffer):
                    selector.unregister(key.fileobj)
            except BlockingIOError:
                continue
            except ConnectionError:
                selector.unregister(key.fileobj)


def _connect(port: int, *, deflate: bool) -> socket.socket:
    reader = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{_DEFLATE if deflate else ''}\r\n"
    )
    reader.sendall(request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += reader.recv(4096)
    return reader


def _subscribe(reader: socket.socket) -> None:
    request = Subscribe(timestamp=to_milliseconds(wall_time()), symbols=RandomWalk().symbols, frequency=0)
    reader.sendall(Frame(Opcode.TEXT, JSON.encode(request)).serialize(mask=True))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
