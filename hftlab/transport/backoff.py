"""Waits between attempts to connect (the reference document's ReconnectionManager)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from hftlab.transport.recovery import Action, Recovery

__all__ = ["Backoff"]

_JITTER: Final = random.Random()  # noqa: S311 - spreads load, guards nothing
_MOST_POWER: Final = 100


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off from `base` seconds by `factor` to `limit`, for `attempts` tries; the first goes at once.

    `attempts` of None is no limit. The caller counts tries until a connection has lasted `base` seconds: one that ends
    sooner counts as a failed try, so that a server which drops each connection is not asked in a tight loop.

    Full jitter: each wait is uniform between 0 and the exponential delay, so that the clients of a server that comes
    back do not all return in the same instant. The delay of a recovery replaces `base`; that of EXPONENTIAL_BACKOFF,
    after many failures in a minute, is the whole wait. A server's Retry-After is waited for in addition.
    """

    base: float = 1.0
    limit: float = 30.0
    factor: float = 1.5
    attempts: int | None = 10

    @classmethod
    def scaled(cls, base: float, attempts: int | None) -> Backoff:
        """Make a back-off whose limit is thirty times `base`, and at most the document's 30 s."""
        return cls(base=base, limit=min(30.0, 30.0 * base), attempts=attempts)

    def ceiling(self, attempt: int, recovery: Recovery | None = None) -> float:
        """Return the longest wait in seconds before try number `attempt`, counted from 0.

        `recovery` is the decision about the last error.
        """
        if recovery is not None and recovery.action is Action.EXPONENTIAL_BACKOFF:
            return recovery.delay
        if attempt == 0:
            return 0.0
        power = min(attempt - 1, _MOST_POWER)  # without a limit the number of attempts may overflow the power
        base = recovery.delay if recovery is not None and recovery.action is Action.IMMEDIATE_RETRY else self.base
        return min(base * self.factor**power, self.limit)

    def allows(self, attempt: int) -> bool:
        """Tell whether there is a try number `attempt`, counted from 0."""
        return self.attempts is None or attempt < self.attempts

    def delay(self, attempt: int, recovery: Recovery | None = None, *, jitter: random.Random = _JITTER) -> float:
        """Draw the seconds to wait before try number `attempt`, counted from 0."""
        return jitter.uniform(0.0, self.ceiling(attempt, recovery))
