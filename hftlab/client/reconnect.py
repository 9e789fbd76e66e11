"""When to try again after a connection is lost (the reference document's ReconnectionManager)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from hftlab.client.recovery import Action, Recovery

__all__ = ["Backoff"]

_JITTER: Final = random.Random()  # noqa: S311 - spreads load, guards nothing


@dataclass(frozen=True)
class Backoff:
    """Exponential, from `base` seconds by `factor` to `limit`, for `attempts` tries; the first one goes at once.

    Full jitter: each wait is uniform between 0 and the exponential delay, so that the clients of a server that comes
    back do not all return in the same instant. A recovery of IMMEDIATE_RETRY leaves the exponential delay as it is: its
    second is the default `base`. EXPONENTIAL_BACKOFF, after many failures in a minute, goes straight to `limit`, its 30
    seconds. What a server asks for with Retry-After is waited for before all this.
    """

    base: float = 1.0
    limit: float = 30.0
    factor: float = 1.5
    attempts: int = 10

    @classmethod
    def scaled(cls, base: float, attempts: int) -> Backoff:
        """With a limit of thirty times `base`, but of no more than the document's 30 s."""
        return cls(base=base, limit=min(30.0, 30.0 * base), attempts=attempts)

    def ceiling(self, attempt: int, recovery: Recovery | None = None) -> float:
        """The longest wait in seconds before try number `attempt`, counted from 0, after what the last error asks."""
        if recovery is not None and recovery.action is Action.EXPONENTIAL_BACKOFF:
            return self.limit
        return 0.0 if attempt == 0 else min(self.base * self.factor ** (attempt - 1), self.limit)

    def delay(self, attempt: int, recovery: Recovery | None = None, *, jitter: random.Random = _JITTER) -> float:
        """Seconds to wait before try number `attempt`."""
        return jitter.uniform(0.0, self.ceiling(attempt, recovery))
