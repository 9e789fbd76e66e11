"""Bare sockets that subscribe, and read as much as a test says."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.frames import Frame, Opcode

from hftlab.server import Server

__all__ = ["Reader", "readers"]

CLOSE, PING = b"\x88", b"\x89"


class Reader:
    """One WebSocket; `buffer` is the size of its receive buffer, which a slow reader's system soon has full.

    `segment` is the largest piece that it is sent. On loopback that is 64 kB, and a system that is slowly read
    acknowledges nothing until it has room for one more (RFC 9293 section 3.8.6.2.2); on networks it is about 1,400.
    """

    def __init__(self, port: int, *, buffer: int | None = None, segment: int | None = None) -> None:
        self.socket = socket.socket()
        if segment is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.setblocking(False)
        self._port, self.data, self.is_over = port, b"", False

    async def subscribe(self, *symbols: str, **fields: Any) -> None:
        """Connect and ask; returns with the acknowledgement, which is left to be taken."""
        head = (
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(self.socket, head.encode())
        while b"\r\n\r\n" not in self.data:
            await self.read(65536)
        self.data = self.data.partition(b"\r\n\r\n")[2]
        body = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": symbols, "frequency": 0} | fields
        await loop.sock_sendall(self.socket, Frame(Opcode.TEXT, json.dumps(body).encode()).serialize(mask=True))
        while b"Subscribed to" not in self.data:
            await self.read(1024)

    async def ask(self, **fields: Any) -> None:
        """Send one request."""
        data = Frame(Opcode.TEXT, json.dumps({"timestamp": 1} | fields).encode()).serialize(mask=True)
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read(self, count: int) -> None:
        """Read at most so many bytes, waiting for the first."""
        await asyncio.sleep(0)  # where bytes are there already, sock_recv() lets nobody else run
        try:
            data = await asyncio.get_running_loop().sock_recv(self.socket, count)
        except ConnectionError:
            data = b""
        self.is_over = not data
        self.data += data

    @property
    def close(self) -> tuple[int, str] | None:
        """The code and reason of the close frame that comes next; None if none does."""
        if not self.data.startswith(CLOSE):
            return None
        body = self.data[2 : 2 + self.data[1]]
        return int.from_bytes(body[:2]), body[2:].decode()

    def take(self) -> list[dict[str, Any]]:
        """The whole messages read so far. Pings are answered; a close frame is left, and told by `close`."""
        found = []
        while len(self.data) >= 2 and not self.data.startswith(CLOSE):
            length, header = self.data[1], 2
            if length >= 126:
                header = 4 if length == 126 else 10
                length = int.from_bytes(self.data[2:header])
            if len(self.data) < header + length:
                break
            payload = self.data[header : header + length]
            if self.data.startswith(PING):
                self.socket.send(Frame(Opcode.PONG, payload).serialize(mask=True))
            else:
                found.append(msgspec.json.decode(payload))
            self.data = self.data[header + length :]
        return found


@asynccontextmanager
async def readers(server: Server, count: int, **options: Any) -> AsyncIterator[list[Reader]]:
    """So many, each subscribed to every change of A."""
    found = [Reader(server.port, **options) for _ in range(count)]
    try:
        for one in found:
            await one.subscribe("A")
        yield found
    finally:
        for one in found:
            one.socket.close()
