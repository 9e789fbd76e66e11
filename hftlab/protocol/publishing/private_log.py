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
    holds are declared with a GAP, and so are those that hold no more because the source has gone back in time.
    """

    def __init__(self, session: str, size: int = MOST_MESSAGES, start: int = 0) -> None:
        self.session = session
        self.sequence = start
        """The sequence of the newest message."""
        self._start = self._forgotten = start
        """The sequences of the newest message before the first, and of the newest that is not held any more."""
        self._size = size
        self._messages: deque[tuple[int, Message]] = deque()
        """Each with its source time."""

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message, at: int = 0, sequence: int | None = None) -> Message:
        """Append a message of the source time `at`; returns a copy with its channel and sequence.

        That is the next, or the `sequence` that is given: the log cannot have what is between it and the last one.
        """
        if sequence is not None:
            self.move_to(sequence - 1)
        self.sequence += 1
        numbered = msgspec.structs.replace(message, channel=PRIVATE_CHANNEL, sequence=self.sequence)
        self._messages.append((at, numbered))
        self._trim()
        return numbered

    def move_to(self, sequence: int) -> bool:
        """Make `sequence` that of the newest message; returns whether it was another, so that messages are missing."""
        if sequence == self.sequence:
            return False
        self._messages.clear()
        self._forgotten = self.sequence = sequence
        return True

    def reaches(self, at: int) -> bool:
        """Return whether the log knows which of its messages are of after `at`."""
        return self._forgotten == self._start or (bool(self._messages) and self._messages[0][0] <= at)

    def withdraw(self, at: int) -> Gap | None:
        """Forget the messages of after `at`, and add a GAP that says so; returns it, None if there are none.

        If the log does not reach back so far, it withdraws all that it ever had.
        """
        first = self.sequence + 1
        while self._messages and self._messages[-1][0] > at:
            message = self._messages.pop()[1]
            # A GAP of before has taken back what is before itself.
            first = message.from_sequence if isinstance(message, Gap) else message.sequence or 0
        if not self.reaches(at):
            self._messages.clear()
            first = self._start + 1
        if first > self.sequence:
            return None
        gap = Gap(
            timestamp=1.0,
            from_sequence=first,
            to_sequence=self.sequence,
            reason="the replay has gone back: this has not happened",
            withdrawn=True,
        )
        return self.add(gap, at)  # type: ignore[return-value]

    def resize(self, size: int) -> None:
        """Hold at most `size` messages from now on."""
        self._size = size
        self._trim()

    def _trim(self) -> None:
        while len(self._messages) > self._size:
            self._forgotten = self._messages.popleft()[1].sequence or 0

    def can_resume(self, session: str | None, sequence: int | None) -> bool:
        """Return whether since() gives every message after `sequence` of `session`; None has nothing to resume."""
        if sequence is None:
            return True
        return session == self.session and sequence >= self._forgotten

    def since(self, session: str | None, sequence: int) -> list[Message]:
        """Return the messages after `sequence` of `session`, or all of them if that was another session.

        A GAP comes first if the log no longer reaches back that far.
        """
        seen = sequence if session == self.session else 0
        missed = [message for _, message in self._messages if (message.sequence or 0) > seen]
        if seen < self._forgotten:
            gap = Gap(
                timestamp=1.0,
                channel=PRIVATE_CHANNEL,
                sequence=self._forgotten,
                from_sequence=seen + 1,
                to_sequence=self._forgotten,
                reason="the log does not reach back so far",
            )
            missed.insert(0, gap)
        return missed
