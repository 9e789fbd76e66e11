"""Heartbeats, health and clocks at their times."""

from __future__ import annotations

from hftlab.protocol import Heartbeat, Ping, Pong
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.keep_alive import KeepAlive
from hftlab.protocol.subscribing.request_queue import Duty, RequestQueue
from hftlab.transport.clock_offset import ClockOffset


def alive(offset: ClockOffset | None = None) -> tuple[KeepAlive, RequestQueue, Deadlines[Duty | str]]:
    deadlines: Deadlines[Duty | str] = Deadlines()
    queue = RequestQueue(deadlines)
    return KeepAlive(queue, deadlines, offset or ClockOffset(), interval=10.0, now=0.0), queue, deadlines


def test_a_check_is_due_twice_a_heartbeat() -> None:
    _, _, deadlines = alive()
    assert deadlines.take_due(5.0) == [Duty.HEALTH]
    assert deadlines.take_due(10.0) == [Duty.HEARTBEAT]


def test_a_heartbeat_is_sent_and_the_next_is_due() -> None:
    keep_alive, queue, deadlines = alive()
    keep_alive.beat(10.0)
    assert [type(message) for message in queue.outgoing] == [Heartbeat]
    assert deadlines.take_due(20.0) == [Duty.HEALTH, Duty.HEARTBEAT]


def test_silence_is_an_outage_and_a_word_is_not() -> None:
    keep_alive, _, _ = alive()
    for now in (20.0, 25.0):
        keep_alive.check(now)
    assert keep_alive.outage is None
    keep_alive.hear(26.0)
    for now in (30.0, 45.0, 50.0):
        keep_alive.check(now)
    assert keep_alive.is_healthy
    keep_alive.check(55.0)
    assert keep_alive.outage == "no sign of life: 3 heartbeats missed"


def test_a_pong_is_a_sample_where_it_has_the_times() -> None:
    offset = ClockOffset()
    keep_alive, queue, deadlines = alive(offset)
    keep_alive.compare_clocks(0.0)
    assert [type(message) for message in queue.outgoing] == [Ping]
    keep_alive.add_sample(Pong(timestamp=1.0), 1)
    assert offset.best is None
    keep_alive.add_sample(Pong(timestamp=5000.0, ping_timestamp=1000.0, received_at=5000.0), 1_000_000_000)
    assert offset.correction == 4_000_000_000
    keep_alive.clock_answered(3.0)
    assert Duty.CLOCK in deadlines.take_due(13.0)
