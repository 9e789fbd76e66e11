"""Position in the events of a recording, and the market as they have made it up to there."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from hftlab.events import TRADE
from hftlab.server.native.session_events import EventParts, Events
from hftlab.venues.market_state.recorded_market import RecordedMarket, Saved

__all__ = ["EventCursor"]

_LOOK_AHEAD: Final = 5_000_000_000
_STEP: Final = 100_000_000


class EventCursor:
    """Position in events: all up to it are in the markets, which are saved where a part begins, for a seek back."""

    def __init__(self, events: EventParts, markets: list[RecordedMarket]) -> None:
        self._events, self._markets = events, markets
        self._starts = [events.started(part) for part in range(len(events))]
        self._saved: dict[int, list[Saved | None]] = {0: [None] * len(markets)}
        self._part, self._row = 0, 0
        self._load(0)
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Find the first books: a client may ask for one before it subscribes, which starts the replay."""
        until = start = self.next_time
        while until is not None and start is not None and until <= start + _LOOK_AHEAD:
            self.take(until)
            have_all = [market.note_first_books() for market in self._markets]
            if all(have_all):
                break
            until += _STEP
        if start is not None:
            self.seek(start - 1)

    @property
    def next_time(self) -> int | None:
        """Time of the next event (ns), None after the last."""
        return self._time_at(self._row)

    @property
    def next_change(self) -> int | None:
        """Time of the next event that is not a trade, or of a part in which it may be; None after the last."""
        at = int(np.searchsorted(self._changes, self._row))
        return self._time_at(int(self._changes[at]) if at < len(self._changes) else len(self._loaded.times))

    def _time_at(self, row: int) -> int | None:
        if row < len(self._loaded.times):
            return int(self._loaded.times[row])
        return self._starts[self._part + 1] if self._part + 1 < len(self._starts) else None

    def _load(self, part: int) -> None:
        self._loaded: Events = self._events.load(part)
        self._changes = np.flatnonzero(self._loaded.batch.action != TRADE)

    def take(self, until: int) -> None:
        """Take in the events up to and including a time."""
        while True:
            events = self._loaded
            stop = int(np.searchsorted(events.times, until, side="right"))
            if stop > self._row:
                rows = slice(self._row, stop)
                for market in self._markets:
                    market.apply(events.batch[rows], events.numbers[rows])
                self._row = stop
            if stop < len(events.times) or self._part + 1 >= len(self._starts) or self._starts[self._part + 1] > until:
                return
            self._enter(self._part + 1)

    def _enter(self, part: int) -> None:
        self._part, self._row = part, 0
        if part not in self._saved:
            self._saved[part] = [market.save() for market in self._markets]
        self._load(part)

    def seek(self, position: int) -> None:
        """Go to a time, back or forward: all events up to and including it are in the markets then."""
        wanted = max(0, bisect_right(self._starts, position) - 1)
        nearest = max(part for part in self._saved if part <= wanted)
        if nearest != self._part:
            self._load(nearest)
        self._part, self._row = nearest, 0
        for market, saved in zip(self._markets, self._saved[nearest], strict=True):
            market.restore(saved)
        self.take(position)
