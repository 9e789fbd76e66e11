"""The pace of a stream: at most one message an interval, and recorded ones of that interval one for one."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.binance.api.pace import Pace

INTERVAL = 100


def sent(pace: Pace, events: list[int]) -> list[int]:
    """When a stream sends for events at some times: at once, or as soon as it may."""
    times: list[int] = []
    waiting: int | None = None
    for event in [*events, 10**9]:
        while waiting is not None and max(waiting, pace.earliest) < event:
            at = max(waiting, pace.earliest)
            pace.sent(at)
            times.append(at)
            waiting = None
        if waiting is None:
            waiting = event
    return times


@given(st.lists(st.integers(0, 20), min_size=1, max_size=200))
def test_there_are_never_more_messages_than_intervals_and_one(steps: list[int]) -> None:
    events, now = [], 0
    for step in steps:
        now += step
        events.append(now)
    times = sent(Pace(INTERVAL), events)
    for count in range(1, len(times)):
        assert times[count] - times[0] >= count * INTERVAL - INTERVAL // 4


def test_updates_that_were_recorded_at_the_interval_are_sent_one_for_one() -> None:
    """Their times of reception jitter by some milliseconds around a steady clock."""
    noise = random.Random(7)
    events = [1000 + INTERVAL * count + noise.randint(-10, 10) for count in range(500)]
    assert sent(Pace(INTERVAL), events) == events


def test_a_stream_in_real_time_never_waits() -> None:
    pace = Pace(0)
    assert sent(pace, [1, 2, 3, 3 + INTERVAL]) == [1, 2, 3, 3 + INTERVAL]


def test_after_a_move_back_it_may_send_at_once() -> None:
    pace = Pace(INTERVAL)
    pace.sent(10**6)
    pace.restart()
    assert pace.earliest <= 0
