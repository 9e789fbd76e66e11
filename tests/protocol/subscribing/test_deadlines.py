"""Deadlines against a sorted list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol.subscribing.deadlines import Deadlines

STEPS = st.lists(st.tuples(st.sampled_from(["set", "drop", "take"]), st.integers(0, 5), st.integers(0, 20)))


@given(STEPS)
def test_what_is_due_comes_once_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    truth: dict[int, float] = {}
    for step, key, at in steps:
        if step == "set":
            deadlines.set(key, at)
            truth[key] = at
        elif step == "drop":
            deadlines.drop(key)
            truth.pop(key, None)
        else:
            due = deadlines.take_due(at)
            assert sorted(due) == sorted(key for key, when in truth.items() if when <= at)
            assert [truth[key] for key in due] == sorted(truth.pop(key) for key in list(due))
        assert deadlines.next == min(truth.values(), default=None)


def test_those_that_are_set_anew_or_dropped_leave_nothing_behind() -> None:
    deadlines: Deadlines[int] = Deadlines()
    deadlines.set(0, 1.0)  # first, so that what is out of date never is
    for number in range(1, 10_000):
        deadlines.set(number, 10.0 + number)
        deadlines.drop(number)
        deadlines.set(0, 1.0)
    assert len(deadlines._heap) < 200
    assert deadlines.take_due(20_000.0) == [0]
