"""Private messages that wait: events keep their order, state only its newest."""

from __future__ import annotations

import msgspec

from hftlab.protocol.publishing.private_queue import PrivateQueue
from tests.protocol.publishing.test_private_log import UPDATE


def test_events_come_in_their_order_and_state_is_the_newest() -> None:
    queue = PrivateQueue()
    assert not queue
    for cash in (1.0, 2.0):
        queue.put("alice", msgspec.structs.replace(UPDATE, cash=cash), 0)
        queue.put("alice", msgspec.structs.replace(UPDATE, cash=10 * cash, snapshot=True), 0)
        queue.put("bob", msgspec.structs.replace(UPDATE, cash=100 * cash, snapshot=True), 0)
    assert queue
    events = []
    while (event := queue.next_event()) is not None:
        events.append((event[0], event[1].cash))  # type: ignore[union-attr]
    assert events == [("alice", 1.0), ("alice", 2.0)]
    assert [(name, one.cash) for name, one in queue.take_state()] == [("alice", 20.0), ("bob", 200.0)]  # type: ignore[union-attr]
    assert not queue
