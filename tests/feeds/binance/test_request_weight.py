from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.feeds.binance.request_weight import RequestWeight


class TestRequestWeight:
    @given(st.lists(st.tuples(st.sampled_from([1, 5, 50, 250]), st.floats(0, 20)), max_size=200))
    def test_no_minute_has_more_than_the_limit(self, asked: list[tuple[int, float]]) -> None:
        """Whatever is asked for and when, each request that waits as long as it is told keeps the limit."""
        weight, now = RequestWeight(1000, 0.0), 0.0
        sent: list[tuple[float, int]] = []
        for cost, pause in asked:
            now += pause
            while (delay := weight.delay(cost, now)) > 0:
                now += delay + 1e-9
            weight.spend(cost, now)
            sent.append((now, cost))
        for at, _ in sent:
            assert sum(cost for when, cost in sent if at - 60 < when <= at) <= 1000

    def test_a_refusal_is_waited_for(self) -> None:
        weight = RequestWeight(6000, 0.0)
        weight.refused(429, 30.0, 0.0)
        assert weight.delay(1, 10.0) == 20.0
        weight.refused(418, None, 40.0)
        assert weight.held_for(40.0) == 120.0
        weight.refused(429, None, 200.0)
        assert weight.held_for(200.0) == 10.0
        assert weight.refusals == 3

    def test_what_others_of_the_address_have_used_counts(self) -> None:
        weight = RequestWeight(6000, 0.0)
        weight.heard(100, 0.0)
        assert weight.delay(50, 0.0) == 0.0
        weight.heard(5_500, 1.0)
        assert weight.delay(50, 1.0) == 10.0
        assert weight.used == 5_500

    def test_the_venues_own_limit_holds(self) -> None:
        weight = RequestWeight(6000, 0.0)
        weight.set_limit(100)
        weight.spend(18, 0.0)
        assert weight.delay(18, 0.0) > 10
