"""What one client may ask of the server, and the buckets that measure it. No clock here: the time is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["Rate", "ServerLimits", "TokenBucket"]


class Rate(NamedTuple):
    """So many a second in the long run, `burst` at once."""

    per_second: float
    burst: int


_MESSAGES: Final = Rate(100, burst=200)
_SUBSCRIPTIONS: Final = Rate(20, burst=50)
_ERRORS: Final = Rate(1, burst=100)


@dataclass(frozen=True)
class ServerLimits:
    """The defaults are far above what a person's notebook or the reference client needs.

    `connections_per_address` does not hold on loopback, where all clients share one address. Times are seconds. A
    connection that has spent `errors` is closed with 1008.
    """

    message_bytes: int = 64 * 1024
    symbols: int = 1000
    messages: Rate = _MESSAGES
    subscriptions: Rate = _SUBSCRIPTIONS
    errors: Rate = _ERRORS
    connections: int = 2000
    connections_per_address: int = 100
    open_timeout: float = 10.0
    auth_deadline: float = 10.0
    write_deadline: float = 3.0


class TokenBucket:
    """Starts full at `rate.burst` and fills by `rate.per_second`; `now` is seconds of a clock that never goes back."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._tokens = float(rate.burst)
        self._filled_at: float | None = None

    def take(self, now: float) -> float:
        """Take one token: 0.0, or the seconds until there is one, in which case none is taken."""
        elapsed = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._filled_at = now
        self._tokens = min(self.rate.burst, self._tokens + elapsed * self.rate.per_second)
        if self._tokens >= 1.0 - 1e-9:  # what the additions lose must not refuse who has waited as told
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate.per_second
