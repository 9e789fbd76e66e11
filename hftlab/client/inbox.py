"""Bounded queue of the messages that a client has received and that have not been taken."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, get_args

from hftlab.client.arguments import one_of
from hftlab.client.history import HISTORY_SIZE
from hftlab.client.metrics import Metrics
from hftlab.clock import NANOSECONDS, wall_time
from hftlab.errors import ArgumentError
from hftlab.protocol import Message

__all__ = ["INBOX_BYTES", "INBOX_SIZE", "UNASKED_SECONDS", "DropPolicy", "Inbox"]

DropPolicy: TypeAlias = Literal["oldest", "newest", "disconnect"]
"""Policy of a full inbox. "disconnect" drops the new message and leaves the rest to the client."""
INBOX_SIZE: Final = 100_000
INBOX_BYTES: Final = 64 * 1024 * 1024
UNASKED_SECONDS: Final = 10
"""Seconds for which messages are kept until somebody asks for the first."""
_Entry: TypeAlias = tuple[int, int, Message]
"""Time of receipt (0: the wait has been measured), length of the payload in bytes, and the message."""
_TURN: Final = 1_000_000
"""Nanoseconds for which taking messages may keep other tasks from running."""


class Inbox:
    """Queue bounded by `size` messages and by `size_bytes` of their payloads; one message always has room.

    When it is full messages are dropped by `policy`, and counted in `metrics.dropped`. It is filled and awaited on one
    loop; `take` may be called from any thread. If it `measures`, `metrics.latency["queue"]` records how long each
    message has waited, from its `received_at` (wall time in ns).

    With `until_asked` it keeps little for a client whose messages nobody reads: until the first call that takes some,
    those of the last ten seconds, and at least the newest thousand, which the history holds anyway. What that call
    finds gone is counted as dropped, with a warning; how long the messages have waited by then is not measured.
    """

    def __init__(
        self,
        size: int = INBOX_SIZE,
        policy: DropPolicy = "oldest",
        *,
        size_bytes: int = INBOX_BYTES,
        metrics: Metrics | None = None,
        measures: bool = False,
        until_asked: bool = False,
    ) -> None:
        one_of("drop policy", policy, get_args(DropPolicy))
        if size < 1 or size_bytes < 1:
            raise ArgumentError(
                f"an inbox holds at least one message and one byte; got {size} messages and {size_bytes} bytes"
            )
        self.policy = policy
        self._size, self._size_bytes = size, size_bytes
        self._metrics = Metrics() if metrics is None else metrics
        self._waits = self._metrics.latency["queue"] if measures else None
        self._entries: deque[_Entry] = deque()
        self._bytes_put = self._bytes_taken = 0
        self._taking = threading.Lock()
        self._waiters: set[asyncio.Future[None]] = set()
        self._turned_at = 0
        self._closed = False
        self._is_asked = not until_asked
        self._asked_at = self._unasked = 0

    def put(self, message: Message, received_at: int = 0, length: int = 0) -> bool:
        """Add a message that came in `length` bytes; returns False if this or other messages had to be dropped."""
        if not self._is_asked:
            self._forget(received_at - UNASKED_SECONDS * NANOSECONDS)
        has_room = self._has_room(length)
        if has_room or self._make_room(length):
            self._entries.append((received_at, length, message))
            self._bytes_put += length
        if self._waiters:
            self._wake()
        return has_room

    def close(self) -> None:
        """Accept the end: no more messages will come, those in the queue can still be taken."""
        self._closed = True
        self._wake()

    def open(self) -> None:
        """Wait for messages again after close()."""
        self._closed = False

    def take(self, count: int | None = None) -> list[Message]:
        """Take up to `count` messages, oldest first; without `count` all of them."""
        self.ask()
        taken: list[Message] = []
        now = wall_time()
        while (count is None or len(taken) < count) and (entry := self._pop()) is not None:
            self._waited(entry, now)
            taken.append(entry[-1])
        return taken

    async def get(self) -> Message | None:
        """Wait for the next message and take it; None once the inbox is closed and empty."""
        entry = await self._next()
        return None if entry is None else entry[-1]

    async def gather(self, count: int, delay: float | None = None) -> list[Message]:
        """Wait for the next `count` messages and take them; fewer once the inbox is closed, or after `delay` seconds.

        The delay counts from the first message. A cancelled wait takes nothing.
        """
        entries: list[_Entry] = []
        try:
            async with asyncio.timeout(None) as limit:
                while len(entries) < count and (entry := await self._next()) is not None:
                    entries.append(entry)
                    if delay is not None and len(entries) == 1:
                        limit.reschedule(asyncio.get_running_loop().time() + delay)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self._put_back(entries)
            raise
        return [message for _, _, message in entries]

    def ask(self) -> None:
        """Keep all messages from now on; taking some does so too."""
        if self._is_asked:
            return
        with self._taking:
            self._is_asked, self._asked_at, gone = True, wall_time(), self._unasked
        self._metrics.dropped += gone
        if gone:
            warnings.warn(
                f"the first {gone:,} messages are gone: until they are asked for, the inbox keeps those of the last "
                f"{UNASKED_SECONDS} s. Take them earlier, or connect with inbox_size={INBOX_SIZE:_} to keep as many",
                RuntimeWarning,
                stacklevel=4,
            )

    @property
    def bytes(self) -> int:
        """Length of the payloads of all messages in the queue; while another thread takes some, at least that."""
        return self._bytes_put - self._bytes_taken

    def __len__(self) -> int:
        return len(self._entries)

    def _has_room(self, length: int) -> bool:
        bytes_then = self._bytes_put - self._bytes_taken + length
        return (len(self._entries) < self._size and bytes_then <= self._size_bytes) or not self._entries

    def _make_room(self, length: int) -> bool:
        """Drop messages by the policy; returns whether there is room now."""
        if self.policy != "oldest":
            self._metrics.dropped += 1
            return False
        with self._taking:
            while self._entries:
                self._bytes_taken += self._entries.popleft()[1]
                self._metrics.dropped += 1
                if self._has_room(length):
                    break
        return True

    def _forget(self, before: int) -> None:
        """Drop messages that came before a time and that nobody has asked for, but for the newest thousand."""
        if len(self._entries) < HISTORY_SIZE or self._entries[0][0] >= before:
            return
        with self._taking:
            while not self._is_asked and len(self._entries) >= HISTORY_SIZE and self._entries[0][0] < before:
                self._bytes_taken += self._entries.popleft()[1]
                self._unasked += 1

    async def _next(self) -> _Entry | None:
        self.ask()
        now = wall_time()
        # A caller that takes message after message would otherwise keep the loop from heartbeats, and from Ctrl-C.
        if abs(now - self._turned_at) > _TURN:
            await asyncio.sleep(0)
            self._turned_at = now = wall_time()
        while (entry := self._pop()) is None:
            if self._closed:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
            self._turned_at = now = wall_time()
        self._waited(entry, now)
        return entry

    def _pop(self) -> _Entry | None:
        with self._taking:
            if not self._entries:
                return None
            entry = self._entries.popleft()
            self._bytes_taken += entry[1]
        return entry

    def _waited(self, entry: _Entry, now: int) -> None:
        if entry[0] > self._asked_at and self._waits is not None:
            self._waits.record(now - entry[0])

    def _put_back(self, entries: Sequence[_Entry]) -> None:
        """Put entries back as if they had not been taken; the oldest are dropped if there is no room any more."""
        for left in range(len(entries), 0, -1):
            _, length, message = entries[left - 1]
            if not self._has_room(length):
                self._metrics.dropped += left
                break
            self._entries.appendleft((0, length, message))
            self._bytes_put += length
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
