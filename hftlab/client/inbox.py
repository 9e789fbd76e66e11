"""The messages that a client has received and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from hftlab.protocol import Message

__all__ = ["Inbox"]


class Inbox:
    """Bounded: the oldest message makes room for a new one, and is counted in `dropped`.

    Filled and awaited on one loop; `take` may be called from any thread.
    """

    def __init__(self, size: int) -> None:
        self._messages: deque[Message] = deque(maxlen=size)
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.dropped = 0

    def put(self, message: Message) -> None:
        if len(self._messages) == self._messages.maxlen:
            self.dropped += 1
        self._messages.append(message)
        self._wake()

    def put_back(self, messages: Sequence[Message]) -> None:
        """The inverse of taking these, the oldest that are here."""
        for message in reversed(messages):
            if len(self._messages) == self._messages.maxlen:
                self.dropped += 1
            else:
                self._messages.appendleft(message)
        self._wake()

    def close(self) -> None:
        """No more messages will come; those that are here can still be taken."""
        self._closed = True
        self._wake()

    def open(self) -> None:
        self._closed = False

    def take(self, count: int | None = None) -> list[Message]:
        """Up to `count` messages, oldest first; all that are here without `count`."""
        taken: list[Message] = []
        while count is None or len(taken) < count:
            try:
                taken.append(self._messages.popleft())
            except IndexError:
                break
        return taken

    async def get(self) -> Message | None:
        """The next message, None once the inbox is closed and empty."""
        while not self._messages:
            if self._closed:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self._messages.popleft()

    def __len__(self) -> int:
        return len(self._messages)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
