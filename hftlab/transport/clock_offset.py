"""Offset of the server's clock from ours, from PING and PONG (NTP's on-wire protocol, RFC 5905 section 8)."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

__all__ = ["ClockOffset", "Sample"]

_SAMPLES: Final = 8  # the length of NTP's clock filter, RFC 5905 section 10


class Sample(NamedTuple):
    """Measurement by one exchange: `offset` is the server's clock minus ours, `delay` the round trip, both in ns."""

    offset: int
    delay: int

    @classmethod
    def of(cls, sent: int, received_there: int, sent_there: int, received: int) -> Sample:
        """Compute a sample from four times in ns: the first and the last on our clock, the others on the server's."""
        offset = ((received_there - sent) + (sent_there - received)) // 2
        return cls(offset, (received - sent) - (sent_there - received_there))


class ClockOffset:
    """Offset of the quickest of the newest eight samples: the shorter the delay, the better the offset is known.

    The way there may be longer than the way back, so an offset is uncertain by half its delay.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_SAMPLES)

    def add(self, sample: Sample) -> None:
        """Add a sample; one with a negative delay (a clock was set in between) is left out."""
        if sample.delay >= 0:
            self._samples.append(sample)

    @property
    def best(self) -> Sample | None:
        """Sample with the shortest delay; None before the first."""
        return min(self._samples, key=lambda sample: sample.delay, default=None)

    @property
    def correction(self) -> int:
        """Offset in ns to correct times by: 0 unless it is larger than its uncertainty."""
        best = self.best
        return best.offset if best is not None and abs(best.offset) > best.delay / 2 else 0
