"""When to try again after a connection is lost (the reference document's ReconnectionManager)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

__all__ = ["Backoff"]

_JITTER: Final = random.Random()  # noqa: S311 - spreads load, guards nothing


@dataclass(frozen=True)
class Backoff:
    """Exponential, from `base` seconds by `factor` to `limit`, for `attempts` tries; the first one goes at once.

    Full jitter: each wait is uniform between 0 and the exponential delay, so that the clients of a server that comes
    back do not all return in the same instant.
    """

    base: float = 1.0
    limit: float = 30.0
    factor: float = 1.5
    attempts: int = 10

    def ceiling(self, attempt: int) -> float:
        """The longest wait in seconds before try number `attempt`, counted from 0."""
        return 0.0 if attempt == 0 else min(self.base * self.factor ** (attempt - 1), self.limit)

    def delay(self, attempt: int, jitter: random.Random = _JITTER) -> float:
        return jitter.uniform(0.0, self.ceiling(attempt))
