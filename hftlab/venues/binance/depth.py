"""Synchronisation of Binance's depth updates with a snapshot: which belong to the book, and where one is missing.

Sources: Binance Spot API, WebSocket Streams, "How to manage a local order book correctly"; USDⓈ-M Futures API,
Websocket Market Streams, the same title. Spot counts with `U` and `u`, futures also name the update before (`pu`).
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from hftlab.venues.binance.messages import DepthUpdate

__all__ = ["DepthRule", "HeldUpdate", "Verdict"]

_HELD: Final = 10_000
"""Most updates that wait for a snapshot: over fifteen minutes of depth@100ms, minutes of the fastest futures stream."""


class Verdict(Enum):
    """Verdict on an update."""

    APPLY = "apply"
    HOLD = "hold"  # there is no book yet; the next snapshot may need it
    DROP = "drop"  # the book holds it already
    GAP = "gap"  # updates are missing before it: the book is invalid; held as well


class HeldUpdate(NamedTuple):
    """Update that waits for a snapshot, and its line in the capture."""

    update: DepthUpdate
    line: int


class DepthRule:
    """Synchronisation rule as a state machine without a book: updates and snapshots in, verdicts out."""

    def __init__(self) -> None:
        self._last: int | None = None  # the update id of the book; None while there is no book
        self._joined = False  # an update has followed the snapshot
        self._held: deque[HeldUpdate] = deque(maxlen=_HELD)

    @property
    def synchronised(self) -> bool:
        """Tell whether there is a book."""
        return self._last is not None

    def update(self, update: DepthUpdate, line: int) -> Verdict:
        """Judge an update, in the order of capture."""
        if self._last is None:
            self._held.append(HeldUpdate(update, line))
            return Verdict.HOLD
        if self._is_old(update, self._last):
            return Verdict.DROP
        if self._follows(update, self._last):
            self._last, self._joined = update.last, True
            return Verdict.APPLY
        self._last = None
        self._held.append(HeldUpdate(update, line))
        return Verdict.GAP

    def snapshot(self, last_update_id: int) -> list[HeldUpdate] | None:
        """Judge a snapshot.

        Returns the held updates to pass to `update()` once it is applied, or None if it is of no use.

        It is of no use when the book is that new already, or when the updates that follow it are missing.
        """
        if self._last is not None and last_update_id <= self._last:
            return None
        before = self._joined
        self._joined = False
        newer = [held for held in self._held if not self._is_old(held.update, last_update_id)]
        if newer and not self._follows(newer[0].update, last_update_id):
            self._joined = before
            return None
        self._last = last_update_id
        self._held.clear()
        return newer

    def _is_old(self, update: DepthUpdate, last: int) -> bool:
        # Futures apply the update that holds the snapshot's own id once more: totals do not add up.
        if update.previous is not None and not self._joined:
            return update.last < last
        return update.last <= last

    def _follows(self, update: DepthUpdate, last: int) -> bool:
        if update.previous is None:
            return update.first <= last + 1
        return update.previous == last or (not self._joined and update.first <= last)
