from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.widgets.core.pulses import KEPT, Pulses

WALL = 1_800_000_000.0


def stamp(pulse: int, since: float, at: float = WALL) -> dict[str, float]:
    return {"pulse": pulse, "since": since, "at": at * 1000}


@given(
    latency=st.floats(0, 1),
    thought=st.floats(0, 100),
    waited=st.floats(0, 100),
    skew=st.floats(-1000, 0),
)
def test_the_age_is_the_time_since_the_message_was_sent_and_a_trip(latency, thought, waited, skew):
    """Skewed is a page whose clock is ahead: its own time then says nothing, and the kernel's pulses do."""
    pulses = Pulses()
    number = pulses.next(0.0)
    pulses.next(0.1)
    now = latency + thought + waited
    age = pulses.age(stamp(number, thought, WALL - waited - skew), now, WALL)
    assert age == pytest.approx(waited + latency, abs=1e-6)


def test_a_page_that_slept_is_known_by_its_clock():
    pulses = Pulses()
    number = pulses.next(0.0)
    assert pulses.age(stamp(number, 50.0, WALL - 50), 50.0, WALL) == pytest.approx(50)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        3,
        {},
        stamp(7, 0.0),
        {"pulse": 1, "since": "0", "at": WALL},
        {"pulse": 1, "since": nan, "at": WALL},
        {"pulse": 1, "since": 0, "at": True},
        {"pulse": 1, "since": 10**400, "at": WALL},
    ],
)
def test_what_proves_nothing_is_as_old_as_can_be(wrong):
    pulses = Pulses()
    pulses.next(0.0)
    assert pulses.age(wrong, 0.0, WALL) == inf


def test_forgotten_pulses_are_too_old():
    pulses = Pulses()
    for step in range(KEPT + 1):
        pulses.next(step / 30)
    assert pulses.age(stamp(1, 0.0), 0.0, WALL) == inf
    assert pulses.age(stamp(2, 0.0), 1.0, WALL) < inf


def test_a_page_cannot_make_itself_younger():
    pulses = Pulses()
    number = pulses.next(0.0)
    assert pulses.age(stamp(number, -100.0), 1.0, WALL) == pytest.approx(1.0)
