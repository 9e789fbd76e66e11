"""Encoder of EventBatches as lines of a Binance capture, without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError, EventError
from hftlab.events import F_LAST, TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.binance.api.markets import MARKETS, Market
from hftlab.venues.binance.api.messages_out import Writer, wrapped
from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels, level_differences
from hftlab.venues.market_state.recorded_market import RecordedMarket

__all__ = ["Encoder"]

_MICROSECOND: Final = 1_000
_DEPTH: Final = "depth@0ms"


class Encoder:
    """Encoder of one instrument's events as lines `<ts_recv, ns> <JSON>`, as `read()` takes them.

    | rows | line |
    |---|---|
    | T | a trade of the stream `<symbol>@trade`; trades count from 1 |
    | rows of one time that change the book | a depth update of the levels that are then others, with `U` and `u` |
    | those of the first time | a depth update, and the snapshot of the book behind it |

    Update ids count these changes from 1. Events of orders and of price levels can be mixed: what is written are the
    totals of levels. The stream of depth updates is called depth@0ms, as the fastest of the futures markets. Times of
    messages are in µs, as with the parameter timeUnit=MICROSECOND; their fields are those of the instrument's market.

    Raises ArgumentError for an instrument of another venue, EventError for times before 1970.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._stream = instrument.symbol.lower()
        self._market = RecordedMarket({instrument.symbol: instrument})
        self._state = self._market.states[instrument.symbol]
        self._writer = Writer(_market_of(instrument), self._state, time_unit=_MICROSECOND)
        self._sides = (NO_LEVELS, NO_LEVELS)
        self._updates = self._trades = 0

    def encode(self, batch: EventBatch) -> bytes:
        """Encode the rows of the instrument in a batch of whole events."""
        if self.instrument not in batch.instruments:
            return b""
        own = batch.take(np.flatnonzero(batch.instrument_id == batch.instruments.index(self.instrument)))
        if len(own) and min(int(own.ts_recv[0]), int(own.ts_event.min())) < _MICROSECOND:
            raise EventError("ts_recv or ts_event is before 1970: Binance's messages have times from then on")
        return b"".join(line for start, stop in _moments(own) for line in self._lines(own[start:stop]))

    def _lines(self, rows: EventBatch) -> Iterator[bytes]:
        """Yield the lines of rows of one time."""
        is_trade = rows.action == TRADE
        traded, has_others = int(is_trade.sum()), not is_trade.all()
        numbers = np.full(len(rows), self._updates + 1)
        numbers[is_trade] = np.arange(self._trades + 1, self._trades + 1 + traded)
        before, had_book = self._state.traded, self._updates > 0
        self._market.apply(rows, numbers)
        self._trades += traded
        at = int(rows.ts_recv[-1])
        for trade in self._state.trades_since(before):
            yield self._line(at, "trade", self._writer.trade(trade))
        if not has_others:
            return
        sides = self._levels(is_bid=True), self._levels(is_bid=False)
        changes = [
            level_differences(old, new, is_bid=is_bid)
            for old, new, is_bid in zip(self._sides, sides, (True, False), strict=True)
        ]
        if had_book and not any(len(change.ticks) for change in changes):
            self._state.update_id = self._updates
            return
        yield self._line(at, _DEPTH, self._writer.depth_update(self._updates, *changes))
        if not had_book:
            yield b"%d %b\n" % (at, self._writer.book(*sides))
        self._updates, self._sides = self._updates + 1, sides

    def _levels(self, *, is_bid: bool) -> Levels:
        return self._market.levels(self.instrument.symbol, is_bid=is_bid)

    def _line(self, at: int, stream: str, payload: bytes) -> bytes:
        return b"%d %b\n" % (at, wrapped(f"{self._stream}@{stream}", payload))


def _moments(batch: EventBatch) -> Iterator[tuple[int, int]]:
    """Yield the ranges of rows of one time each, of whole events."""
    if not len(batch):
        return
    later = (np.diff(batch.ts_recv) != 0) | (np.diff(batch.ts_event) != 0)
    ends: npt.NDArray[np.int64] = np.flatnonzero(later & (batch.flags[:-1] & F_LAST != 0)) + 1
    stops = [*ends.tolist(), len(batch)]
    yield from zip([0, *stops[:-1]], stops, strict=True)


def _market_of(instrument: Instrument) -> Market:
    for market in MARKETS.values():
        if market.venue == instrument.venue:
            return market
    raise ArgumentError(f"{instrument.wire_symbol} is not of one of Binance's markets: give an instrument of them")
