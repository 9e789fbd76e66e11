"""When to try again after a connection is lost (the reference document's ReconnectionManager)."""

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
    """Exponential, from `base` seconds by `factor` to `limit`, for `attempts` tries; the first one goes at once.

    `attempts` of None is no limit. Tries are counted on until a connection has lasted `base` seconds: one that ends
    sooner was worth no more than a failed try, and a server that drops each connection is not to be asked in a circle.

    Full jitter: each wait is uniform between 0 and the exponential delay, so that the clients of a server that comes
    back do not all return in the same instant. The delay of a recovery takes the place of `base`; that of
    EXPONENTIAL_BACKOFF, after many failures in a minute, is taken as it is. What a server asks for with Retry-After is
    waited for before all this.
    """

    base: float = 1.0
    limit: float = 30.0
    factor: float = 1.5
    attempts: int | None = 10

    @classmethod
    def scaled(cls, base: float, attempts: int | None) -> Backoff:
        """With a limit of thirty times `base`, but of no more than the document's 30 s."""
        return cls(base=base, limit=min(30.0, 30.0 * base), attempts=attempts)

    def ceiling(self, attempt: int, recovery: Recovery | None = None) -> float:
        """The longest wait in seconds before try number `attempt`, counted from 0, after what the last error asks."""
        if recovery is not None and recovery.action is Action.EXPONENTIAL_BACKOFF:
            return recovery.delay
        if attempt == 0:
            return 0.0
        power = min(attempt - 1, _MOST_POWER)  # without a limit of attempts there may be any number of them
        base = recovery.delay if recovery is not None and recovery.action is Action.IMMEDIATE_RETRY else self.base
        return min(base * self.factor**power, self.limit)

    def allows(self, attempt: int) -> bool:
        """Whether there is to be a try number `attempt`."""
        return self.attempts is None or attempt < self.attempts

    def delay(self, attempt: int, recovery: Recovery | None = None, *, jitter: random.Random = _JITTER) -> float:
        """Seconds to wait before try number `attempt`."""
        return jitter.uniform(0.0, self.ceiling(attempt, recovery))
