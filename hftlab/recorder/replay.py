"""A recorded session as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hftlab.clock import Clock
from hftlab.protocol import Message
from hftlab.recorder.tables import Decoded

__all__ = ["Replay"]


class Replay:
    """Streams recorded messages in the order and at the times they were received; see hftlab.source.

    What `advance` yields equals what was received, message for message. Memory does not grow with the session.
    """

    recorded = True

    def __init__(
        self, name: str, symbols: Sequence[str], messages: Iterator[Decoded], start: int | None, *, speed: float = 1.0
    ) -> None:
        self.name = name
        self.symbols = list(symbols)
        self.clock = Clock(start, speed)
        self._messages = messages
        self._next = next(messages, None)

    def next_time(self) -> int | None:
        return None if self._next is None else self._next.ts_recv

    def advance(self, until: int) -> list[Message]:
        due: list[Message] = []
        following = self._next
        while following is not None and following.ts_recv <= until:
            due.append(following.message)
            following = next(self._messages, None)
        self._next = following
        return due
