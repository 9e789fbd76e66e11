"""Messages and control rows that wait to be recorded, and those that were dropped."""

from __future__ import annotations

from typing import Any

import msgspec

from hftlab.protocol import Message

__all__ = ["ControlRow", "Drop", "Item", "RecordedMessage", "UndecodedBytes"]


# The garbage collector does not follow these: it would look through thousands that wait, and hold the lock meanwhile.


class RecordedMessage(msgspec.Struct, gc=False):
    """A message, its JSON, and a monotonic clock's reading when it was received."""

    ts_recv: int
    message: Message
    account: str | None
    payload: bytes
    steady: int | None


class UndecodedBytes(msgspec.Struct, gc=False):
    """Bytes that are no message, and the reason why."""

    payload: bytes
    ts_recv: int
    reason: str
    steady: int | None


class ControlRow(msgspec.Struct, gc=False):
    """A row of the control table."""

    name: str
    ts_recv: int
    what: dict[str, Any]


Item = RecordedMessage | UndecodedBytes | ControlRow


class Drop:
    """Items one after the other that were not taken: how many messages, and the times of the first and the last."""

    def __init__(self, at: int) -> None:
        self.messages = 0
        self.first = self.last = at

    def add(self, item: Item, at: int) -> None:
        """Add an item that was not taken at a time (ns)."""
        self.messages += not isinstance(item, ControlRow)
        self.last = at

    def __str__(self) -> str:
        return "1 message" if self.messages == 1 else f"{self.messages} messages"
