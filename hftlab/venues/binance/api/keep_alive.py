"""Pings of one connection and its longest life, as a state machine. The time is passed in, in seconds."""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Final

__all__ = ["Due", "KeepAlive"]

_NEVER: Final = math.inf


class Due(Enum):
    """Task that is to be done."""

    PING = auto()
    NO_PONG = auto()
    """Close: no pong has come in time."""


class KeepAlive:
    """Pings each `interval`, and tells when the oldest unanswered one is older than `timeout`."""

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval, self._timeout = interval, timeout
        self._next_ping = now + interval
        self._unanswered: float | None = None
        """When the oldest ping was sent that no pong has followed."""

    @property
    def deadline(self) -> float:
        """When due() is to be asked next."""
        return min(self._next_ping, _NEVER if self._unanswered is None else self._unanswered + self._timeout)

    def ponged(self) -> None:
        """Note that a pong has come for the newest ping."""
        self._unanswered = None

    def due(self, now: float) -> Due | None:
        """Return what is to be done now, and count it as done; None if it is too early."""
        if self._unanswered is not None and now >= self._unanswered + self._timeout:
            return Due.NO_PONG
        if now < self._next_ping:
            return None
        self._next_ping = now + self._interval
        if self._unanswered is None:
            self._unanswered = now
        return Due.PING
