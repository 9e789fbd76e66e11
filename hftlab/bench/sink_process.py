"""A process that takes many connections' data off the kernel's hands and does next to nothing else.

    python -m hftlab.bench.sink_process PORT CONNECTIONS

It subscribes each connection to the random walk's symbols, prints "connected", and until its standard input closes
discards what has come, unread, in the kernel (MSG_TRUNC, tcp(7)): readers on other machines would take no part of this
one's processors either.
"""

from __future__ import annotations

import select
import socket
import sys
from typing import Final

from hftlab.bench.reader_process import ReaderProcess, connect, subscribe

__all__ = ["SinkProcess"]

_PAUSE: Final = 0.1
"""Seconds between two rounds. Data waits in the kernel meanwhile: a reader beside the sender takes locks from it."""
_BUFFER: Final = 8 * 1024 * 1024


class SinkProcess(ReaderProcess):
    """This program as a context manager; on entering, all its connections are open."""

    def __init__(self, port: int, connections: int) -> None:
        self._command = self.program("hftlab.bench.sink_process", str(port), str(connections))


def main(port: int, connections: int) -> None:
    """Run the program."""
    readers: list[socket.socket] = []
    for _ in range(connections):
        reader = connect(port, deflate=False)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        subscribe(reader)
        reader.setblocking(False)
        readers.append(reader)
    print("connected", flush=True)  # noqa: T201 - the signal for the parent
    unread = bytearray(_BUFFER)  # which the kernel never writes to
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        for reader in readers:
            try:
                reader.recv_into(unread, _BUFFER, socket.MSG_TRUNC)
            except BlockingIOError:
                continue


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
