"""Waits before reconnections against the reference document's ReconnectionManager."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from hftlab.transport.backoff import Backoff
from hftlab.transport.recovery import Action, Recovery


def test_the_ceilings_are_the_documents() -> None:
    """1 s x 1.5^n up to 30 s, after a first try at once."""
    ceilings = [Backoff().ceiling(attempt) for attempt in range(11)]
    assert ceilings[:5] == [0.0, 1.0, 1.5, 2.25, 3.375]
    assert ceilings[-1] == 30.0


@given(st.integers(0, 50), st.integers())
def test_a_delay_is_anywhere_below_its_ceiling(attempt: int, seed: int) -> None:
    backoff = Backoff()
    assert 0.0 <= backoff.delay(attempt, jitter=random.Random(seed)) <= backoff.ceiling(attempt)


def test_without_a_limit_there_may_be_any_number_of_tries() -> None:
    assert Backoff(attempts=None).ceiling(100_000) == 30.0
    assert Backoff(attempts=None).allows(100_000)
    assert [Backoff(attempts=2).allows(attempt) for attempt in range(4)] == [True, True, False, False]


def test_only_a_retry_says_where_to_begin() -> None:
    backoff = Backoff(base=2.0)
    assert backoff.ceiling(1, Recovery(Action.IMMEDIATE_RETRY, 1.0)) == 1.0
    assert backoff.ceiling(1, Recovery(Action.REFRESH_AUTH, 0.0)) == 2.0


def test_delays_differ() -> None:
    jitter = random.Random(1)
    assert len({Backoff().delay(5, jitter=jitter) for _ in range(100)}) == 100
