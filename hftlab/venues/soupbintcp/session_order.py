"""Order of a recorded SoupBinTCP stream: each message of a session once, whatever is sent again after a new login."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.arbitration import ArbitrationStats, Gap
from hftlab.venues.moldudp64 import Runs
from hftlab.venues.soupbintcp.packet_kernel import pass_over

__all__ = ["LOGIN_SIZE", "SessionOrder"]

Bytes = npt.NDArray[np.uint8]

_TYPE: Final = slice(2, 3)
_SESSION: Final = slice(3, 13)
_NUMBER: Final = slice(13, 33)
LOGIN_SIZE: Final = 33
"""Bytes of an accepted login, with its length."""
_MOST_NUMBER: Final = 1 << 62
"""Numbers from here on are taken for damage: sums of them have to fit."""
_MOST_SESSIONS: Final = 1024


class SessionOrder:
    """Numbers of the messages of a stream, by the logins in it. `wanted` is the only session to keep, None keeps all.

    A stream that begins without a login begins with message 1 of a session without a name. Sessions behind the first
    1,024 are taken for damage, and left out.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self.gaps: list[Gap] = []
        """Messages that were not asked for when a client logged in again; a gap's stream is the session's number."""
        self._wanted = wanted
        self._numbers: dict[str, int] = {}
        self._expected: list[int] = []
        self._name, self._number = "", 1
        self._delivered = self._duplicates = 0

    @property
    def sessions(self) -> tuple[str, ...]:
        """Names of the sessions of which there were messages, by their numbers."""
        return tuple(self._numbers)

    @property
    def stats(self) -> ArbitrationStats:
        """Counts of messages so far."""
        return ArbitrationStats(
            packets=self._delivered + self._duplicates,
            delivered=self._delivered,
            duplicates=self._duplicates,
            late=0,
            missing=sum(gap.count for gap in self.gaps),
            gaps=len(self.gaps),
            restarts=0,
        )

    def log_in(self, packet: bytes) -> None:
        """Go on with the session and number that an accepted login gives; other packets change nothing."""
        number = packet[_NUMBER].strip()
        if packet[_TYPE] == b"A" and number.isdigit() and int(number) < _MOST_NUMBER:
            self._name = packet[_SESSION].decode("ascii", "replace").strip()
            self._number = max(int(number), 1)

    def next_run(self, data: Bytes, end: int, count: int) -> Runs | None:
        """Take `count` messages in data[:end], each behind its length. Returns those that are new, None if none is."""
        first, self._number = self._number, self._number + count
        is_beyond = len(self._numbers) == _MOST_SESSIONS and self._name not in self._numbers
        if is_beyond or self._wanted not in (None, self._name):
            return None
        session = self._numbers.setdefault(self._name, len(self._numbers))
        if session == len(self._expected):
            self._expected.append(first)
        expected = self._expected[session]
        skip = min(max(expected - first, 0), count)
        if first > expected:
            self.gaps.append(Gap(session, expected, first - 1, 0, 0))
        self._duplicates += skip
        self._delivered += count - skip
        self._expected[session] = max(expected, first + count)
        return None if skip == count else self._run(data, pass_over(data, skip), end, count - skip, first + skip)

    def _run(self, data: Bytes, start: int, end: int, count: int, first: int) -> Runs:
        session = self._numbers[self._name]
        zero = np.zeros(1, np.int64)
        return Runs(
            data=data,
            start=np.array([start]),
            end=np.array([end]),
            count=np.array([count]),
            sequence=np.array([first]),
            session=np.array([session], np.int32),
            ts_recv=zero,
            is_after_gap=np.array([any(gap.stream == session for gap in self.gaps)]),
        )
