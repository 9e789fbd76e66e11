"""The course of latencies over the last minutes, second by second."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final

from hftlab.widgets.latency.bars import EMPTY, Bars

__all__ = ["SECONDS", "SHARES", "Timeline"]

SECONDS: Final = 180
SHARES: Final = (0.5, 0.99)
"""The percentiles that are followed."""


class Timeline:
    """The median and the 99th percentile of each second, of each component.

    A reading after a pause spreads what has come meanwhile evenly over the seconds since the last one.
    """

    def __init__(self) -> None:
        self.lines: dict[str, deque[tuple[float, ...]]] = {}
        """SHARES of each second in ns, oldest first; NaN where nothing was measured."""
        self._before: dict[str, Bars] = {}
        self._second: int | None = None

    def due(self, now: float) -> bool:
        """True if a second has ended since the last reading."""
        return self._second is None or math.floor(now) > self._second

    def read(self, now: float, components: Mapping[str, Bars]) -> None:
        """Take in the present state of the histograms at `now` seconds."""
        second = math.floor(now)
        passed = 0 if self._second is None else min(SECONDS, second - self._second)
        self._second = second
        for name, bars in components.items():
            line = self.lines.setdefault(name, deque(maxlen=SECONDS))
            added = bars.since(self._before.get(name, EMPTY))
            self._before[name] = bars
            line.extend([tuple(added.quantile(share) for share in SHARES)] * passed)
