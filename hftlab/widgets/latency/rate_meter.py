"""Message and byte rates over the last seconds, from a client's counters."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import nan
from typing import Final

from hftlab.widgets.core.interfaces import Metrics

__all__ = ["RateMeter", "Traffic"]

SHORTEST: Final = 0.1
"""Seconds over which a rate means something."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters, and rates per second, NaN while they are not known."""

    messages: int = 0
    bytes: int = 0
    gaps: int = 0
    message_rate: float = nan
    byte_rate: float = nan

    def since(self, before: Traffic) -> Traffic:
        """The same rates, and the counts since an earlier reading; all of them if the client has started anew."""
        if before.messages > self.messages:
            return self
        counts = (self.messages - before.messages, self.bytes - before.bytes, max(0, self.gaps - before.gaps))
        return Traffic(*counts, self.message_rate, self.byte_rate)


class RateMeter:
    """Turns counters into rates over the last `window` seconds."""

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._samples: deque[tuple[float, int, int]] = deque()

    def read(self, now: float, metrics: Metrics) -> Traffic:
        """Read the counters at `now` seconds; rates need an earlier reading."""
        messages, size, gaps = metrics.messages_received, metrics.bytes_received, metrics.gaps
        samples = self._samples
        if samples and messages < samples[-1][1]:  # the client started its counters anew
            samples.clear()
        samples.append((now, messages, size))
        while len(samples) > 2 and samples[1][0] <= now - self._window:
            samples.popleft()
        then, messages_then, size_then = samples[0]
        passed = now - then
        if passed < SHORTEST:
            return Traffic(messages, size, gaps)
        return Traffic(messages, size, gaps, (messages - messages_then) / passed, (size - size_then) / passed)
