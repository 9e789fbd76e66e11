"""Weight of REST requests: how long to wait for the next one, so that the venue's limit is kept."""

from __future__ import annotations

from typing import Final

__all__ = ["RequestWeight"]

_MINUTE: Final = 60.0
_SHARE: Final = 0.75
"""Part of the limit that is used: other programs of this address may ask as well."""
_BURST: Final = 0.25
"""Part of that which may be used at once; the rest is spread over the minute."""
_BAN: Final = 120.0
"""Seconds to stay away after a 418 that does not say how long; the venue's bans begin with two minutes."""
_PAUSE: Final = 10.0
"""Seconds to stay away after a 429 that does not say how long."""


class RequestWeight:
    """Budget of request weight, without I/O: a bucket that fills evenly. Times are seconds of any steady clock.

    Source: Binance Spot API, "Limits": HTTP 429 and 418 come with Retry-After, and headers say what was used.
    """

    def __init__(self, limit: int, now: float) -> None:
        self.limit = limit
        self.used = 0
        """Weight of the present minute as the venue has told last."""
        self.refusals = 0
        self._room = self._burst
        self._filled = now
        self._held_until = now

    @property
    def _allowed(self) -> float:
        return self.limit * _SHARE

    @property
    def _burst(self) -> float:
        return self._allowed * _BURST

    def set_limit(self, limit: int) -> None:
        """Take the limit that the venue tells."""
        self.limit = limit
        self._room = min(self._room, self._burst)

    def delay(self, weight: int, now: float) -> float:
        """Return the seconds to wait before a request of this weight; 0 if it may go now."""
        self._fill(now)
        missing = min(weight, self._burst) - self._room
        rate = self._allowed * (1 - _BURST) / _MINUTE
        return max(self._held_until - now, missing / rate, 0.0)

    def spend(self, weight: int, now: float) -> None:
        """Count a request that is sent."""
        self._fill(now)
        self._room -= weight

    def _fill(self, now: float) -> None:
        rate = self._allowed * (1 - _BURST) / _MINUTE
        self._room = min(self._burst, self._room + (now - self._filled) * rate)
        self._filled = now

    def heard(self, used: int, now: float) -> None:
        """Take the weight of the present minute from an answer's header; near the limit, wait for the next minute."""
        self.used = used
        if used >= self.limit * 0.9:
            self._held_until = max(self._held_until, now + _PAUSE)

    def refused(self, status: int, retry_after: float | None, now: float) -> None:
        """Stay away after a 429 or 418."""
        self.refusals += 1
        pause = retry_after if retry_after is not None else (_BAN if status == 418 else _PAUSE)
        self._held_until = max(self._held_until, now + pause)

    def held_for(self, now: float) -> float:
        """Return the seconds that the venue, or its limit, keeps all requests back."""
        return max(0.0, self._held_until - now)
