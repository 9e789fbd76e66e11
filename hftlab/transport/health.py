"""Health of a connection: whether the other side is still heard (the reference document's ConnectionHealthMonitor)."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_MISSED_HEARTBEATS", "Health"]

MAX_MISSED_HEARTBEATS: Final = 3


class Health:
    """Counter of missed heartbeats: a check that finds more than 1.5 intervals of silence counts as one.

    check() is called twice per heartbeat `interval` (s). `at` is any steady time in seconds.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.missed = 0
        self._heard: float | None = None

    def hear(self, at: float) -> None:
        """Take note of a sign of life."""
        self._heard, self.missed = at, 0

    def check(self, at: float) -> None:
        """Count a missed heartbeat if it has been silent for too long."""
        if self._heard is not None and at - self._heard > 1.5 * self.interval:
            self.missed += 1

    @property
    def is_healthy(self) -> bool:
        """True if the other side has been heard, and fewer than three checks have missed it since."""
        return self._heard is not None and self.missed < MAX_MISSED_HEARTBEATS
