"""Plain HTTP requests to a server's port, for tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hftlab.server import Server
from tests.server.conversation import PATIENCE


async def exchange(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read to the end, and take the answer apart."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


async def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": f"localhost:{server.port}"} | headers).items())
    return await exchange(server.port, f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())


async def post(server: Server, body: bytes, path: str = "/api/auth/refresh", **headers: str) -> tuple[int, Any]:
    fields = {"Host": f"localhost:{server.port}", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    status, answer, data = await exchange(server.port, f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    assert answer["connection"] == "close"
    assert int(answer["content-length"]) == len(data)
    return status, json.loads(data)
