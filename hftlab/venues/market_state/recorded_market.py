"""Market of a recording as of one time: books, update ids and the last trades of its symbols."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple
from weakref import WeakSet

import numpy as np

from hftlab.book import BookSet, Checkpoint
from hftlab.events import ADD, BID, CANCEL, CLEAR, F_SNAPSHOT, MODIFY, TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray
from hftlab.venues.market_state.day_statistics import DayStatistics
from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels

__all__ = ["FirstBook", "RecordedMarket", "Saved", "SymbolState", "TouchedPrices", "Trade"]

_REMEMBERED: Final = 1000
"""Trades that a request may ask for."""
_CHANGES: Final = np.zeros(256, np.bool_)
_CHANGES[[ADD, CANCEL, MODIFY, CLEAR]] = True


class Trade(NamedTuple):
    """Trade: its number, time (ns), price (1e-9), size (lots), and whether the buyer's order was in the book."""

    number: int
    ts_event: int
    price: int
    lots: int
    buyer_is_maker: bool


class SavedSymbol(NamedTuple):
    """Copy of a symbol's state."""

    update_id: int
    ts_event: int
    has_book: bool
    trades: tuple[Trade, ...]
    day: DayStatistics


_FRESH: Final = SavedSymbol(0, 0, False, (), DayStatistics())


class Saved(NamedTuple):
    """Copy of a market as it was at one moment."""

    books: Checkpoint
    states: dict[str, SavedSymbol]


class TouchedPrices:
    """Prices (ticks) of the levels that events have been about, also of those that are again as they were."""

    def __init__(self) -> None:
        self._sides: tuple[list[IntArray], list[IntArray]] = ([], [])

    def add(self, bids: IntArray, asks: IntArray) -> None:
        """Add those of further events."""
        for side, ticks in zip(self._sides, (bids, asks), strict=True):
            side.append(ticks)

    def take(self) -> tuple[IntArray, IntArray]:
        """Return the bids' and the asks', and forget them."""
        found = tuple(np.concatenate([NO_LEVELS.ticks, *side]) for side in self._sides)
        self.clear()
        return found[0], found[1]

    def clear(self) -> None:
        """Forget them."""
        self._sides = ([], [])


class SymbolState:
    """State of one symbol: its book's update id and time, and its last trades."""

    def __init__(self, symbol: str, instrument: Instrument) -> None:
        self.symbol, self.instrument = symbol, instrument
        self.update_id = 0
        """Number of the last event that changed the book."""
        self.ts_event = 0
        """Newest time of an event other than a trade (ns)."""
        self.has_book = False
        """True if there is a book: there is none before the first levels, and in a gap of the recording."""
        self.trades: deque[Trade] = deque(maxlen=_REMEMBERED)
        self.traded = 0
        """Trades that have been noted; it never goes back."""
        self.day = DayStatistics()
        self.watchers: WeakSet[TouchedPrices] = WeakSet()
        """Who wants to know of every level that changes, for as long as there is somebody."""

    def save(self) -> SavedSymbol:
        """Copy the state."""
        return SavedSymbol(self.update_id, self.ts_event, self.has_book, tuple(self.trades), self.day.copy())

    def restore(self, saved: SavedSymbol) -> None:
        """Go back to a copy."""
        self.update_id, self.ts_event, self.has_book, trades, day = saved
        self.trades.clear()
        self.trades.extend(trades)
        self.day = day.copy()

    def trades_since(self, traded: int) -> Iterator[Trade]:
        """Yield the trades after the first `traded`, as far as they are remembered."""
        new = min(self.traded - traded, len(self.trades))
        return islice(self.trades, len(self.trades) - new, None)


class FirstBook(NamedTuple):
    """A symbol's first book in the recording: its state, and its levels."""

    state: SymbolState
    bids: Levels
    asks: Levels


class RecordedMarket:
    """Market of the symbols that a server has, each with its instrument, as the events make it that it is given."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.states = {symbol: SymbolState(symbol, instrument) for symbol, instrument in instruments.items()}
        self._of_instrument = {state.instrument: state for state in self.states.values()}
        self._books = BookSet()
        self._batch_states: tuple[tuple[Instrument, ...], list[SymbolState | None]] = ((), [])
        self.first_books: dict[str, FirstBook] = {}
        """Books that requests get of symbols that have had none yet: the events to come go on from there."""
        self.has_begun_anew = False
        """True if update ids have gone back, as after a reset of the market; the owner takes it back."""

    def apply(self, batch: EventBatch, numbers: IntArray) -> None:
        """Take in events; `numbers` are the update ids of book events, and the ids of trades."""
        self._books.apply(batch)
        if batch.instruments is not self._batch_states[0]:
            self._batch_states = batch.instruments, [self._of_instrument.get(one) for one in batch.instruments]
        if len(self._batch_states[1]) == 1:
            self._note(self._batch_states[1][0], batch, numbers)
            return
        for number in np.unique(batch.instrument_id).tolist():
            own = np.flatnonzero(batch.instrument_id == number)
            self._note(self._batch_states[1][number], batch.take(own), numbers[own])

    def _note(self, state: SymbolState | None, batch: EventBatch, numbers: IntArray) -> None:
        if state is None or not len(batch):
            return
        is_trade = batch.action == TRADE
        others = np.flatnonzero(~is_trade)
        if len(others):
            state.ts_event = max(state.ts_event, int(batch.ts_event[others].max()))
            update_id = int(numbers[others[-1]])
            self.has_begun_anew = self.has_begun_anew or update_id < state.update_id
            state.update_id = update_id
            changes = others[_CHANGES[batch.action[others]]]
            if len(changes):
                state.has_book = batch.action[changes[-1]] != CLEAR
                if state.watchers:
                    # A snapshot changes nothing in between: it is there as a whole.
                    single = changes[(batch.flags[changes] & F_SNAPSHOT == 0) & (batch.action[changes] != CLEAR)]
                    is_bid, ticks = batch.side[single] == BID, batch.price[single] // state.instrument.tick
                    for watcher in state.watchers:
                        watcher.add(ticks[is_bid], ticks[~is_bid])
        traded = np.flatnonzero(is_trade)
        if len(traded):
            columns = (numbers, batch.ts_event, batch.price, batch.size, batch.side != BID)
            trades = [Trade(*row) for row in zip(*(column[traded].tolist() for column in columns), strict=True)]
            state.trades.extend(trades)
            state.day.add(trades)
            state.traded += len(traded)

    def levels(self, symbol: str, *, is_bid: bool, depth: int | None = None) -> Levels:
        """Return the best `depth` levels of a side, all for None; none while there is no book."""
        state = self.states[symbol]
        if not state.has_book:
            return NO_LEVELS
        return Levels(*self._books[state.instrument].level_arrays("B" if is_bid else "A", depth))

    def note_first_books(self) -> bool:
        """Remember the first book of each symbol that has one by now; returns whether all have."""
        for symbol, state in self.states.items():
            if state.has_book and symbol not in self.first_books:
                copy = SymbolState(symbol, state.instrument)
                copy.restore(state.save())
                bids, asks = (self.levels(symbol, is_bid=is_bid) for is_bid in (True, False))
                self.first_books[symbol] = FirstBook(copy, bids, asks)
        return len(self.first_books) == len(self.states)

    def save(self) -> Saved:
        """Copy the market as it is now."""
        return Saved(self._books.checkpoint(), {symbol: state.save() for symbol, state in self.states.items()})

    def restore(self, saved: Saved | None) -> None:
        """Go back to a copy; to a market without books and trades for None."""
        self._books = BookSet() if saved is None else BookSet.restore(saved.books)
        self._batch_states = ((), [])
        for symbol, state in self.states.items():
            state.restore(_FRESH if saved is None else saved.states[symbol])
