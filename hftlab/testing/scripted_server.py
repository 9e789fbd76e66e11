"""A script over a real WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from hftlab.clock import to_milliseconds, wall_time
from hftlab.protocol.codec import JSON
from hftlab.testing.script import Script
from hftlab.testing.steps import Close, Drop, Said, Silence, Step, Wait, payload

__all__ = ["ScriptedServer"]


class ScriptedServer(Script):
    """Server on a free port of this machine that does what its script says, in JSON; an asynchronous context manager.

    `url` is its address, `connections` those that have come, oldest first; `received` has the requests of all. It is
    for what a FakeClient cannot show: clients of other languages, sockets, several clients at once. Its waits are real.
    """

    def __init__(self, symbols: Iterable[str] = (), *, account: str = "alice", **welcome: Any) -> None:
        super().__init__(symbols, account=account, **welcome)
        self.url = ""
        self.connections: list[ServerConnection] = []
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        server = await self._running.enter_async_context(serve(self._talk, "127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def say(self, message: Said) -> None:
        """Send a message over the newest connection."""
        await self._perform(self.connections[-1], [message], None)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the newest connection with a close frame."""
        await self._perform(self.connections[-1], [Close(code, reason)], None)

    def drop(self) -> None:
        """Break the newest connection without a close frame."""
        self.connections[-1].transport.abort()

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        with suppress(ConnectionClosed):
            await self._perform(connection, self.greet(), None)
            async for frame in connection:
                request = JSON.decode(frame.encode() if isinstance(frame, str) else frame)
                await self._perform(connection, self.answer(request), request.id)

    async def _perform(self, connection: ServerConnection, steps: list[Step], request_id: str | None) -> None:
        for step in steps:
            match step:
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Silence():
                    pass
                case Close(code, reason):
                    await connection.close(code, reason)
                case Drop():
                    connection.transport.abort()
                case _:
                    text = payload(step, JSON, to_milliseconds(wall_time()), request_id)
                    await connection.send(text.decode())
