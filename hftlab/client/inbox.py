"""The messages that a client has received and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from hftlab.client.histogram import LatencyHistogram
from hftlab.clock import wall_time
from hftlab.protocol import Message

__all__ = ["DROP_POLICIES", "Inbox"]

DROP_POLICIES: Final = ("oldest", "newest", "disconnect")
"""What a full inbox does with one message more; "disconnect" leaves the connection's end to the client."""


class Inbox:
    """Bounded: what there is no room for is dropped by `policy`, and counted in `dropped`.

    Filled and awaited on one loop; `take` may be called from any thread. `waits` is given the time that each message
    has spent here, from the `received_at` (wall time in ns) it is put with.
    """

    def __init__(self, size: int, policy: str = "oldest", waits: LatencyHistogram | None = None) -> None:
        if policy not in DROP_POLICIES:
            raise ValueError(f"no drop policy is called {policy!r}; there are {', '.join(DROP_POLICIES)}")
        if size < 1:
            raise ValueError(f"an inbox holds at least one message, not {size}")
        self.policy = policy
        self.dropped = 0
        self._size, self._waits = size, waits
        self._messages: deque[tuple[int, Message]] = deque(maxlen=size)
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def put(self, message: Message, received_at: int = 0) -> bool:
        """Add a message; False if one, this or another, has been dropped for it."""
        has_room = len(self._messages) < self._size
        if not has_room:
            self.dropped += 1
        if has_room or self.policy == "oldest":
            self._messages.append((received_at, message))
        if self._waiters:
            self._wake()
        return has_room

    def put_back(self, messages: Sequence[Message]) -> None:
        """The inverse of taking these, the oldest that are here; those there is no room for any more are dropped."""
        for message in reversed(messages):
            if len(self._messages) == self._size:
                self.dropped += 1
            else:
                self._messages.appendleft((0, message))
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
        now = wall_time()
        while count is None or len(taken) < count:
            try:
                taken.append(self._pop(now))
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
        return self._pop(wall_time())

    def __len__(self) -> int:
        return len(self._messages)

    def _pop(self, now: int) -> Message:
        received_at, message = self._messages.popleft()
        if received_at and self._waits is not None:
            self._waits.record(now - received_at)
        return message

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
