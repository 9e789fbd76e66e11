"""Processor from order-level events to the messages that subscribers get: books, trades and running statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, SupportsIndex

import numpy as np
import numpy.typing as npt

from hftlab.book import BookSet, Tops
from hftlab.clock import NANOSECONDS, to_milliseconds
from hftlab.errors import EventError
from hftlab.events import EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.market.book_rows import Quote, quotes, trades
from hftlab.market.filters import Filter, Filters
from hftlab.market.symbol_summary import SymbolSummary
from hftlab.protocol.messages import MarketData

__all__ = ["Processor"]

_LONGEST_PACE: Final = 86_400 * NANOSECONDS

IntArray = npt.NDArray[np.int64]


class Processor:
    """Processor that turns batches of events into MARKET_DATA messages of one symbol each.

    Rows that `filters` rejects are dropped and counted in `filtered`; the others go to `books`, which are
    as of the last batch. An event ends at a row flagged F_LAST, be it of depth or a trade. With `pace` 0 each event of
    a known book makes a message; otherwise time (ts_recv) is cut into intervals of `pace` ns, and an interval makes one
    message for each symbol that has had an event in it: its state after the last one. Either way a message has up to
    `depth` levels a side, and all trades since the symbol's message before it.

    Symbols are the instruments' `wire_symbol`s. Before the first trade `price` is the mid (or the only side's best),
    and open, high and low equal it; `high`, `low` and `volume` count from the first event. `previous_close` has the
    prices (1e-9) of the day before; a capture does not know it, and where it is not given `open` stands for it. Raises
    ValueError for a negative pace, and for two instruments of one wire symbol.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        depth: int = 10,
        *,
        pace: int = 0,
        filters: Filters | None = None,
        previous_close: Mapping[Instrument, int] | None = None,
    ) -> None:
        if not isinstance(pace, SupportsIndex) or not 0 <= pace.__index__() <= _LONGEST_PACE:
            raise ValueError(
                f"pace must be a whole number of nanoseconds from 0 to {_LONGEST_PACE} (a day), got {pace!r}"
            )
        closes = previous_close or {}
        self.books = BookSet()
        self.depth, self.pace = depth, pace
        self._states = {instrument: SymbolSummary(instrument, closes.get(instrument)) for instrument in instruments}
        repeated = [symbol for symbol, count in Counter(self.symbols).items() if count > 1]
        if repeated:
            raise ValueError(f"two instruments have the wire symbol {repeated[0]}: make only one of them `primary`")
        self._numbers = {instrument: number for number, instrument in enumerate(self._states)}
        self._with_mids = filters is not None and filters.band is not None
        self._filter = Filter(self._numbers, filters or Filters())
        self._pending: dict[Instrument, tuple[int, Quote]] = {}
        self._clock = 0

    @property
    def symbols(self) -> list[str]:
        """Symbols of the instruments in messages, in the order given."""
        return [instrument.wire_symbol for instrument in self._states]

    @property
    def filtered(self) -> dict[str, int]:
        """Number of rows dropped, by reason: see `Filters` and `REASONS`."""
        counts: Counter[str] = Counter()
        for (_, reason), count in self._filter.counts.items():
            counts[reason] += count
        return dict(counts)

    def process(self, batch: EventBatch, until: int | None = None) -> list[tuple[int, MarketData]]:
        """Apply a batch and return the messages that are complete, in order, each with its ts_recv in ns.

        A symbol has no message until its book has had a level; an R that clears the book makes one without levels.
        `timestamp` is the event's ts_event. With a pace, an interval is complete once an event of a later one has come;
        `until` declares that every event captured up to that time has come, so that intervals that it ends are
        complete. Raises EventError for an instrument that the processor was not made for, and as `BookSet.apply()`
        does.
        """
        self._check(batch.instruments)
        batch = self._filter.apply(batch, self._mids())
        tops = self.books.trace(batch, self.depth)
        waiting = trades(batch)
        messages: list[tuple[int, MarketData]] = []
        for interval, quote in self._chosen(tops, batch):
            instrument = batch.instruments[quote.instrument_id]
            messages += self._complete(interval)
            rows, state = waiting[quote.instrument_id], self._states[instrument]
            while rows and rows[0].row <= quote.row:
                state.add_trade(rows.popleft())
            self._pending.pop(instrument, None)
            self._pending[instrument] = interval, quote
        if self.pace == 0:
            messages += self._complete(None)
        elif until is not None:
            messages += self._complete((until + 1) // self.pace)
        # The trades of an event that ends in the next batch.
        for number, rows in waiting.items():
            for row in rows:
                self._states[batch.instruments[number]].add_trade(row)
        return messages

    def flush(self) -> list[tuple[int, MarketData]]:
        """Return the messages of the last interval, when no more events will come."""
        return list(self._complete(None))

    def _check(self, instruments: tuple[Instrument, ...]) -> None:
        for instrument in instruments:
            if instrument not in self._states:
                raise EventError(
                    f"the batch has {instrument.symbol} of {instrument.venue.name}, which this Processor was not made "
                    f"for: add it to `instruments`"
                )

    def _mids(self) -> IntArray:
        mids = np.zeros(len(self._numbers), np.int64)
        if not self._with_mids:
            return mids
        for book in self.books:
            bid, ask = book.best()
            if bid is not None and ask is not None:
                mids[self._numbers[book.instrument]] = round((bid[0] + ask[0]) / 2 * UNIT)
        return mids

    def _chosen(self, tops: Tops, batch: EventBatch) -> Iterator[tuple[int, Quote]]:
        """Select the quotes that can become messages, each with its interval: without a pace the event's number."""
        if not len(tops.rows):
            return iter(())
        if self.pace == 0:
            return enumerate(quotes(tops, batch, np.arange(len(tops.rows))))
        # A capture clock that is set back does not open an interval that is over.
        clock = np.maximum(np.maximum.accumulate(batch.ts_recv[tops.rows]), self._clock)
        self._clock = int(clock[-1])
        intervals = clock // self.pace
        keys = (intervals - intervals[0]) * len(batch.instruments) + batch.instrument_id[tops.rows]
        _, from_the_end = np.unique(keys[::-1], return_index=True)
        last = np.sort(len(keys) - 1 - from_the_end)
        return zip(intervals[last].tolist(), quotes(tops, batch, last), strict=True)

    def _complete(self, before: int | None) -> Iterator[tuple[int, MarketData]]:
        """Yield the messages of the intervals before one, or of all."""
        ready = [one for one, (interval, _) in self._pending.items() if before is None or interval < before]
        for instrument in ready:
            _, quote = self._pending.pop(instrument)
            symbol = self._states[instrument].describe(quote)
            if symbol is not None:
                ts_recv = to_milliseconds(quote.ts_recv)
                yield quote.ts_recv, MarketData(timestamp=symbol.timestamp, symbols=[symbol], ts_recv=ts_recv)
