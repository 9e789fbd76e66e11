"""Streams of one pair, each of which says whether there is something to send and what.

A stream follows the market from the moment when it has a first reader. What it sends is made once for all readers; a
reader that joins later gets a snapshot of what the others have.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, Protocol

import numpy as np

from hftlab.venues.kraken.api.pair_writer import PairWriter
from hftlab.venues.kraken.api.subscription import Channel, Subscription, Trigger
from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels, level_differences
from hftlab.venues.market_state.recorded_market import RecordedMarket

__all__ = ["PairStream", "make_stream"]

_LAST_TRADES: Final = 50
"""Trades of a snapshot."""


class PairStream(Protocol):
    """Stream of any channel."""

    @property
    def is_due(self) -> bool:
        """True if there may be something to send."""

    def messages(self) -> list[bytes]:
        """Return what is to be sent now."""

    def snapshot(self) -> bytes | None:
        """Return what a reader that joins gets; None if there is nothing yet: it will come as a message."""

    def restart(self) -> None:
        """Go on from where the market is: it has been moved, and what was between is not sent."""


class BookStream:
    """Best levels of a book: a snapshot where it begins, and what has changed since the last message."""

    def __init__(self, market: RecordedMarket, writer: PairWriter, depth: int) -> None:
        self._market, self._writer, self._state, self._depth = market, writer, writer.state, depth
        self._bids = self._asks = NO_LEVELS
        self._has_sent, self._sent_id = False, -1
        if self._state.has_book:
            self._take_over()

    def _take_over(self) -> None:
        self._bids, self._asks = self._levels()
        self._has_sent, self._sent_id = True, self._state.update_id

    def _levels(self) -> tuple[Levels, Levels]:
        symbol, depth = self._state.symbol, self._depth
        bids = self._market.levels(symbol, is_bid=True, depth=depth)
        return bids, self._market.levels(symbol, is_bid=False, depth=depth)

    def restart(self) -> None:
        # A snapshot is due, as soon as there is a book.
        self._has_sent = False

    @property
    def is_due(self) -> bool:
        if self._state.has_book:
            return not self._has_sent or self._state.update_id != self._sent_id
        return self._has_sent

    def messages(self) -> list[bytes]:
        if not self._state.has_book:
            self._has_sent = False  # where it begins again there is a snapshot
            return []
        if not self._has_sent:
            self._take_over()
            return [self._snapshot()]
        old = self._bids, self._asks
        self._take_over()
        bids = _changes(old[0], self._bids, self._depth, is_bid=True)
        asks = _changes(old[1], self._asks, self._depth, is_bid=False)
        if not len(bids.ticks) and not len(asks.ticks):
            return []
        return [self._writer.book("update", bids, asks, self._writer.checksum(self._bids, self._asks))]

    def snapshot(self) -> bytes | None:
        return self._snapshot() if self._has_sent else None

    def _snapshot(self) -> bytes:
        checksum = self._writer.checksum(self._bids, self._asks)
        return self._writer.book("snapshot", self._bids, self._asks, checksum)


def _changes(old: Levels, new: Levels, depth: int, *, is_bid: bool) -> Levels:
    """Return the levels that changed, without those that have only fallen out of the depth: readers drop them."""
    changed = level_differences(old, new, is_bid=is_bid)
    if len(new.ticks) < depth:
        return changed
    worst = new.ticks[-1]
    is_beyond = changed.ticks < worst if is_bid else changed.ticks > worst
    if not is_beyond.any():
        return changed
    kept = np.flatnonzero(~is_beyond)
    return Levels(changed.ticks[kept], changed.lots[kept])


class TradeStream:
    """Trades: those of one moment in one message."""

    def __init__(self, writer: PairWriter) -> None:
        self._writer, self._state = writer, writer.state
        self._sent = self._state.traded

    def restart(self) -> None:
        self._sent = self._state.traded

    @property
    def is_due(self) -> bool:
        return self._state.traded > self._sent

    def messages(self) -> list[bytes]:
        new = list(self._state.trades_since(self._sent))
        self._sent = self._state.traded
        return [self._writer.trades("update", new)]

    def snapshot(self) -> bytes | None:
        trades = self._state.trades
        last = list(islice(trades, max(0, len(trades) - _LAST_TRADES), None))
        return self._writer.trades("snapshot", last) if last else None


class TickerStream:
    """Best bid and offer with the statistics of 24 hours, on every trade, or when the best changes."""

    def __init__(self, market: RecordedMarket, writer: PairWriter, trigger: Trigger) -> None:
        self._market, self._writer, self._state = market, writer, writer.state
        self._is_of_trades = trigger is Trigger.TRADES
        self.restart()

    def restart(self) -> None:
        self._sent_id, self._sent_trades = self._state.update_id, self._state.traded
        self._sent_best = self._best_numbers()

    @property
    def is_due(self) -> bool:
        if self._is_of_trades:
            return self._state.traded != self._sent_trades
        return self._state.has_book and self._state.update_id != self._sent_id

    def messages(self) -> list[bytes]:
        before = self._sent_best
        self.restart()
        if not self._is_of_trades and self._sent_best == before:
            return []
        return [self._writer.ticker("update", *self._best())]

    def snapshot(self) -> bytes | None:
        has_any = self._state.has_book or self._state.trades
        return self._writer.ticker("snapshot", *self._best()) if has_any else None

    def _best(self) -> tuple[Levels, Levels]:
        symbol = self._state.symbol
        bids = self._market.levels(symbol, is_bid=True, depth=1)
        return bids, self._market.levels(symbol, is_bid=False, depth=1)

    def _best_numbers(self) -> list[list[int]]:
        return [column.tolist() for side in self._best() for column in side]


def make_stream(subscription: Subscription, market: RecordedMarket, writer: PairWriter) -> PairStream | None:
    """Make a stream; None for one that a recording has nothing for."""
    match subscription.channel:
        case Channel.BOOK:
            return BookStream(market, writer, subscription.depth)
        case Channel.TRADE:
            return TradeStream(writer)
        case Channel.TICKER:
            assert subscription.trigger is not None
            return TickerStream(market, writer, subscription.trigger)
        case _:
            return None
