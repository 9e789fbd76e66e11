"""What one connection may still ask for."""

from __future__ import annotations

import pytest

from hftlab.errors import RateLimitExceeded
from hftlab.protocol.publishing.limits import Rate, ServerLimits
from hftlab.protocol.publishing.request_budget import RequestBudget

LIMITS = ServerLimits(messages=Rate(10, burst=2), subscriptions=Rate(4, burst=1), errors=Rate(1, burst=2))


def test_messages_and_subscriptions_have_budgets_of_their_own() -> None:
    budget = RequestBudget(LIMITS)
    budget.spend_subscription(0.0)
    for _ in range(2):
        budget.spend_message(0.0)
    for spend, what, wait in (
        (budget.spend_message, "messages", 0.1),
        (budget.spend_subscription, "subscriptions", 0.25),
    ):
        with pytest.raises(RateLimitExceeded, match=f"{what} a second: wait {wait:.3f} s") as caught:
            spend(0.0)
        assert caught.value.retry_after == wait
        assert caught.value.context["limit"] == what
        spend(wait)


def test_an_error_too_many_is_told() -> None:
    budget = RequestBudget(LIMITS)
    assert [budget.spend_error(0.0) for _ in range(3)] == [True, True, False]
    assert budget.spend_error(1.0)
