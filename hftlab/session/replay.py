"""A recorded session as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from hftlab.clock import NANOSECONDS, Clock
from hftlab.protocol import Message
from hftlab.session.tables import Decoded
from hftlab.source import Timed

__all__ = ["Replay"]


class _Messages(Protocol):
    """Recorded messages by position, such as hftlab.session.reader.Reader gives them."""

    def messages(self, after: int | None = None) -> Iterator[Decoded]: ...
    def state(self, at: int) -> list[Message]: ...


class Replay:
    """Source that streams recorded messages in the order and at the times of their reception (hftlab.source.Seekable).

    `advance` yields what was received, message for message: public messages bare, private ones as `Timed` with their
    account, which is None where the recorder did not know it. Memory does not grow with the session, and a seek reads
    only the parts that it needs.
    """

    recorded = True

    def __init__(
        self,
        name: str,
        symbols: Sequence[str],
        messages: _Messages,
        span: tuple[int, int] | None,
        *,
        speed: float = 1.0,
    ) -> None:
        self.name = name
        self.symbols = list(symbols)
        self.span = span
        self.clock = Clock(None if span is None else span[0], speed)
        self._recorded = messages
        self._messages = messages.messages()
        self._next = next(self._messages, None)

    def __repr__(self) -> str:
        length = 0.0 if self.span is None else (self.span[1] - self.span[0]) / NANOSECONDS
        return f"Replay({self.name!r}: symbols: {len(self.symbols)}, {length:.1f} s, speed {self.clock.speed:g})"

    def next_time(self) -> int | None:
        """Return when the next message was received (ns), None after the last."""
        return None if self._next is None else self._next.ts_recv

    def advance(self, until: int) -> list[Message | Timed[Message]]:
        """Return the messages received up to and including `until` that have not been returned yet."""
        due: list[Message | Timed[Message]] = []
        following = self._next
        while following is not None and following.ts_recv <= until:
            due.append(following.item)
            following = next(self._messages, None)
        self._next = following
        return due

    def take(self, count: int) -> list[Timed[Message]]:
        """Return the next `count` messages, whatever their times; fewer at the end."""
        if self._next is None or count < 1:
            return []
        taken = [self._next, *islice(self._messages, count - 1)]
        self._next = next(self._messages, None)
        return [decoded.timed for decoded in taken]

    def seek(self, position: int) -> list[Message]:
        """Go on with what was received after `position` (ns), and return public messages that give the state there."""
        state = self._recorded.state(position)
        self._messages = self._recorded.messages(after=position)
        self._next = next(self._messages, None)
        return state
