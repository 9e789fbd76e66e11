"""The client's small parts without a connection."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.client.histogram import LatencyHistogram
from hftlab.client.inbox import Inbox
from hftlab.protocol import Heartbeat
from hftlab.transport.backoff import Backoff
from hftlab.transport.health import Health
from hftlab.transport.recovery import Action, Recovery


class TestBackoff:
    def test_the_ceilings_are_the_documents(self) -> None:
        """1 s x 1.5^n up to 30 s, after a first try at once."""
        ceilings = [Backoff().ceiling(attempt) for attempt in range(11)]
        assert ceilings[:5] == [0.0, 1.0, 1.5, 2.25, 3.375]
        assert ceilings[-1] == 30.0

    @given(st.integers(0, 50), st.integers())
    def test_a_delay_is_anywhere_below_its_ceiling(self, attempt: int, seed: int) -> None:
        backoff = Backoff()
        assert 0.0 <= backoff.delay(attempt, jitter=random.Random(seed)) <= backoff.ceiling(attempt)

    def test_without_a_limit_there_may_be_any_number_of_tries(self) -> None:
        assert Backoff(attempts=None).ceiling(100_000) == 30.0
        assert Backoff(attempts=None).allows(100_000)
        assert [Backoff(attempts=2).allows(attempt) for attempt in range(4)] == [True, True, False, False]

    def test_only_a_retry_says_where_to_begin(self) -> None:
        backoff = Backoff(base=2.0)
        assert backoff.ceiling(1, Recovery(Action.IMMEDIATE_RETRY, 1.0)) == 1.0
        assert backoff.ceiling(1, Recovery(Action.REFRESH_AUTH, 0.0)) == 2.0

    def test_delays_differ(self) -> None:
        jitter = random.Random(1)
        assert len({Backoff().delay(5, jitter=jitter) for _ in range(100)}) == 100


class TestHealth:
    def test_three_silent_checks_are_unhealthy(self) -> None:
        health = Health(10.0)
        assert not health.is_healthy
        health.hear(0.0)
        for at in (5.0, 10.0, 15.0):
            health.check(at)
        assert health.is_healthy
        assert health.missed == 0
        for at in (20.0, 25.0):
            health.check(at)
        assert health.is_healthy
        health.check(30.0)
        assert not health.is_healthy
        health.hear(31.0)
        assert health.is_healthy


class TestInbox:
    def test_take_returns_the_oldest_first(self) -> None:
        inbox = Inbox(10)
        beats = [Heartbeat(timestamp=float(n)) for n in range(1, 5)]
        for beat in beats:
            inbox.put(beat)
        assert inbox.take(2) == beats[:2]
        assert inbox.take() == beats[2:]
        assert inbox.take() == []

    async def test_get_waits_for_a_message_or_the_end(self) -> None:
        inbox = Inbox(10)
        first, second = asyncio.create_task(inbox.get()), asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        beat = Heartbeat(timestamp=1.0)
        inbox.put(beat)
        inbox.close()
        assert [await first, await second] == [beat, None]
        assert await inbox.get() is None


class TestLatencyHistogram:
    @settings(max_examples=25)
    @given(st.lists(st.integers(-1000, 10**14), min_size=1, max_size=200))
    def test_it_agrees_with_the_sorted_values_to_three_digits(self, values: list[int]) -> None:
        histogram = LatencyHistogram()
        for value in values:
            histogram.record(value)
        truth = sorted(min(max(value, 1), 3600 * 10**9) for value in values)
        summary = histogram.summary()
        assert histogram.count == len(values)
        for name, exact in (("min", truth[0]), ("max", truth[-1]), ("mean", sum(truth) / len(truth))):
            assert abs(summary[name] - exact) <= exact / 1000 + 1
        edges, counts = histogram.bars()
        assert sum(counts) == len(values)
        assert edges[0] <= truth[0] * 1.002
        assert edges[-1] >= truth[-1] * 0.998
        assert edges == sorted(edges)

    def test_an_empty_one_has_zeros_and_no_bars(self) -> None:
        assert set(LatencyHistogram().summary().values()) == {0}
        assert LatencyHistogram().bars() == ([], [])
