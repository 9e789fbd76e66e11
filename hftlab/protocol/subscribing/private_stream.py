"""The private messages of a server's session: each once, and resumed after a reconnection."""

from __future__ import annotations

from typing import Final

from hftlab.protocol import Gap, Message
from hftlab.protocol.subscribing.subscriber import Loss

__all__ = ["PRIVATE_CHANNEL", "PrivateStream"]

PRIVATE_CHANNEL: Final = 0
"""The channel of order, position and portfolio updates."""


class PrivateStream:
    """The last private sequence seen of `session`; it outlives the connection."""

    def __init__(self) -> None:
        self.session: str | None = None
        self._sequence: int | None = None

    def welcome(self, session: str) -> None:
        """A server has told its session; one that is new has numbered nothing that was seen."""
        if session != self.session and self._sequence is not None:
            self._sequence = 0
        self.session = session

    def authenticated(self, last: int | None) -> None:
        """From now on the messages come, after `last` where the server tells; those before were for nobody here."""
        if self._sequence is None:
            self._sequence = last

    @property
    def resume_from(self) -> int | None:
        """What AUTH has to ask for: all that is missing after a reconnection. None while it is not known from where."""
        return self._sequence

    def told(self, last: int | None) -> list[Loss]:
        """The answer to a heartbeat has come: it follows every message up to `last`, so what of these lacks is lost."""
        seen = self._sequence
        if last is None or seen is None or last <= seen:
            return []
        self._sequence = last
        return _hole(seen, last + 1)

    def receive(self, message: Message) -> tuple[bool, list[Loss]]:
        """Whether a message of the private channel is new, and what is lost before it."""
        if message.sequence is None:
            return True, []
        seen = self._sequence
        if seen is not None and message.sequence <= seen:
            return False, []
        self._sequence = message.sequence
        if isinstance(message, Gap):
            declared = Loss(PRIVATE_CHANNEL, message.from_sequence, message.to_sequence, "gap")
            return True, [*_hole(seen, message.from_sequence), declared]
        return True, _hole(seen, message.sequence)


def _hole(seen: int | None, sequence: int) -> list[Loss]:
    if seen is None or sequence <= seen + 1:
        return []
    return [Loss(PRIVATE_CHANNEL, seen + 1, sequence - 1, "lost")]
