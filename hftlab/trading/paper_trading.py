"""Paper trading: accounts that trade in a recorded market, whose time goes on, and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from hftlab.clock import NANOSECONDS
from hftlab.errors import ServerError
from hftlab.source import Timed
from hftlab.trading.broker import Broker, OrderRequest
from hftlab.trading.recorded_venue import RecordedVenue
from hftlab.trading.request_log import LoggedRequest, RequestLog

__all__ = ["PaperTrading"]

_PACE: Final = NANOSECONDS // 10
"""The default of a subscription's frequency in the reference document."""
_DAY: Final = 86_400 * NANOSECONDS
_MOST_CHECKPOINTS: Final = 32
_REQUESTS: Final = 500
"""Requests between two checkpoints, at first."""
_INTERVAL: Final = 10 * NANOSECONDS
"""Time between two checkpoints, at first, if there is a request at all."""


class _Checkpoint(NamedTuple):
    at: int
    requests: int
    """Number of the requests before it."""
    valuation: int | None
    venue: Any
    broker: bytes


class PaperTrading:
    """Accounts of a broker in a recorded market: time goes on with `advance()`, and to any time with `seek()`.

    Times are int64 ns of the recording. Private messages come in the order of their times, as `Timed` with their
    account. What becomes of orders depends on the requests and their times alone: not on the speed, nor on how often
    somebody looks.

    Positions are valued with the venue's prices at whole multiples of `pace` ns, as long as there are any, and
    portfolios that have changed are told then.

    Going back restores a checkpoint, does the requests up to that time once more, and forgets those after it. There
    are at most 32 checkpoints; they lie further apart the more has been asked for. Before the recording's `start`
    accounts are as new. With `goes_back=False` nothing is kept for it, as checkpoints of many orders take their time.
    """

    def __init__(
        self, broker: Broker, span: tuple[int, int] | None, *, pace: int = _PACE, goes_back: bool = True
    ) -> None:
        if not isinstance(broker.venue, RecordedVenue):
            raise TypeError(f"{broker.venue!r} cannot be taken back in time: paper trading needs a RecordedVenue")
        self.broker = broker
        self._venue: RecordedVenue = broker.venue
        self._start, self._end = (0, 0) if span is None else span
        self._pace, self._goes_back = pace, goes_back
        self._now = self._start - 1
        self._valuation: int | None = None
        """When accounts are valued next; None if that is never."""
        self._is_planned = False
        """True if there is no earlier time at which accounts might be valued next."""
        self._due: int | None = self._venue.next_time()
        """When something may be reported next: the venue's next_time() since it was last asked to do something."""
        self._played: int | None = None
        """Time at which the venue has nothing more to do, unless somebody asks for it."""
        self._kept: list[Timed[Any]] = []
        """Messages up to now that nobody has taken yet."""
        self._log = RequestLog()
        self._checkpoints: list[_Checkpoint] = []
        """The first one is of the start; none before the first request, as the venue stands at its start then."""
        self._requests, self._interval = _REQUESTS, _INTERVAL

    @property
    def now(self) -> int:
        """The time up to which all that has happened is known."""
        return self._now

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far, each with its time."""
        return list(self._log.entries)

    @property
    def has_messages(self) -> bool:
        """True if messages of a time that has been reached have not been taken yet."""
        return bool(self._kept)

    # --- time ---

    def next_time(self) -> int | None:
        """Return the next time at which something may happen; None while nothing will."""
        if self._kept:
            return self._now
        due = self._due
        if self._valuation is not None and (due is None or self._valuation < due):
            due = self._valuation
        return None if due is None else max(due, self._now)

    def advance(self, until: int) -> list[Timed[Any]]:
        """Let time go on up to and including `until`; returns the messages of all that happens meanwhile."""
        told: list[Timed[Any]] = []
        while some := self.advance_to_next(until):
            told += some
        return told

    def advance_to_next(self, until: int) -> list[Timed[Any]]:
        """Let time go on to the first messages that are due by `until`, and return these; to `until` if none are."""
        if self._kept:
            return self.collect()
        if until < self._now:
            return []
        while True:
            valuation = self._valuation
            stop = until if valuation is None or valuation > until else valuation
            if self._due is not None and self._due <= stop:
                reached, found = self._run(stop)
                if reached > self._now:
                    self._now = reached
                if found:
                    self._plan()
                    return self._stamped(found)
                if reached < stop:
                    continue  # a report of nobody's order
            if stop > self._now:
                self._now = stop
            if valuation != stop:
                return []
            if told := self._value(stop):
                return told

    def _run(self, until: int) -> tuple[int, list[Timed[Any]]]:
        """Let the venue's market go on to `until`, or the first report before; returns the time, and the messages."""
        reached = self._venue.run(until)
        found: list[Timed[Any]] = self.broker.collect()
        self._due = self._venue.next_time()
        if reached >= until and not found:
            self._played = until
        return reached, found

    def reach(self, at: int) -> None:
        """Note that time has gone on to `at`, as the market's messages show; advance() finds what happened until then.

        Requests are not earlier from now on.
        """
        if at > self._now:
            self._now = at

    def keep(self, messages: list[Timed[Any]]) -> None:
        """Hand messages back, which the next call returns before all others."""
        self._kept = [*messages, *self._kept]

    def collect(self) -> list[Timed[Any]]:
        """Return the messages up to now that nobody has taken yet."""
        kept, self._kept = self._kept, []
        return kept

    def seek(self, position: int) -> list[Timed[Any]]:
        """Go to a time. Returns the messages of what happens on the way there; none if the way goes back.

        Requests after `position` are forgotten, those up to it hold.
        """
        if position >= max(self._now, self._start):
            return self.advance(position)
        assert self._goes_back, "there are no checkpoints to go back to"
        self._log.forget_after(self.last_valid(position))
        self._kept = []
        if self._checkpoints:
            self._restore(position)
            self.advance(position)
        self._now = max(position, self._start - 1)
        return []

    def last_valid(self, position: int) -> int:
        """Return the time up to which requests, and messages about them, hold after a seek back to `position`."""
        return position if position >= self._start else -1

    # --- requests ---

    def handle(
        self, account: str, request: OrderRequest, at: int, *, entered_by: Hashable | None = None
    ) -> list[Timed[Any]]:
        """Take a request of an account at `at`, or now if that is later; returns all messages up to those it causes.

        Raises what Broker.handle() does; collect() returns the messages of before then.
        """
        return self._take(at, account, request, entered_by)

    def disconnect(self, entered_by: Hashable, at: int) -> list[Timed[Any]]:
        """Cancel the open orders that were entered by a connection that asked for it."""
        return self._take(at, None, None, entered_by)

    def snapshot(self, account: str, at: int, *, with_finished: bool = False) -> list[Timed[Any]]:
        """Return the state of an account as messages; see Broker.snapshot()."""
        return self.broker.snapshot(account, max(at, self._now), with_finished=with_finished)

    def _take(
        self, at: int, account: str | None, request: OrderRequest | None, entered_by: Hashable | None
    ) -> list[Timed[Any]]:
        if at < self._now:
            at = self._now
        if self._goes_back and not self._checkpoints:
            self._save()
        told: list[Timed[Any]] = []
        if at != self._played or self._kept:
            told += self.advance(at)
            told += self._play(at)
        if self._goes_back:
            last = self._checkpoints[-1]
            if len(self._log.entries) - last.requests >= self._requests or at - last.at >= self._interval:
                self._save()
        try:
            told += self._do(at, account, request, entered_by)
        except ServerError:
            self._kept = told  # the request has changed nothing, and there is no limit to such ones: it is not logged
            raise
        if self._goes_back or not self._log.entries:  # the first one begins the valuations
            self._log.add(LoggedRequest(at, account, request, entered_by))
            self._plan()
        return told

    def _play(self, at: int) -> list[Timed[Any]]:
        """Let the venue's market go on to a time that has been reached: it stands still while there are no orders."""
        told: list[Timed[Any]] = []
        while self._played != at:
            if found := self._run(at)[1]:
                told += self._stamped(found)
                self._plan()
        return told

    def _do(
        self, at: int, account: str | None, request: OrderRequest | None, entered_by: Hashable | None
    ) -> list[Timed[Any]]:
        try:
            told: list[Any]
            if request is None or account is None:
                told = self.broker.disconnect(entered_by, at)
            else:
                told = self.broker.handle(account, request, at, entered_by=entered_by)
            return self._stamped(told) if told else told
        finally:
            self._due = self._venue.next_time()
            self._plan()

    # --- values ---

    def _value(self, at: int) -> list[Timed[Any]]:
        """Value all positions at a time, and tell what has changed."""
        told: list[Any] = self._play(at)
        for symbol in self.broker.held_symbols:
            price = self._venue.reference_price(symbol)
            if price is not None:
                told += self.broker.mark(symbol, price, at)
        told += self.broker.portfolios(at)
        self._valuation, self._is_planned = None, False
        self._plan()
        return self._stamped(told)

    def _stamped(self, messages: Iterable[Timed[Any]]) -> list[Timed[Any]]:
        """Give messages the time at which the account hears of it; that of the venue stays in them."""
        stamped: list[Timed[Any]] = []
        for item in messages:
            item.message.ts_event = item.message.timestamp
            stamped.append(item if item.at == self._now else Timed(self._now, item.message, item.account))
        return stamped

    def _plan(self) -> None:
        """Find out when to value next: at the next day if there is nothing to value, as that counts its profit anew."""
        if self._is_planned or not self._log.entries:
            return
        paced, new_day = (self._now // self._pace + 1) * self._pace, (self._now // _DAY + 1) * _DAY
        due = paced if self.broker.needs_valuation else new_day
        if due <= self._end and (self._valuation is None or due < self._valuation):
            self._valuation = due
        self._is_planned = self._valuation is not None and self._valuation <= min(paced, new_day)

    # --- the way back ---

    def _save(self) -> None:
        """Make a checkpoint of now, at first of the start; of many every second one goes."""
        at = self._now if self._checkpoints else self._start - 1
        self._checkpoints.append(
            _Checkpoint(at, len(self._log.entries), self._valuation, self._venue.checkpoint(), self.broker.checkpoint())
        )
        if len(self._checkpoints) > _MOST_CHECKPOINTS:
            del self._checkpoints[1::2]
            self._requests *= 2
            self._interval *= 2

    def _restore(self, position: int) -> None:
        """Go back to the last checkpoint that is not after `position`, and do the logged requests from there on."""
        while len(self._checkpoints) > 1 and self._checkpoints[-1].at > position:
            self._checkpoints.pop()
        last = self._checkpoints[-1]
        self._now, self._valuation, self._played = last.at, last.valuation, None
        self._is_planned = False
        self._venue.restore(last.venue)
        self.broker.restore(last.broker)
        self._due = self._venue.next_time()
        for entry in self._log.since(last.requests):
            self.advance(entry.at)
            self._play(entry.at)
            with suppress(ServerError):
                self._do(*entry)
