"""The newest messages, for looking back (the reference document's MessageHistory)."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from hftlab.protocol import Message

__all__ = ["HISTORY_SIZE", "MessageHistory"]

HISTORY_SIZE: Final = 1000


class MessageHistory:
    """Holds the newest `size` messages, whether they have been taken or not; results have the oldest first."""

    def __init__(self, size: int = HISTORY_SIZE) -> None:
        self._messages: deque[Message] = deque(maxlen=size)
        self.add = self._messages.append
        """add(message): keep one more. The deque's own method, as each message received goes through it."""

    def recent(self, count: int = 10) -> list[Message]:
        """The newest `count` messages."""
        messages = self._snapshot()
        return messages[max(len(messages) - count, 0) :]

    def by_type(self, message_type: str, count: int = 10) -> list[Message]:
        """The newest `count` messages of a type, such as "MARKET_DATA"."""
        messages = [message for message in self._snapshot() if message.type == message_type]
        return messages[max(len(messages) - count, 0) :]

    def __len__(self) -> int:
        return len(self._messages)

    def __repr__(self) -> str:
        types = Counter(message.type for message in self._snapshot())
        counts = ", ".join(f"{count} {name}" for name, count in types.most_common())
        return f"<hftlab history: {counts or 'empty'}>"

    def _snapshot(self) -> list[Message]:
        # deque.copy() holds the interpreter throughout: a list of it could meet an append of another thread.
        return list(self._messages.copy())
