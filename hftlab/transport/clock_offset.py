"""How far the server's clock is from ours, from PING and PONG (NTP's on-wire protocol, RFC 5905 section 8)."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

__all__ = ["ClockOffset", "Sample"]

_SAMPLES: Final = 8  # the length of NTP's clock filter, RFC 5905 section 10


class Sample(NamedTuple):
    """One exchange: `offset` is the server's clock minus ours, `delay` the time on the way there and back, both ns."""

    offset: int
    delay: int

    @classmethod
    def of(cls, sent: int, received_there: int, sent_there: int, received: int) -> Sample:
        """From its four times: the first and the last on our clock, the others on the server's."""
        offset = ((received_there - sent) + (sent_there - received)) // 2
        return cls(offset, (received - sent) - (sent_there - received_there))


class ClockOffset:
    """The offset of the newest eight samples' quickest: a message that did not wait tells the most.

    The way there may be longer than the way back, so an offset is certain to half the delay only.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_SAMPLES)

    def add(self, sample: Sample) -> None:
        """A negative delay (a clock was set in between) tells nothing and is left out."""
        if sample.delay >= 0:
            self._samples.append(sample)

    @property
    def best(self) -> Sample | None:
        return min(self._samples, key=lambda sample: sample.delay, default=None)

    @property
    def correction(self) -> int:
        """The offset in ns to reckon with: 0 unless it is larger than its uncertainty."""
        best = self.best
        return best.offset if best is not None and abs(best.offset) > best.delay / 2 else 0
