"""Servers that do exactly what a test says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hftlab.protocol import Message, encode
from hftlab.testing import ScriptedServer, Step

PATIENCE = 10.0
WELCOME = {"type": "ACK", "message": "welcome", "session": "s1", "version": "1.0"}

Reply = dict[str, Any]
Answer = Callable[[dict[str, Any]], list[Reply]]


class Script(ScriptedServer):
    """Answers each request, as JSON, by its type; `requests` has all that came, connection after connection."""

    def __init__(self, **welcome: Any) -> None:
        super().__init__(**welcome)
        self.answers: dict[str, Answer] = {}

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(encode(request)) for request in self.received]

    def answer(self, request: Message) -> list[Step]:
        self.received.append(request)
        replies = self.answers.get(request.type, acknowledge)(self.requests[-1])
        return [_filled(reply | {"id": request.id}) for reply in replies]

    async def say(self, **message: Any) -> None:  # type: ignore[override]  # named, which reads better in tests
        await super().say(_filled(message))


def _filled(reply: Reply) -> Reply:
    return {"timestamp": 1000.0} | {name: value for name, value in reply.items() if value is not None}


def acknowledge(_: dict[str, Any]) -> list[Reply]:
    return [{"type": "ACK", "message": "ok"}]


def refuse(error_type: str, **more: Any) -> Answer:
    return lambda _: [{"type": "ERROR", "errorType": error_type, "message": "no", "recoverable": True, **more}]


def scripted(**welcome: Any) -> Script:
    return Script(**welcome)


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
