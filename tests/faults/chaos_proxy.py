"""A TCP relay that does to a connection what networks do, when the test says so."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Self


class ChaosProxy:
    """Relays `url` to a local port; `chance` decides what is left to chance, so that a seed repeats it.

    The faults concern bytes from the server to the client, connections that are there and those to come, until they
    are taken back.
    """

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target = target
        self.chance = random.Random(seed)
        self.delay = 0.0
        """Seconds that each piece is late."""
        self.corruption = 0.0
        """The odds that a bit of a piece is turned over."""
        self.duplication = 0.0
        """The odds that a piece comes twice."""
        self.accepted = self.corrupted = self.duplicated = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lines: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._dead: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        tasks = list(self._lines)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection."""
        for writers in self._lines.values():
            for writer in writers:
                writer.transport.abort()

    def stall(self) -> None:
        """Hold every byte for the client back, until flow()."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def half_open(self) -> None:
        """The connections that are there lose all bytes from now on, and neither side is told."""
        for writers in self._lines.values():
            self._dead.update(writers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        away: asyncio.StreamWriter | None = None
        self._lines[task] = (writer,)
        try:
            there, away = await asyncio.open_connection("127.0.0.1", self.target)
            self._lines[task] = (writer, away)
            await asyncio.gather(self._up(reader, away), self._down(there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            del self._lines[task]
            for end in (writer, away):
                if end is not None:
                    end.transport.abort()
                    self._dead.discard(end)
                    with suppress(OSError):
                        await end.wait_closed()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if writer not in self._dead:
                writer.write(data)
                await writer.drain()
        self._end(writer)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 14):
            await self._flowing.wait()
            if self.delay:
                await asyncio.sleep(self.delay)
            if writer not in self._dead:
                writer.write(self._spoilt(data))
                await writer.drain()
        self._end(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        # Of a connection that is half open the other end is not told either.
        if writer not in self._dead:
            writer.close()

    def _spoilt(self, data: bytes) -> bytes:
        if self.chance.random() < self.corruption:
            self.corrupted += 1
            place = self.chance.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ (1 << self.chance.randrange(8))]) + data[place + 1 :]
        if self.chance.random() < self.duplication:
            self.duplicated += 1
            data += data
        return data
