"""Weights of requests."""

from __future__ import annotations

from hftlab.venues.binance.api.request_weights import RequestWeights


def test_weights_add_up_by_address_until_the_minute_is_over() -> None:
    weights = RequestWeights(100)
    assert [weights.use("a", 5, 61), weights.use("a", 25, 80), weights.use("b", 1, 80)] == [5, 30, 1]
    assert weights.use("a", 5, 120) == 5


def test_the_next_minute_is_when_to_try_again() -> None:
    assert RequestWeights(100).retry_after(70) == 50
    assert RequestWeights(100).retry_after(119.9) == 1
