"""History of received messages (the reference document's MessageHistory)."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from hftlab.protocol import Message

__all__ = ["HISTORY_SIZE", "MessageHistory"]

HISTORY_SIZE: Final = 1000


class MessageHistory:
    """Newest `size` messages, whether they have been taken or not; results have the oldest first."""

    def __init__(self, size: int = HISTORY_SIZE) -> None:
        self._messages: deque[Message] = deque(maxlen=size)
        self.add = self._messages.append
        """add(message): add one message. The deque's own method, as each message received goes through it."""

    def recent(self, count: int = 10) -> list[Message]:
        """Return the newest `count` messages."""
        messages = self._snapshot()
        return messages[max(len(messages) - count, 0) :]

    def by_type(self, message_type: str, count: int = 10) -> list[Message]:
        """Return the newest `count` messages of a type, such as "MARKET_DATA"."""
        messages = [message for message in self._snapshot() if message.type == message_type]
        return messages[max(len(messages) - count, 0) :]

    def __len__(self) -> int:
        return len(self._messages)

    def __repr__(self) -> str:
        types = Counter(message.type for message in self._snapshot())
        counts = ", ".join(f"{count} {name}" for name, count in types.most_common())
        return f"<hftlab history: {counts or 'empty'}>"

    def _snapshot(self) -> list[Message]:
        # deque.copy() holds the GIL throughout: list(deque) could fail at an append of another thread.
        return list(self._messages.copy())
