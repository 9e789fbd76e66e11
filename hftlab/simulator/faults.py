"""Damage between a source and its server, with the truth kept beside it."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS, Clock
from hftlab.protocol.messages import MarketData, MarketDataSymbol, Message
from hftlab.simulator.corruption import corrupted, skewed
from hftlab.source import Source, timed

__all__ = ["Fault", "Faults"]

_PER_MILLISECOND: Final = 1_000_000
# One uniform each for drop, duplicate, reorder, corrupt (whether, kind, place), delay and halt: always all of them, so
# that switching one fault on does not move the others.
_DRAWS: Final = 8
_DROP, _DUPLICATE, _REORDER, _CORRUPT, _KIND, _PLACE, _DELAY, _HALT = range(_DRAWS)


class Fault(NamedTuple):
    """What was done to the source's message `number` (from 0) that was due at `time` (ns)."""

    number: int
    time: int
    kind: str
    detail: str = ""


class Faults:
    """A source that passes another one on, damaged; see hftlab.source.

    `drop`, `duplicate`, `reorder` (the message comes after its follower), `corrupt` (a wrong value that is valid on the
    wire, see hftlab.simulator.corruption) and `halt` (nothing more for `halt_time` ns) are the probabilities of each
    message, 0 to 1. `delay` holds each message for up to so many ns without letting one overtake another; `clock_skew`
    is added, in ns, to the times in MARKET_DATA. The same seed damages the same messages, however time advances.

    `truth` holds the undamaged messages that were due and `done` the faults (but the skew, which is every message's),
    each the newest `keep`; `counts` all by kind; `latest` each symbol's undamaged state. Raises ValueError for
    numbers out of range.
    """

    def __init__(
        self,
        source: Source[Message],
        *,
        seed: int | None = None,
        drop: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        delay: int = 0,
        corrupt: float = 0.0,
        clock_skew: int = 0,
        halt: float = 0.0,
        halt_time: int = NANOSECONDS,
        keep: int = 100_000,
    ) -> None:
        self._chance = {"drop": drop, "duplicate": duplicate, "reorder": reorder, "corrupt": corrupt, "halt": halt}
        _check(self._chance, {"delay": delay, "halt_time": halt_time, "keep": keep})
        self._source, self._random = source, np.random.default_rng(seed)
        self._delay, self._skew, self._halt_time = delay, clock_skew, halt_time
        self.name, self.recorded = f"{source.name}, damaged", source.recorded
        self.truth: deque[Message] = deque(maxlen=keep)
        self.done: deque[Fault] = deque(maxlen=keep)
        self.latest: dict[str, MarketDataSymbol] = {}
        self.counts: Counter[str] = Counter()
        self._number = self._order = 0
        self._halted_until = self._last_due = -(2**63)
        self._held: tuple[int, Message] | None = None
        self._waiting: list[tuple[int, int, Message]] = []

    @property
    def clock(self) -> Clock:
        return self._source.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._source.clock = clock

    @property
    def symbols(self) -> Sequence[str]:
        return self._source.symbols

    def next_time(self) -> int | None:
        times = [self._source.next_time(), self._waiting[0][0] if self._waiting else None]
        if times == [None, None] and self._held is not None:
            return self._held[0]
        return min((at for at in times if at is not None), default=None)

    def advance(self, until: int) -> list[Message]:
        while (at := self._source.next_time()) is not None and at <= until:
            for item in timed(self._source.advance(at), at):
                self._take(item.message, item.at)
        if self._held is not None and at is None:
            self._release()
        due = []
        while self._waiting and self._waiting[0][0] <= until:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def _take(self, message: Message, at: int) -> None:
        self._remember(message)
        number, self._number = self._number, self._number + 1
        draws = self._random.random(_DRAWS).tolist()
        if at < self._halted_until:
            return self._note(number, at, "halted")
        if draws[_HALT] < self._chance["halt"]:
            self._halted_until = at + self._halt_time
            return self._note(number, at, "halt", f"{self._halt_time} ns")
        if draws[_DROP] < self._chance["drop"]:
            return self._note(number, at, "drop")
        due = max(self._last_due, at + int(draws[_DELAY] * self._delay))
        if due > at:
            self._note(number, at, "delay", f"{due - at} ns")
        self._send(self._damaged(message, number, at, draws), due, number, at, draws)
        return None

    def _damaged(self, message: Message, number: int, at: int, draws: list[float]) -> Message:
        if draws[_CORRUPT] < self._chance["corrupt"]:
            message, what = corrupted(message, draws[_KIND], draws[_PLACE])
            if what:
                self._note(number, at, "corrupt", what)
        if self._skew:
            message = skewed(message, self._skew / _PER_MILLISECOND)
            self.counts["clock_skew"] += 1
        return message

    def _send(self, message: Message, due: int, number: int, at: int, draws: list[float]) -> None:
        if draws[_DUPLICATE] < self._chance["duplicate"]:
            self._note(number, at, "duplicate")
            self._schedule(message, due)
        if self._held is None and draws[_REORDER] < self._chance["reorder"]:
            self._note(number, at, "reorder")
            self._held = (due, message)
            return
        self._schedule(message, due)
        if self._held is not None:
            self._release()

    def _release(self) -> None:
        assert self._held is not None
        (due, message), self._held = self._held, None
        self._schedule(message, due)

    def _schedule(self, message: Message, due: int) -> None:
        self._last_due = max(self._last_due, due)
        heapq.heappush(self._waiting, (self._last_due, self._order, message))
        self._order += 1

    def _remember(self, message: Message) -> None:
        self.truth.append(message)
        if isinstance(message, MarketData):
            self.latest.update((symbol.symbol, symbol) for symbol in message.symbols)

    def _note(self, number: int, at: int, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        self.done.append(Fault(number, at, kind, detail))


def _check(chances: dict[str, float], amounts: dict[str, int]) -> None:
    for name, chance in chances.items():
        if not 0 <= chance <= 1:
            raise ValueError(f"{name} is the probability of a message, 0 to 1, got {chance}")
    for name, amount in amounts.items():
        if amount < 0:
            raise ValueError(f"{name} must be 0 or more, got {amount}")
