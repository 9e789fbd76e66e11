"""Private messages that wait to be sent: events in their order, and of state the newest."""

from __future__ import annotations

from collections import deque

from hftlab.protocol.order_messages import OrderUpdate, PortfolioUpdate, PositionUpdate, PrivateMessage

__all__ = ["PrivateQueue"]


class PrivateQueue:
    """Private messages of all accounts that wait.

    What has happened is numbered when it is sent, and is never left out. Messages with `snapshot` are state: they have
    no number, and one replaces an older one of the same order, position or portfolio.
    """

    def __init__(self) -> None:
        self._events: deque[tuple[str, PrivateMessage, int]] = deque()
        self._state: dict[tuple[str, str, str], PrivateMessage] = {}

    def __bool__(self) -> bool:
        return bool(self._events or self._state)

    def put(self, account: str, message: PrivateMessage, at: int) -> None:
        """Add a message of an account, of the source time `at`."""
        if message.snapshot:
            self._state[account, message.type, _subject(message)] = message
        else:
            self._events.append((account, message, at))

    def next_event(self) -> tuple[str, PrivateMessage, int] | None:
        """Take the oldest event, with its account and time; None if none waits."""
        return self._events.popleft() if self._events else None

    def take_state(self) -> list[tuple[str, PrivateMessage]]:
        """Take all state that waits, with its accounts."""
        state, self._state = self._state, {}
        return [(account, message) for (account, _, _), message in state.items()]


def _subject(message: PrivateMessage) -> str:
    """Return what a message is about: its order, its symbol, or the whole account."""
    match message:
        case OrderUpdate():
            return message.order_id
        case PositionUpdate():
            return message.symbol
        case PortfolioUpdate():
            return ""
