"""Samples the books of a client at regular steps of the market's time, also while no page looks."""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from hftlab.clock import NANOSECONDS, from_milliseconds
from hftlab.widgets.core.interfaces import Level, StreamingClient
from hftlab.widgets.core.market_tape import REWIND, Print, tape_of
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.refresh_loop import RefreshLoop
from hftlab.widgets.heatmap.column import Column
from hftlab.widgets.heatmap.frame import new_epoch
from hftlab.widgets.heatmap.market_clock import MarketClock, round_step

__all__ = ["CAPACITY", "BookSampler", "sampler_of"]

_log = logging.getLogger(__name__)

CAPACITY: Final = 6_000
"""Columns that are kept: ten minutes at the usual interval."""
DEPTH: Final = 200
"""Levels a side, at most."""
TRADES: Final = 2_000
"""Trades of one column, at most."""
INTERVAL: Final = 0.1
"""Seconds between two columns."""
BLOCKED: Final = 1.0
"""Seconds without a sample after which what was between is unknown: Python was busy with something else."""
JUMP: Final = 1.5
"""A replay that goes so many times as far as its speed allows, and a second more, has been sought to another time."""
LATE: Final = 10
"""Steps that a sample may be late; the column before fills them."""
STANDING: Final = frozenset({"PAUSED", "ENDED"})
"""States of a replay in which its time stands."""


class BookSampler:
    """The newest columns of one symbol of a client; a Refreshable of the refresh loop.

    Columns are numbered; `next` is the number of the one to come. `epoch` is another one, also than those of all other
    samplers, when the numbers of before mean nothing any more: a replay has gone back in time, or the price step has
    become finer. `until` (ns) is where the last column ends. `origin` is the price, in ticks, from which columns count.
    """

    def __init__(
        self, client: StreamingClient, symbol: str, interval: float = INTERVAL, capacity: int = CAPACITY
    ) -> None:
        self.symbol = symbol
        self.scale = Scale()
        self.epoch = new_epoch()
        self.next = 0
        self.until = 0
        self.origin = 0
        self._client = client
        self._interval = interval
        self._columns: deque[Column] = deque(maxlen=capacity)
        self._clock = MarketClock()
        self._tape = tape_of(client)
        self._printed = self._tape.symbol(symbol).printed
        self._tape_epoch = self._tape.symbol(symbol).epoch
        self._tick: float | None = None
        self._reading = 0
        self._sampled = math.nan
        self._read_at = math.nan
        self._is_failing = False
        self._lock = threading.RLock()

    @property
    def first(self) -> int:
        """The number of the oldest column that is kept."""
        return self.next - len(self._columns)

    def columns(self, start: int, stop: int) -> list[Column]:
        """Return the columns with numbers from `start` up to `stop` (not included), as far as they are kept."""
        with self._lock:
            first = self.first
            return list(islice(self._columns, max(0, start - first), max(0, stop - first)))

    def locked(self) -> threading.RLock:
        """A context in which no column comes and none goes."""
        return self._lock

    def detached(self) -> BookSampler:
        """Return a copy that no loop refreshes: what was kept up to now."""
        with self._lock:
            # Not copy.copy(), which imports: widgets are also closed while Python shuts down.
            twin = object.__new__(type(self))
            twin.__dict__.update(self.__dict__)
            twin._columns = self._columns.copy()
        return twin

    def tick(self, now: float, busy: bool) -> float:  # noqa: ARG002
        """Sample the book; see `Refreshable.tick`."""
        with self._lock:
            try:
                self.sample(now)
            except Exception:
                # The loop would never call again; what is missing is seen as unknown.
                if not self._is_failing:
                    _log.exception("the book of %s could not be sampled", self.symbol)
                self._is_failing = True
            else:
                self._is_failing = False
        return (math.floor(now / self._interval + 1e-6) + 1) * self._interval

    def sample(self, now: float) -> None:
        """Take a sample at `now` s of the refresh loop's timer, if the market's time has gone on by a step."""
        reading, sides = self._read()
        reading = reading or self._reading
        if not reading:
            return
        tape_epoch = self._tape.symbol(self.symbol).epoch
        if reading < self._reading - REWIND or tape_epoch != self._tape_epoch:
            self._start_anew()
        self._tape_epoch = tape_epoch
        status = self._client.replay.status
        unseen = now - self._sampled > BLOCKED or self._has_jumped(
            now, reading, None if status is None else status.speed
        )
        self._reading = max(self._reading, reading)
        stands = status is not None and str(status.state) in STANDING
        time = self._clock.read(now, self._reading, speed=None if status is None else status.speed, stands=stands)
        step = round_step(self._interval, self._clock.rate)
        self._sampled = now
        slot = time // step * step
        self.until = max(self.until, slot + step)
        if self._columns and slot <= self._columns[-1].time:
            return
        if unseen and self._columns and (ended := self._columns[-1].time + self._columns[-1].step) < slot:
            self._append(Column(ended, step, known=False))
        if sides is not None:
            self._append_book(slot, step, sides)
        elif self._columns and self._columns[-1].known:
            self._append(Column(slot, step, known=False))

    def _has_jumped(self, now: float, reading: int, speed: float | None) -> bool:
        """Tell whether a replay of known speed was sought forward: what was between is not known."""
        if reading <= self._reading:
            return False
        passed, self._read_at = now - self._read_at, now
        if speed is None or not self._reading:
            return False
        return reading - self._reading > NANOSECONDS * speed * (JUMP * passed + 1)

    def _read(self) -> tuple[int, tuple[Sequence[Level], Sequence[Level]] | None]:
        """Return the newest time of the symbol (ns), 0 before the first, and its bids and asks where they are known."""
        book, latest = self._client.book(self.symbol), self._client.latest(self.symbol)
        times = [book.ts_event] if book is not None else []
        times += [from_milliseconds(latest.timestamp)] if latest is not None else []
        if str(self._client.connection_status) != "CONNECTED" or (book is not None and book.stale):
            return max(times, default=0), None
        if book is not None and (sides := (book.bids(DEPTH), book.asks(DEPTH))) != ([], []):
            return max(times), sides
        if latest is None:
            return max(times, default=0), None
        bids: list[Level] = [(latest.bid, latest.bid_size, 0)] if latest.bid else []
        asks: list[Level] = [(latest.ask, latest.ask_size, 0)] if latest.ask else []
        return max(times), (bids, asks)

    def _append_book(self, slot: int, step: int, sides: tuple[Sequence[Level], Sequence[Level]]) -> None:
        trades = self._new_trades()
        tick = self._learn([*sides[0], *sides[1]], trades)
        if tick is None:
            return
        last = self._columns[-1] if self._columns else None
        if last is not None and last.known and last.step == step:
            missed = range(last.time + step, slot, step)
            for time in missed if len(missed) <= LATE else ():
                self._append(last.repeated(time))
        self._append(Column.of_book(slot, step, sides, trades, tick, self.origin))

    def _new_trades(self) -> list[Print]:
        tape = self._tape.symbol(self.symbol)
        if tape.printed == self._printed:
            return []
        tail = tape.tail(TRADES)
        new = tail.trades[: tail.printed - self._printed]
        self._printed = tail.printed
        return new[::-1]

    def _learn(self, levels: Sequence[Level], trades: Sequence[Print]) -> float | None:
        """Return the price step, None before the first price; older columns are turned to a finer one."""
        before = self._tick
        prices = [level[0] for level in levels] + [trade.price for trade in trades]
        self.scale.learn(prices, (level[1] for level in levels))
        self._tick = tick = self.scale.tick
        if before is None and tick is not None:
            self.origin = round(prices[0] / tick)
        elif before is not None and tick is not None and tick != before:
            factor = round(before / tick)
            self._columns = deque((each.refined(factor) for each in self._columns), self._columns.maxlen)
            self.origin *= factor
            self.epoch = new_epoch()
        return tick

    def _append(self, column: Column) -> None:
        self._columns.append(column)
        self.next += 1

    def _start_anew(self) -> None:
        self._columns.clear()
        self._reading, self.until, self.next = 0, 0, 0
        self.epoch = new_epoch()


_samplers: Final[weakref.WeakKeyDictionary[Any, dict[str, weakref.ref[BookSampler]]]] = weakref.WeakKeyDictionary()


def sampler_of(client: StreamingClient, symbol: str, refresh_loop: RefreshLoop) -> BookSampler:
    """Return the sampler of a client's symbol, the same one for all views that keep it, and start it if need be."""
    own = _samplers.setdefault(client, {})
    kept = own.get(symbol)
    sampler = None if kept is None else kept()
    if sampler is None:
        sampler = BookSampler(client, symbol)
        own[symbol] = weakref.ref(sampler)
        refresh_loop.add(sampler)
    return sampler
