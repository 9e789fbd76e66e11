"""A TCP relay that does to a connection what networks do, when the test says so."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Self

_MESSAGES = {0x81, 0x82}
"""First bytes of the frames that are whole messages, as text and as bytes (RFC 6455 section 5.2)."""


class _Frames:
    """Splits one direction of a connection into frames, after the HTTP head."""

    def __init__(self) -> None:
        self._waiting, self._is_open = b"", False

    def split(self, data: bytes) -> list[bytes]:
        """Return what is complete: the head, or frames."""
        self._waiting += data
        found: list[bytes] = []
        while (size := self._size()) and len(self._waiting) >= size:
            found.append(self._waiting[:size])
            self._waiting = self._waiting[size:]
            self._is_open = True
        return found

    def _size(self) -> int:
        """Size of what comes next; 0 if that is not known yet."""
        waiting = self._waiting
        if not self._is_open:
            return waiting.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in waiting else 0
        if len(waiting) < 2:
            return 0
        length = waiting[1] & 127
        wide = {126: 2, 127: 8}.get(length, 0)
        if len(waiting) < 2 + wide:
            return 0
        payload = int.from_bytes(waiting[2 : 2 + wide], "big") if wide else length
        return 2 + wide + (4 if waiting[1] & 128 else 0) + payload


_TURNS = 5
"""Turns of the event loop in which a connection that was accepted comes to its handler."""


class ChaosProxy:
    """Relays `url` to a local port; `chance` decides what is left to chance, so that a seed repeats it.

    The faults concern bytes from the server to the client, connections that are there and those to come, until they
    are taken back; `cut_after` and `repetition` concern both directions.
    """

    def __init__(self, target: int, seed: int = 0, *, repetition: float = 0.0) -> None:
        self.target = target
        self.chance = random.Random(seed)
        self.delay = 0.0
        """Seconds that each piece is late."""
        self.corruption = 0.0
        """The odds that a bit of a piece is turned over."""
        self.duplication = 0.0
        """The odds that a piece comes twice."""
        self.repetition = repetition
        """The odds that a whole message comes twice; for a proxy that has begun with some."""
        self.cut_after: int | None = None
        """Bytes of all connections after which every connection is reset, be it within a frame; None for never."""
        self.accepted = self.corrupted = self.duplicated = self.repeated = self.cuts = 0
        self._splits = repetition > 0  # what is spoilt cannot be split
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lines: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._dead: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._listener.sockets:  # asyncio forgets connections that are accepted while their server is closed
            asyncio.get_running_loop().remove_reader(one.fileno())
        # A task that is cancelled before its first step would not close the connection that it has been given.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._listener.close()
        while tasks := list(self._lines):
            self.cut()
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
        frames = _Frames()
        while data := await reader.read(1 << 16):
            if writer not in self._dead:
                await self._write(writer, self._repeated(frames, data))
        self._end(writer)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = _Frames()
        while data := await reader.read(1 << 14):
            await self._flowing.wait()
            if self.delay:
                await asyncio.sleep(self.delay)
            if writer not in self._dead:
                await self._write(writer, self._repeated(frames, self._spoilt(data)))
        self._end(writer)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        is_last = self.cut_after is not None and self.cut_after <= len(data)
        if self.cut_after is not None:
            data, self.cut_after = data[: self.cut_after], None if is_last else self.cut_after - len(data)
        writer.write(data)
        await writer.drain()
        if is_last:
            self.cuts += 1
            self.cut()

    def _repeated(self, frames: _Frames, data: bytes) -> bytes:
        if not self._splits:
            return data
        said = b""
        for frame in frames.split(data):
            twice = frame[0] in _MESSAGES and self.chance.random() < self.repetition
            self.repeated += twice
            said += frame * (1 + twice)
        return said

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
