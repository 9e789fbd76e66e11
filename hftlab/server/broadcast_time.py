"""Time that it takes to project and encode a batch of messages and to hand it to all its readers."""

from __future__ import annotations

import time
from typing import Final

from hftlab.log import get_logger
from hftlab.server.durations import Durations

__all__ = ["BroadcastTimes"]

_SLOW: Final = 0.001
"""Seconds; the reference document's target for one broadcast."""
_QUIET: Final = 1.0
"""Seconds between two lines about slow broadcasts."""
_BOUNDS: Final = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

_log = get_logger("hftlab.monitor")


class BroadcastTimes:
    """Measures every broadcast, and logs those that take more than a millisecond."""

    def __init__(self) -> None:
        self.durations = Durations(
            "hftlab_broadcast_seconds",
            "Time to project and encode one batch of messages and hand it to all its readers",
            _BOUNDS,
        )
        self._slow = 0
        self._warned_at = -_QUIET

    def add(self, seconds: float) -> None:
        """Count one broadcast."""
        self.durations.add(seconds)
        if seconds > _SLOW:
            self._warn(seconds)

    def _warn(self, seconds: float) -> None:
        """Log a slow broadcast, at most once a second: a line costs more than a frame."""
        self._slow += 1
        now = time.monotonic()
        if now - self._warned_at >= _QUIET:
            _log.info("slow broadcast", milliseconds=round(seconds * 1000, 3), since_last_line=self._slow)
            self._slow, self._warned_at = 0, now
