"""A bare websockets client that knows nothing of hftlab, for the server's tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0


async def receive(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        return json.loads(await connection.recv())


async def request(connection: ClientConnection, **fields: Any) -> dict[str, Any]:
    """Send one request and return the reply that carries its id, passing over what is streamed meanwhile."""
    await connection.send(json.dumps({"timestamp": 1, "id": "q"} | fields))
    while (reply := await receive(connection)).get("id") != "q":
        pass
    return reply


async def subscribe(connection: ClientConnection, *symbols: str, **fields: Any) -> dict[str, Any]:
    return await request(connection, type="SUBSCRIBE", symbols=symbols, **fields)


async def closed(connection: ClientConnection) -> tuple[int, str]:
    """The code and the reason that the server closes with."""
    try:
        while True:
            await receive(connection)
    except ConnectionClosed as exc:
        assert exc.rcvd is not None
        return exc.rcvd.code, exc.rcvd.reason


async def settled(condition: Callable[[], Any]) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)
