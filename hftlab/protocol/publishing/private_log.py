"""The private messages of a server's session, numbered and kept for those who reconnect."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from hftlab.protocol.messages import Gap, Message

__all__ = ["PRIVATE_CHANNEL", "PrivateLog"]

PRIVATE_CHANNEL: Final = 0
"""The channel of everything that is no market data: order, position and portfolio updates."""

_KEPT: Final = 10_000


class PrivateLog:
    """Holds the newest `size` messages; they are never skipped, so what it has lost is told."""

    def __init__(self, session: str, size: int = _KEPT) -> None:
        self.session = session
        self.sequence = 0
        self._messages: deque[Message] = deque(maxlen=size)

    def add(self, message: Message) -> Message:
        """The message with its channel and sequence."""
        self.sequence += 1
        numbered = msgspec.structs.replace(message, channel=PRIVATE_CHANNEL, sequence=self.sequence)
        self._messages.append(numbered)
        return numbered

    def since(self, session: str | None, sequence: int) -> list[Message]:
        """What follows `sequence` of `session`; of another session nothing is known, so then all of this one.

        A GAP comes first if the log no longer reaches back so far.
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
