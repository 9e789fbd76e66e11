"""Request budget of one connection, by the rates of ServerLimits."""

from __future__ import annotations

import math

from hftlab.errors import RateLimitExceeded
from hftlab.protocol.publishing.limits import ServerLimits, TokenBucket

__all__ = ["RequestBudget"]


class RequestBudget:
    """Measures the messages, subscriptions and errors of one connection; `now` is in seconds of a monotonic clock."""

    def __init__(self, limits: ServerLimits) -> None:
        self._messages = TokenBucket(limits.messages)
        self._subscriptions = TokenBucket(limits.subscriptions)
        self._errors = TokenBucket(limits.errors)

    def spend_message(self, now: float) -> None:
        """Count one message. Raises RateLimitExceeded."""
        _spend(self._messages, "messages", now)

    def spend_subscription(self, now: float) -> None:
        """Count one change of subscriptions. Raises RateLimitExceeded."""
        _spend(self._subscriptions, "subscriptions", now)

    def spend_error(self, now: float) -> bool:
        """Count one error that the connection has caused; returns False if that was one too many."""
        return not self._errors.take(now)


def _spend(bucket: TokenBucket, what: str, now: float) -> None:
    wait = bucket.take(now)
    if wait:
        raise RateLimitExceeded(
            f"more than {bucket.rate.per_second:g} {what} a second: wait {wait:.3f} s",
            context={"limit": what, "perSecond": bucket.rate.per_second, "burst": bucket.rate.burst},
            retry_after=math.ceil(wait * 1000) / 1000,
        )
