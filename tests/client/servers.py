"""Servers that do exactly what a test says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

PATIENCE = 10.0
WELCOME = {"type": "ACK", "message": "welcome", "session": "s1", "version": "1.0"}

Reply = dict[str, Any]
Answer = Callable[[dict[str, Any]], list[Reply]]


class Script:
    """Answers each request by its type; `requests` has all that came, connection after connection."""

    def __init__(self, url: str, welcome: Reply) -> None:
        self.url, self.welcome = url, welcome
        self.requests: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.answers: dict[str, Answer] = {}

    async def talk(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        await self._send(connection, [self.welcome])
        async for frame in connection:
            request = json.loads(frame)
            self.requests.append(request)
            answer = self.answers.get(request["type"], acknowledge)
            await self._send(connection, [reply | {"id": request.get("id")} for reply in answer(request)])

    async def _send(self, connection: ServerConnection, replies: list[Reply]) -> None:
        for reply in replies:
            filled = {"timestamp": 1000.0} | {name: value for name, value in reply.items() if value is not None}
            await connection.send(json.dumps(filled))

    async def say(self, **message: Any) -> None:
        await self._send(self.connections[-1], [message])

    def types(self) -> list[str]:
        return [request["type"] for request in self.requests]


def acknowledge(_: dict[str, Any]) -> list[Reply]:
    return [{"type": "ACK", "message": "ok"}]


def refuse(error_type: str, **more: Any) -> Answer:
    return lambda _: [{"type": "ERROR", "errorType": error_type, "message": "no", "recoverable": True, **more}]


@asynccontextmanager
async def scripted(**welcome: Any) -> AsyncIterator[Script]:
    script: Script | None = None

    async def talk(connection: ServerConnection) -> None:
        assert script is not None
        await script.talk(connection)

    async with serve(talk, "127.0.0.1", 0) as server:
        script = Script(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", WELCOME | welcome)
        yield script


@contextmanager
def http_server(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Iterator[int]:
    """A POST server on a thread; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


async def within(awaitable: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await awaitable
