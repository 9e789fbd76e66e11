"""Decorator of a source that damages its messages, and keeps the truth beside them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError
from hftlab.protocol.messages import MarketData, MarketDataSymbol, Message
from hftlab.simulator.corruption import corrupted, skewed
from hftlab.simulator.stream_state import StreamState
from hftlab.source import Seekable, Source, SourceDecorator, Timed, timed

__all__ = ["Fault", "Faults"]

_PER_MILLISECOND: Final = 1_000_000
_NEVER: Final = -(2**63)
# One uniform each for drop, duplicate, reorder, corrupt (whether, kind, place), delay and halt: always all of them, so
# that switching one fault on does not move the others.
_DRAWS: Final = 8
_DROP, _DUPLICATE, _REORDER, _CORRUPT, _KIND, _PLACE, _DELAY, _HALT = range(_DRAWS)

_Item = Message | Timed[Message]


class Fault(NamedTuple):
    """One fault: what was done to the source's message `number` (from 0) that was due at `time` (ns)."""

    number: int
    time: int
    kind: str
    detail: str = ""


class _Due(NamedTuple):
    """A message that is to be sent at `at`, as it came from the source: bare or with account and payload."""

    at: int
    item: _Item

    def item_then(self) -> _Item:
        """Return the item, with the time at which it is sent if it carries one."""
        return self.item._replace(at=self.at) if isinstance(self.item, Timed) else self.item


class Faults(SourceDecorator[Message]):
    """Source that passes another one on, damaged; see hftlab.source.

    `drop`, `duplicate`, `reorder` (the message comes after its follower), `corrupt` (a wrong value that is valid on the
    wire, see hftlab.simulator.corruption) and `halt` (nothing more for `halt_time` ns) are the probabilities of each
    message, 0 to 1. `delay` holds each message for up to so many ns without letting one overtake another; `clock_skew`
    is added, in ns, to the times in MARKET_DATA. A message keeps its account; it keeps its payload unless it was
    changed. The same seed damages the same messages, however time advances and whatever seeks there are.

    `truth` holds the undamaged messages that were due and `done` the faults (but the skew, which is every message's),
    each the newest `keep`; `counts` all by kind; `latest` each symbol's undamaged state. Raises ValueError for numbers
    out of range.

    Faults of a Seekable source are Seekable. `seek()` gives the exact state of the damaged stream: it damages the
    source again from its first message to the position, which takes time in proportion. `truth`, `done`, `counts` and
    `latest` are then those of that part. `span` is the source's: delayed messages may come up to `delay` after its end.
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
        super().__init__(source)
        self.name = f"{source.name}, damaged"
        self._seed = np.random.SeedSequence(seed)
        self._delay, self._skew, self._halt_time = delay, clock_skew, halt_time
        self.truth: deque[Message] = deque(maxlen=keep)
        self.done: deque[Fault] = deque(maxlen=keep)
        self.latest: dict[str, MarketDataSymbol] = {}
        self.counts: Counter[str] = Counter()
        if type(self) is Faults and isinstance(source, Seekable):
            # isinstance(..., Seekable) looks for the methods, so it must be the class that differs.
            self.__class__ = _SeekableFaults
        self._start()

    def _start(self) -> None:
        self._begin()

    def _begin(self) -> None:
        """Reset to the state before the source's first message."""
        self._random = np.random.default_rng(self._seed)
        for kept in (self.truth, self.done, self.latest, self.counts):
            kept.clear()
        self._number = 0
        self._halted_until = self._last_due = self._reached = _NEVER
        self._held: _Due | None = None
        self._waiting: deque[_Due] = deque()

    def next_time(self) -> int | None:
        times = [self._source.next_time(), self._waiting[0].at if self._waiting else None]
        if times == [None, None] and self._held is not None:
            return max(self._held.at, self._reached)
        return min((at for at in times if at is not None), default=None)

    def advance(self, until: int) -> Sequence[_Item]:
        return [due.item_then() for due in self._due(until)]

    def _due(self, until: int, most: int | None = None) -> list[_Due]:
        """Take up to `most` messages that are due at `until` or before it."""
        while (at := self._source.next_time()) is not None and at <= until:
            for item in self._source.advance(at):
                self._take(item, item.at if isinstance(item, Timed) else at)
        if self._held is not None and at is None:
            self._release()
        due: list[_Due] = []
        while self._waiting and self._waiting[0].at <= until and len(due) != most:
            due.append(self._waiting.popleft())
        return due

    def _take(self, item: _Item, at: int) -> None:
        self._remember(_message(item))
        self._reached = at
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
        self._send(self._damaged(item, number, at, draws), due, number, at, draws)
        return None

    def _damaged(self, item: _Item, number: int, at: int, draws: list[float]) -> _Item:
        message = _message(item)
        if draws[_CORRUPT] < self._chance["corrupt"]:
            message, what = corrupted(message, draws[_KIND], draws[_PLACE])
            if what:
                self._note(number, at, "corrupt", what)
        if self._skew:
            message = skewed(message, self._skew / _PER_MILLISECOND)
            self.counts["clock_skew"] += 1
        if message is _message(item):
            return item
        # The payload is the JSON of the message as it was.
        return item._replace(message=message, payload=None) if isinstance(item, Timed) else message

    def _send(self, item: _Item, due: int, number: int, at: int, draws: list[float]) -> None:
        if draws[_DUPLICATE] < self._chance["duplicate"]:
            self._note(number, at, "duplicate")
            self._schedule(item, due)
        if self._held is None and draws[_REORDER] < self._chance["reorder"]:
            self._note(number, at, "reorder")
            self._held = _Due(due, item)
            return
        self._schedule(item, due)
        if self._held is not None:
            self._release()

    def _release(self) -> None:
        assert self._held is not None
        held, self._held = self._held, None
        # Its followers may all have been dropped; no message is due before one that has passed.
        self._schedule(held.item, max(held.at, self._reached))

    def _schedule(self, item: _Item, due: int) -> None:
        self._last_due = max(self._last_due, due)
        self._waiting.append(_Due(self._last_due, item))

    def _remember(self, message: Message) -> None:
        self.truth.append(message)
        if isinstance(message, MarketData):
            self.latest.update((symbol.symbol, symbol) for symbol in message.symbols)

    def _note(self, number: int, at: int, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        self.done.append(Fault(number, at, kind, detail))


class _SeekableFaults(Faults):
    """Variant for a source that is Seekable."""

    _source: Seekable[Message]

    def _start(self) -> None:
        self._begin()
        span, at = self._source.span, self._source.next_time()
        if span is not None and at is not None and at > span[0]:
            # The damage of a message depends on its number from the beginning.
            self.seek(at - 1)

    @property
    def span(self) -> tuple[int, int] | None:
        return self._source.span

    def seek(self, position: int) -> Sequence[Message]:
        state, span = StreamState(), self._source.span
        self._begin()
        self._source.seek(position if span is None else span[0] - 1)
        while (at := self.next_time()) is not None and at <= position:
            for due in self._due(at):
                state.add(_message(due.item))
        return state.messages()

    def take(self, count: int) -> Sequence[Timed[Message]]:
        taken: list[Timed[Message]] = []
        while len(taken) < count and (at := self.next_time()) is not None:
            due = self._due(at, count - len(taken))
            taken += timed((one.item_then() for one in due), at)
        return taken


def _message(item: _Item) -> Message:
    return item.message if isinstance(item, Timed) else item


def _check(chances: dict[str, float], amounts: dict[str, int]) -> None:
    for name, chance in chances.items():
        if not 0 <= chance <= 1:
            raise ArgumentError(f"{name} is the probability of a message, 0 to 1, got {chance}")
    for name, amount in amounts.items():
        if amount < 0:
            raise ArgumentError(f"{name} must be 0 or more, got {amount}")
