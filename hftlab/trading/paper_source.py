"""Source of a recorded market in which accounts trade: its messages, and theirs at their times among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hftlab.protocol.messages import Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.source import Seekable, SourceDecorator, Timed, timed
from hftlab.trading.paper_trading import PaperTrading

__all__ = ["PaperSource"]


class PaperSource(SourceDecorator[Message]):
    """Recorded source with the messages of accounts that trade in its market (hftlab.source.Seekable).

    Each private message comes at its time among the market's, and behind those of the same time. `trading` takes the
    requests. The recording's own private messages are left out: they are of orders in another market.

    A seek takes the accounts along. Messages of what happens on the way to a later time are in `take_passed()`.
    """

    _source: Seekable[Message]

    def __init__(self, source: Seekable[Message], trading: PaperTrading) -> None:
        super().__init__(source)
        self.trading = trading
        self.loop: bool = getattr(source, "loop", False)
        if hasattr(source, "time_of"):
            self.time_of: Callable[[int], int | None] = source.time_of
        self._passed: list[Timed[Any]] = []
        self._advance_ready: Callable[[int], Sequence[Any]] = getattr(source, "advance_ready", source.advance)
        self._advance_encoded: Callable[[int], Sequence[Any]] = getattr(source, "advance_encoded", self._advance_ready)

    @property
    def span(self) -> tuple[int, int] | None:
        """Times of the recording's first and last message; see hftlab.source.Seekable."""
        return self._source.span

    def next_time(self) -> int | None:
        """Return when the market's next message is due, or something may happen to an order, if that is earlier.

        On an unpaced clock it is the market's, as long as there is one: what happens before comes with it.
        """
        trading = self.trading
        due = self._source.next_time()
        if due is not None and self.clock.unpaced and not trading.has_messages:
            return due
        traded = trading.next_time()
        return traded if due is None or (traded is not None and traded < due) else due

    def advance(self, until: int) -> list[Any]:
        """Return the messages that are due up to and including `until`, in the order of their times."""
        return self._merged(until, self._source.advance)

    def advance_ready(self, until: int) -> list[Any]:
        """Return what advance() would, as far as the recording has been read."""
        return self._merged(until, self._advance_ready)

    def advance_encoded(self, until: int) -> list[Any]:
        """Return what advance_ready() would, with the market's data as JSON where the recording has it so."""
        return self._merged(until, self._advance_encoded)

    def _merged(self, until: int, advance: Callable[[int], Sequence[Any]]) -> list[Any]:
        trading = self.trading
        traded = trading.next_time()
        if traded is None or traded > until:
            items = _public(advance(until))
            trading.reach(until)
            return items
        items = []
        while self.is_ready():
            due = self._source.next_time()
            if due is None or due > until:
                return items + trading.advance(until)
            items += trading.advance(due - 1)
            items += timed(_public(advance(due)), due)
            trading.reach(due)
        return items

    def take(self, count: int) -> list[Timed[Any]]:
        """Return the next `count` messages of the market and of accounts, each with its time; fewer at the end."""
        return self._take(None, count)

    def take_until(self, position: int, most: int) -> list[Timed[Any]]:
        """Return the messages up to and including `position`, at most `most`; after fewer, time goes on to it."""
        taken = self._take(position, most)
        if len(taken) < most:
            self.trading.reach(position)
        return taken

    def _take(self, until: int | None, most: int) -> list[Timed[Any]]:
        taken: list[Timed[Any]] = []
        while len(taken) < most and (item := self._next(until)) is not None:
            taken.append(item)
        return taken

    def _next(self, until: int | None) -> Timed[Any] | None:
        """Take the next message by `until`, whoever's it is; other private ones of its time are kept."""
        if not (some := self._next_ones(until)):
            return None
        if len(some) > 1:
            self.trading.keep(some[1:])
        return some[0]

    def _next_ones(self, until: int | None) -> list[Timed[Any]]:
        """Take the next message of the market and the private ones behind it, or the next private ones."""
        trading = self.trading
        while True:
            due = self._source.next_time()
            limit = trading.next_time() if due is None else due - 1
            if limit is None:
                return []
            if until is not None and until < limit:
                limit = until
            if some := trading.advance_to_next(limit):
                return some + trading.advance(trading.now)
            if due is None and (until is None or limit < until):
                continue
            if due is None or (until is not None and due > until):
                return []
            (item,) = self._source.take(1)
            trading.reach(due)
            if not isinstance(item.message, PRIVATE_MESSAGES):
                return [item] if self._source.next_time() == due else [item, *trading.advance(due)]

    def seek(self, position: int) -> list[Message]:
        """Go on with the messages after `position`, and take the accounts there; see PaperTrading.seek()."""
        state = list(self._source.seek(position))
        self._passed = self.trading.seek(position)
        return state

    def order_time(self, position: int) -> int:
        """Return the time of an order that is sent at a position of the replay."""
        return max(position, self.trading.now)

    def take_passed(self) -> list[Timed[Any]]:
        """Return the private messages that the last seek has passed over on its way to a later time."""
        passed, self._passed = self._passed, []
        return passed


def _public(items: Sequence[Any]) -> list[Any]:
    return [one for one in items if not (isinstance(one, Timed) and isinstance(one.message, PRIVATE_MESSAGES))]
