"""Sequence of an account's private messages: each is handed on once, and resumed after a reconnection."""

from __future__ import annotations

from hftlab.protocol.messages import Gap, Message
from hftlab.protocol.order_messages import PRIVATE_CHANNEL
from hftlab.protocol.subscribing.loss import Loss

__all__ = ["PrivateStream"]


class PrivateStream:
    """Last private sequence seen of one account in one server session; it outlives the connection.

    Each account has a sequence of its own, so that of another account says nothing about this one's.
    """

    def __init__(self) -> None:
        self.session: str | None = None
        self.account: str | None = None
        self._sequence: int | None = None

    def welcome(self, session: str) -> None:
        """Take in the server's session; in a new one nothing that was seen has a number."""
        if session != self.session and self._sequence is not None:
            self._sequence = 0
        self.session = session

    def authenticated(self, account: str | None, last: int | None) -> None:
        """Take in AUTH_SUCCESS: whose messages come from now on, and the `last` sequence before them, if it says so.

        At the first sign-in, and at the first as another account, messages up to `last` are not asked for.
        """
        if account != self.account:
            if self.account is not None:
                self._sequence = None
            self.account = account
        if self._sequence is None:
            self._sequence = last

    @property
    def resume_from(self) -> int | None:
        """Sequence to resume from in AUTH, so that the server sends what came after it; None while it is not known."""
        return self._sequence

    def advance(self, last: int | None) -> list[Loss]:
        """Take in the last sequence of a heartbeat's answer, which follows every message up to it; returns losses."""
        seen = self._sequence
        if last is None or seen is None or last <= seen:
            return []
        self._sequence = last
        return _missing(seen, last + 1)

    def receive(self, message: Message) -> tuple[bool, list[Loss]]:
        """Take in a message of the private channel; returns whether it is new, and what is lost before it."""
        if message.sequence is None:
            return True, []
        seen = self._sequence
        if seen is not None and message.sequence <= seen:
            return False, []
        self._sequence = message.sequence
        if isinstance(message, Gap) and message.withdrawn:
            return True, _missing(seen, message.from_sequence)
        if isinstance(message, Gap):
            declared = Loss(PRIVATE_CHANNEL, message.from_sequence, message.to_sequence, "gap")
            return True, [*_missing(seen, message.from_sequence), declared]
        return True, _missing(seen, message.sequence)


def _missing(seen: int | None, sequence: int) -> list[Loss]:
    """Return the loss of what is between two sequences, if there is anything."""
    if seen is None or sequence <= seen + 1:
        return []
    return [Loss(PRIVATE_CHANNEL, seen + 1, sequence - 1, "lost")]
