"""Synchronisation of Binance's depth updates with a snapshot: which belong to the book, and where one is missing.

A market that is reset, as the spot testnet is every month, begins its update ids anew. Updates behind the book are
then not late copies: they are new, and not older than the newest update. With a snapshot that they join they are the
book from then on; if they are newer by more than a second, they show by themselves that the old book is gone.

Sources: Binance Spot API, WebSocket Streams, "How to manage a local order book correctly"; USDⓈ-M Futures API,
Websocket Market Streams, the same title. Spot counts with `U` and `u`, futures also name the update before (`pu`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from hftlab.venues.binance.messages import DepthUpdate

__all__ = ["DepthRule", "HeldUpdate", "Verdict"]

_SECOND: Final = 1_000_000_000
_REMEMBERED: Final = 1_000
_HELD: Final = 10_000
"""Most updates that wait for a snapshot: over fifteen minutes of depth@100ms, minutes of the fastest futures stream."""


class Verdict(Enum):
    """Verdict on an update."""

    APPLY = "apply"
    HOLD = "hold"  # there is no book yet; the next snapshot may need it
    DROP = "drop"  # the book holds it already
    GAP = "gap"  # updates are missing before it: the book is invalid; held as well
    ANEW = "anew"  # the update ids began anew: the book is invalid; held as well, and an earlier snapshot may join


class HeldUpdate(NamedTuple):
    """Update that waits for a snapshot, and its line in the capture."""

    update: DepthUpdate
    line: int


class DepthRule:
    """Synchronisation rule as a state machine without a book: updates and snapshots in, verdicts out."""

    def __init__(self) -> None:
        self.begun_anew = 0
        self._last: int | None = None  # the update id of the book; None while there is no book
        self._joined = False  # an update has followed the snapshot
        self._held: deque[HeldUpdate] = deque(maxlen=_HELD)
        self._late: int | None = None  # the newest snapshot behind the book
        self._follow([])

    def _follow(self, updates: Iterable[HeldUpdate]) -> None:
        """Begin a line of update ids with some updates."""
        self._lowest: int | None = None
        self._newest = self._newest_time = 0
        self._seen: deque[DepthUpdate] = deque(maxlen=_REMEMBERED)
        self._strays: deque[HeldUpdate] = deque(maxlen=_HELD)  # behind the book, but new
        for held in updates:
            self._note(held.update)

    def _note(self, update: DepthUpdate) -> None:
        self._lowest = update.first if self._lowest is None else min(self._lowest, update.first)
        self._newest = max(self._newest, update.last)
        self._newest_time = max(self._newest_time, update.ts_event)
        self._seen.append(update)

    @property
    def synchronised(self) -> bool:
        """Tell whether there is a book."""
        return self._last is not None

    @property
    def last(self) -> int | None:
        """Update id of the book; None while there is no book."""
        return self._last

    def void(self) -> None:
        """Forget the book, which something else has shown to be wrong, and the updates that it holds."""
        self._last, self._joined = None, False
        self._held.clear()

    def is_behind(self, last_update_id: int) -> bool:
        """Tell whether there is a book that has followed updates, and a snapshot is newer than it."""
        return self._joined and self._last is not None and self._last < last_update_id

    def update(self, update: DepthUpdate, line: int) -> Verdict:
        """Judge an update, in the order of capture."""
        held = HeldUpdate(update, line)
        if self._last is None:
            self._held.append(held)
            self._note(update)
            return Verdict.HOLD
        if _is_old(update, self._last, self._joined):
            return self._judge_old(held)
        self._note(update)
        self._strays.clear()
        self._late = None
        if _follows(update, self._last, self._joined):
            self._last, self._joined = update.last, True
            return Verdict.APPLY
        self._last = None
        self._held.append(held)
        return Verdict.GAP

    def _judge_old(self, held: HeldUpdate) -> Verdict:
        """Judge an update that is behind the book: a copy or a late one, or one of a new line of ids."""
        update = held.update
        if update.last > self._newest:
            self._note(update)  # on its way to a snapshot that was ahead
            return Verdict.DROP
        if update.ts_event < self._newest_time or any(_is_copy(update, seen) for seen in self._seen):
            return Verdict.DROP
        self._strays.append(held)
        joins = self._late is not None and _joining(self._strays, self._late)
        if not joins and update.ts_event <= self._newest_time + _SECOND:
            return Verdict.DROP
        self._void(list(self._strays))
        return Verdict.ANEW

    def _void(self, strays: list[HeldUpdate]) -> None:
        """Leave the book for a new line of ids, of which there are these updates."""
        self.begun_anew += 1
        self._last, self._late, self._joined = None, None, False
        self._held.clear()
        self._held.extend(strays)
        self._follow(strays)

    def snapshot(self, last_update_id: int) -> list[HeldUpdate] | None:
        """Judge a snapshot.

        Returns the held updates to pass to `update()` once it is applied, or None if it is of no use.

        It is of no use when the book is that new already, or when the updates that follow it are missing.
        """
        if self._last is not None and last_update_id <= self._last:
            if not self._is_of_new_line(last_update_id):
                self._late = last_update_id
                return None
            self._void(list(self._strays))
        newer = _joining(self._held, last_update_id)
        if newer is None and (latest := self._since_step_back()):
            newer = _joining(latest, last_update_id)
            if newer is not None:
                self._void(latest)
        if newer is None:
            return None
        self._last, self._late, self._joined = last_update_id, None, False
        self._held.clear()
        return newer

    def _is_of_new_line(self, last_update_id: int) -> bool:
        """Tell whether a snapshot behind the book belongs to the updates that are behind it too.

        One that has ids of the old line, and none of these updates after it, may be a late one of that line.
        """
        newer = _joining(self._strays, last_update_id) if self._strays else None
        return newer is not None and (bool(newer) or self._lowest is None or last_update_id < self._lowest)

    def _since_step_back(self) -> list[HeldUpdate]:
        """Return the held updates since their ids last went back, if they did."""
        held = list(self._held)
        steps = [place for place in range(1, len(held)) if held[place].update.last < held[place - 1].update.last]
        return held[steps[-1] :] if steps else []


def _joining(held: Iterable[HeldUpdate], last: int) -> list[HeldUpdate] | None:
    """Return the updates after a snapshot, None if one is missing in between."""
    newer = [one for one in held if not _is_old(one.update, last, joined=False)]
    return None if newer and not _follows(newer[0].update, last, joined=False) else newer


def _is_copy(update: DepthUpdate, seen: DepthUpdate) -> bool:
    same_ids = (update.first, update.last) == (seen.first, seen.last)
    return same_ids and (update.bids, update.asks) == (seen.bids, seen.asks)


def _is_old(update: DepthUpdate, last: int, joined: bool) -> bool:
    # Futures apply the update that holds the snapshot's own id once more: totals do not add up.
    if update.previous is not None and not joined:
        return update.last < last
    return update.last <= last


def _follows(update: DepthUpdate, last: int, joined: bool) -> bool:
    if update.previous is None:
        return update.first <= last + 1
    return update.previous == last or (not joined and update.first <= last)
