"""The private messages of one account, numbered and kept for connections that come back."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from hftlab.protocol.messages import Gap, Message
from hftlab.protocol.order_messages import PRIVATE_CHANNEL

__all__ = ["MOST_MESSAGES", "PrivateLog"]

MOST_MESSAGES: Final = 10_000
"""Messages that one account's log holds at most."""


class PrivateLog:
    """The newest `size` private messages of an account in one server session.

    Sequences count from `start` + 1. Private messages are never skipped in silence: messages that the log no longer
    holds are declared with a GAP.
    """

    def __init__(self, session: str, size: int = MOST_MESSAGES, start: int = 0) -> None:
        self.session = session
        self.sequence = start
        """The sequence of the newest message."""
        self._size = size
        self._messages: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> Message:
        """Append a message; returns a copy with its channel and sequence."""
        self.sequence += 1
        numbered = msgspec.structs.replace(message, channel=PRIVATE_CHANNEL, sequence=self.sequence)
        self._messages.append(numbered)
        self._trim()
        return numbered

    def resize(self, size: int) -> None:
        """Hold at most `size` messages from now on."""
        self._size = size
        self._trim()

    def _trim(self) -> None:
        while len(self._messages) > self._size:
            self._messages.popleft()

    def can_resume(self, session: str | None, sequence: int | None) -> bool:
        """Return whether since() gives every message after `sequence` of `session`; None has nothing to resume."""
        if sequence is None:
            return True
        return session == self.session and sequence >= self.sequence - len(self._messages)

    def since(self, session: str | None, sequence: int) -> list[Message]:
        """Return the messages after `sequence` of `session`, or all of them if that was another session.

        A GAP comes first if the log no longer reaches back that far.
        """
        seen = sequence if session == self.session else 0
        first = self.sequence - len(self._messages) + 1
        missed: list[Message] = [message for message in self._messages if (message.sequence or 0) > seen]
        if seen + 1 < first:
            gap = Gap(
                timestamp=1.0,
                channel=PRIVATE_CHANNEL,
                sequence=first - 1,
                from_sequence=seen + 1,
                to_sequence=first - 1,
                reason="the log does not reach back so far",
            )
            missed.insert(0, gap)
        return missed
