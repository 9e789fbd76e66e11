"""From order-level events to the messages that subscribers see: books, trades and running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book import BookSet, Tops
from hftlab.clock import to_milliseconds
from hftlab.errors import EventError
from hftlab.events import ASK, BID, TRADE, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.market.statistics import TradeStatistics
from hftlab.protocol.enums import Side
from hftlab.protocol.messages import MarketData, MarketDataSymbol, OrderBookLevel, Trade

__all__ = ["Processor"]


class Processor:
    """Turns batches of events into MARKET_DATA messages, one for each event of a known book.

    An event ends at a row flagged F_LAST, be it of depth or a trade. A message has one symbol, up to `depth` levels a
    side, and the trades since the symbol's message before it. `books` holds the books as of the last batch.

    A capture does not know the day before it: `open` is its first trade and `previous_close` the same; `high`, `low`
    and `volume` count from its beginning. Before the first trade `price` is the mid (or the only side's best), and
    open, high and low equal it.
    """

    def __init__(self, instruments: Sequence[Instrument], depth: int = 10) -> None:
        self.books = BookSet()
        self.depth = depth
        self._states = {instrument: _State(instrument) for instrument in instruments}

    @property
    def symbols(self) -> list[str]:
        return [instrument.symbol for instrument in self._states]

    def process(self, batch: EventBatch) -> list[tuple[int, MarketData]]:
        """Apply a batch; return its messages in the order of its events, each with its ts_recv in ns.

        There is none of a symbol until its book has had a level; an R that voids the book makes one without levels.
        `timestamp` is the event's ts_event. Raises EventError for an instrument that the processor was not made for,
        and as `BookSet.apply()` does.
        """
        states = [self._state(instrument) for instrument in batch.instruments]
        quotes = _quotes(self.books.trace(batch, self.depth), batch)
        trades = _trades(batch)
        trade = next(trades, None)
        messages = []
        for quote in quotes:
            while trade is not None and trade.row <= quote.row:
                states[trade.instrument_id].add_trade(trade)
                trade = next(trades, None)
            symbol = states[quote.instrument_id].describe(quote)
            if symbol is not None:
                ts_recv = to_milliseconds(quote.ts_recv)
                message = MarketData(timestamp=symbol.timestamp, symbols=[symbol], ts_recv=ts_recv)
                messages.append((quote.ts_recv, message))
        # The trades of an event that ends in the next batch.
        while trade is not None:
            states[trade.instrument_id].add_trade(trade)
            trade = next(trades, None)
        return messages

    def _state(self, instrument: Instrument) -> _State:
        try:
            return self._states[instrument]
        except KeyError:
            raise EventError(
                f"the batch has {instrument.symbol} of {instrument.venue.name}, which this Processor was not made for: "
                f"name it when making one"
            ) from None


class _TradeRow(NamedTuple):
    row: int
    instrument_id: int
    ts_event: int
    side: int
    price: int
    size: int


class _Quote(NamedTuple):
    """The book after one event, in the currency and in units, best first; levels of size 0 are not there."""

    row: int
    instrument_id: int
    ts_event: int
    ts_recv: int
    bid_prices: list[float]
    bid_sizes: list[float]
    ask_prices: list[float]
    ask_sizes: list[float]
    mid: float  # the only side's best if there is one side, NaN if there is none


class _State:
    """What has to be remembered of one instrument from message to message."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._statistics = TradeStatistics()
        self._new_trades: list[Trade] = []
        self._last_trade: Trade | None = None
        self._mid: float | None = None

    def add_trade(self, row: _TradeRow) -> None:
        trade = Trade(
            price=row.price / UNIT,
            size=self._instrument.size(row.size),
            timestamp=to_milliseconds(row.ts_event),
            side=self._aggressor(row),
        )
        self._statistics.add(row.price, row.size)
        self._new_trades.append(trade)
        self._last_trade = trade

    def _aggressor(self, row: _TradeRow) -> Side:
        if row.side == BID:
            return Side.BUY
        if row.side == ASK:
            return Side.SELL
        # The wire knows no third side; where the venue does not tell it, the tick test guesses.
        return Side.BUY if row.price >= self._statistics.last else Side.SELL

    def describe(self, quote: _Quote) -> MarketDataSymbol | None:
        bids, asks = _levels(quote.bid_prices, quote.bid_sizes), _levels(quote.ask_prices, quote.ask_sizes)
        if bids or asks:
            self._mid = quote.mid
        if self._mid is None:
            return None
        trades, self._new_trades = self._new_trades, []
        price, opened, high, low, change = self._prices(self._mid)
        return MarketDataSymbol(
            symbol=self._instrument.symbol,
            exchange=self._instrument.venue.name,
            price=price,
            bid=bids[0].price if bids else 0.0,
            ask=asks[0].price if asks else 0.0,
            bid_size=bids[0].size if bids else 0.0,
            ask_size=asks[0].size if asks else 0.0,
            volume=self._instrument.size(self._statistics.volume),
            change=change,
            change_percent=change / opened * 100 if opened else 0.0,
            high=high,
            low=low,
            open=opened,
            previous_close=opened,
            timestamp=to_milliseconds(quote.ts_event),
            bids=bids,
            asks=asks,
            last_trade=self._last_trade,
            trades=trades or None,
        )

    def _prices(self, mid: float) -> tuple[float, float, float, float, float]:
        """Price, open, high, low and change; differences are taken between integers, so that they carry no noise."""
        so_far = self._statistics
        if so_far.trades == 0:
            return mid, mid, mid, mid, 0.0
        change = (so_far.last - so_far.open) / UNIT
        return so_far.last / UNIT, so_far.open / UNIT, so_far.high / UNIT, so_far.low / UNIT, change


def _levels(prices: list[float], sizes: list[float]) -> list[OrderBookLevel]:
    return [OrderBookLevel(price=price, size=size, orders=0) for price, size in zip(prices, sizes, strict=True) if size]


def _trades(batch: EventBatch) -> Iterator[_TradeRow]:
    rows = np.flatnonzero(batch.action == TRADE)
    columns: tuple[npt.NDArray[Any], ...] = (
        batch.instrument_id,
        batch.ts_event,
        batch.side,
        batch.price,
        batch.size,
    )
    return map(_TradeRow._make, zip(rows.tolist(), *(column[rows].tolist() for column in columns), strict=True))


def _quotes(tops: Tops, batch: EventBatch) -> Iterator[_Quote]:
    """The tops as Python numbers, converted for the whole batch at once."""
    ids = batch.instrument_id[tops.rows]
    sides = [np.empty(tops.bid_ticks.shape) for _ in range(4)]
    mid = np.empty(len(ids))
    for number in np.unique(ids).tolist():
        instrument, events = batch.instruments[number], ids == number
        sides[0][events] = instrument.price(tops.bid_ticks[events])
        sides[1][events] = instrument.size(tops.bid_lots[events])
        sides[2][events] = instrument.price(tops.ask_ticks[events])
        sides[3][events] = instrument.size(tops.ask_lots[events])
        mid[events] = _mids(tops, events, instrument)
    columns: tuple[npt.NDArray[Any], ...] = (
        tops.rows,
        ids,
        batch.ts_event[tops.rows],
        batch.ts_recv[tops.rows],
        *sides,
        mid,
    )
    return map(_Quote._make, zip(*(column.tolist() for column in columns), strict=True))


def _mids(tops: Tops, events: npt.NDArray[np.bool_], instrument: Instrument) -> npt.NDArray[np.float64]:
    """Half the sum of the ticks, so that a mid between two prices is as exact as they are."""
    bid, ask = tops.bid_ticks[events, 0], tops.ask_ticks[events, 0]
    sides = (tops.bid_lots[events, 0] > 0).astype(np.int64) + (tops.ask_lots[events, 0] > 0)
    # A side that is not there has 0 ticks.
    return np.where(sides > 0, instrument.price(bid + ask) / np.maximum(sides, 1), np.nan)
