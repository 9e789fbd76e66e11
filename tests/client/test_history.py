from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.client.history import MessageHistory
from hftlab.protocol import Heartbeat, Message, Ping


class ReferenceHistory:
    """The document's MessageHistory, line by line."""

    def __init__(self, capacity: int) -> None:
        self.buffer: list[Message | None] = [None] * capacity
        self.head = self.size = 0
        self.capacity = capacity

    def add(self, message: Message) -> None:
        self.buffer[self.head] = message
        self.head = (self.head + 1) % self.capacity
        if self.size < self.capacity:
            self.size += 1

    def recent(self, count: int) -> list[Message]:
        result: list[Message] = []
        for i in range(min(count, self.size)):
            result.insert(0, self.buffer[(self.head - 1 - i + self.capacity) % self.capacity])
        return result

    def by_type(self, message_type: str, count: int) -> list[Message]:
        return [message for message in self.recent(self.size) if message.type == message_type][-count:]


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12), st.integers(1, 20))
def test_it_is_the_documents(pings: list[bool], size: int, count: int) -> None:
    ours, theirs = MessageHistory(size), ReferenceHistory(size)
    for number, is_ping in enumerate(pings):
        message = (Ping if is_ping else Heartbeat)(timestamp=1.0 + number)
        ours.add(message)
        theirs.add(message)
    assert ours.recent(count) == theirs.recent(count)
    for message_type in ("PING", "HEARTBEAT", "ACK"):
        assert ours.by_type(message_type, count) == theirs.by_type(message_type, count)
    assert len(ours) == theirs.size


def test_the_defaults_are_the_documents() -> None:
    history = MessageHistory()
    for number in range(1500):
        history.add(Ping(timestamp=1.0 + number))
    assert len(history) == 1000
    assert [message.timestamp for message in history.recent()] == list(range(1491, 1501))
    assert history.by_type("PING") == history.recent()
    assert history.recent(0) == history.by_type("PING", 0) == []


def test_it_says_what_it_holds() -> None:
    history = MessageHistory()
    assert repr(history) == "<hftlab history: empty>"
    for message in (Ping(timestamp=1.0), Heartbeat(timestamp=1.0), Ping(timestamp=1.0)):
        history.add(message)
    assert repr(history) == "<hftlab history: 2 PING, 1 HEARTBEAT>"
