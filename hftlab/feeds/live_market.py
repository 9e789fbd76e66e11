"""Market of a live feed: events and changes of its symbols in, messages of those whose books are reliable out."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from hftlab.events import COLUMNS, F_LAST, NO_SIDE, NONE, EventBatch
from hftlab.instruments import Instrument
from hftlab.market import Processor
from hftlab.protocol import Gap, MarketData, Message
from hftlab.protocol.messages import Trade
from hftlab.source import Timed
from hftlab.venues.symbol_parts import Change, SymbolParts

__all__ = ["LiveMarket", "Wrong", "gap"]

_KEPT: Final = 10_000
"""Trades of a symbol that wait for its book to be reliable again; older ones are dropped and counted."""

_Items: TypeAlias = list[Timed[Message]]


class Wrong(NamedTuple):
    """Book that cannot be right at `at` (ns), and why."""

    symbol: str
    at: int
    reason: str


class LiveMarket:
    """Market of a live feed, without I/O.

    A symbol's messages are withheld while its book is not reliable, and a GAP says from when on. Its trades of that
    time come with the first message afterwards. Books that cross are in `wrong`, which the caller clears.
    """

    def __init__(self, instruments: Sequence[Instrument], depth: int) -> None:
        self._processor = Processor(instruments, depth)
        self._instruments = {one.symbol: one for one in instruments}
        self._unreliable = set(self._instruments)
        self._kept: defaultdict[str, deque[Trade]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self.wrong: list[Wrong] = []
        self.batches: list[EventBatch] = []
        """Events since the caller has cleared them, whether their symbols were reliable or not."""
        self.trades_dropped = self.gaps = self.resyncs = 0

    @property
    def unreliable(self) -> set[str]:
        """Symbols whose books cannot be relied on at present."""
        return set(self._unreliable)

    def stats(self) -> dict[str, Any]:
        """Return the counts and the symbols that are flagged, as FeedStats has them."""
        return {
            "gaps": self.gaps,
            "resyncs": self.resyncs,
            "trades_dropped": self.trades_dropped,
            "unreliable": sorted(self._unreliable),
        }

    def process(self, found: Sequence[SymbolParts]) -> _Items:
        """Take events and changes; returns messages in the order of their times."""
        if not any(isinstance(part, Change) for one in found for part in one.parts):
            batches: list[Any] = [part for one in found for part in one.parts]
            if not batches:
                return []
            items = self._processed(batches[0] if len(batches) == 1 else EventBatch.concat(batches))
            return items if len(found) == 1 else _merged(items)
        by_symbol: list[_Items] = []
        for one in found:
            items = []
            back: Change | None = None
            for part in one.parts:
                if isinstance(part, Change):
                    items += self._changed(part)
                    back = None if part.is_gap else part
                elif some := self._processed(part):
                    items += some
                    back = None
            by_symbol.append(items if back is None else [*items, *self._shown_again(back)])
        return list(heapq.merge(*by_symbol, key=attrgetter("at")))

    def _changed(self, change: Change) -> _Items:
        if change.reason is None:
            self.resyncs += 1
            self._unreliable.discard(change.symbol)
            return []
        self.gaps += 1
        self._unreliable.add(change.symbol)
        return [Timed(change.at, gap([change.symbol], change.reason))]

    def _shown_again(self, change: Change) -> _Items:
        """Return the message of a book that is reliable again as it was: no event makes one."""
        columns = {name: np.zeros(1, dtype) for name, dtype in COLUMNS.items()}
        columns["ts_event"][:] = columns["ts_recv"][:] = change.at
        columns["action"][:], columns["side"][:], columns["flags"][:] = NONE, NO_SIDE, F_LAST
        batch = EventBatch(**columns, instruments=(self._instruments[change.symbol],))
        items = self._processed(batch)
        self.batches.pop()  # it has not come from the venue
        return items

    def _processed(self, batch: EventBatch) -> _Items:
        self.batches.append(batch)
        items: _Items = []
        crossed: set[str] = set()
        for at, message in self._processor.process(batch):
            (symbol,) = message.symbols
            name = symbol.symbol
            if name not in self._unreliable and name not in crossed and symbol.bid and symbol.bid >= symbol.ask > 0:
                crossed.add(name)
                self.wrong.append(Wrong(name, at, f"the book is crossed: bid {symbol.bid:g}, ask {symbol.ask:g}"))
            if name in self._unreliable or name in crossed:
                self._keep(name, symbol.trades)
            elif kept := self._kept.pop(name, None):
                whole = msgspec.structs.replace(symbol, trades=[*kept, *(symbol.trades or ())])
                items.append(Timed(at, msgspec.structs.replace(message, symbols=[whole])))
            else:
                items.append(Timed(at, message))
        return items

    def _keep(self, name: str, trades: list[Trade] | None) -> None:
        if not trades:
            return
        kept = self._kept[name]
        self.trades_dropped += max(0, len(kept) + len(trades) - _KEPT)
        kept.extend(trades)


def gap(symbols: Iterable[str], reason: str) -> Gap:
    """Make the message that says that data of some symbols is missing from here on."""
    return Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason=reason, symbols=list(symbols))


def _merged(items: _Items) -> _Items:
    """Merge the messages of several symbols, each in its own order whatever the clock did, by their times."""
    by_symbol: defaultdict[str, _Items] = defaultdict(list)
    for item in items:
        assert isinstance(item.message, MarketData)
        by_symbol[item.message.symbols[0].symbol].append(item)
    return list(heapq.merge(*by_symbol.values(), key=attrgetter("at")))
