"""Whether the other side still talks (the reference document's ConnectionHealthMonitor)."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_MISSED_HEARTBEATS", "Health"]

MAX_MISSED_HEARTBEATS: Final = 3


class Health:
    """Counts checks, made twice per heartbeat `interval` (s), that find more than 1.5 intervals of silence.

    `at` is any steady time in seconds.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.missed = 0
        self._heard: float | None = None

    def hear(self, at: float) -> None:
        self._heard, self.missed = at, 0

    def check(self, at: float) -> None:
        if self._heard is not None and at - self._heard > 1.5 * self.interval:
            self.missed += 1

    @property
    def is_healthy(self) -> bool:
        return self._heard is not None and self.missed < MAX_MISSED_HEARTBEATS
