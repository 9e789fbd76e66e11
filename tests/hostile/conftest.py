from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from hftlab.server import Rate, Server, ServerLimits
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, subscribe

KEY = b"k" * 64
WATCHED = ("hftlab", "websockets", "asyncio")


class Errors:
    """A filter that renders every record, as an operator's log would, and lets only errors through to pytest.

    pytest keeps all records that reach it, which would look like memory lost to the attack.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._render = logging.Formatter().format

    def __call__(self, record: logging.LogRecord) -> bool:
        text, is_error = self._render(record), record.levelno >= logging.ERROR
        if is_error:
            self.found.append(text)
        return is_error


class Scene:
    """A server under attack, and an innocent client beside it that must get every message."""

    def __init__(self, server: Server) -> None:
        self.server, self.published, self.received = server, 0, 0

    def publish(self) -> None:
        self.published += 1
        self.server.publish(market_data(symbol("A", float(self.published))))


class Memory:
    """How much this process, server and attackers together, has grown since its first rounds."""

    def __init__(self) -> None:
        self._warm = 0

    def warm(self) -> None:
        """Whatever is allocated once and kept is there now."""
        self._warm = _allocated()

    def has_grown(self) -> float:
        """As a part of what there was."""
        return _allocated() / self._warm - 1.0


def _allocated() -> int:
    """Bytes of memory that no file backs: those come and go as the system likes, and so may anything be swapped out."""
    gc.collect()
    status = Path("/proc/self/status")
    if not status.exists():
        return int(psutil.Process(os.getpid()).memory_info().rss)
    sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return sum(int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "VmSwap"))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture(autouse=True)
def no_errors() -> Iterator[None]:
    """No exception may end in a log instead of an answer."""
    errors = Errors()
    # A filter is asked only where the record starts.
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] in WATCHED]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addFilter(errors)
        logger.setLevel(logging.INFO)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.removeFilter(errors)
        logger.setLevel(level)
    assert errors.found == []


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """While an attack runs the innocent client reads; at the end it has the whole stream, in order."""
    limits = ServerLimits(errors=Rate(1e9, 10**9), messages=Rate(1e9, 10**9), subscriptions=Rate(1e9, 10**9))
    async with (
        Server(port=0, key=KEY, limits=limits) as server,
        connect(server.url, max_queue=None) as innocent,
    ):
        await subscribe(innocent, "A", frequency=0)
        scene = Scene(server)
        reading = asyncio.create_task(read_all(innocent, scene))
        scene.publish()
        yield scene
        scene.publish()
        async with asyncio.timeout(PATIENCE):
            while scene.received < scene.published and not reading.done():
                await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled() or reading.exception() is None
        assert scene.received == scene.published
        assert server.stats()["messages_sent"] >= scene.published


async def read_all(innocent: ClientConnection, scene: Scene) -> None:
    async for data in innocent:
        assert json.loads(data)["sequence"] == scene.received + 1
        scene.received += 1
