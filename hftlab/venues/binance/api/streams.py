"""Streams of one symbol or of all, each of which says when it may send and what.

A stream follows the market from the moment when it has a first reader. What it sends is made once for all readers.
"""

from __future__ import annotations

from typing import Final, Protocol

from hftlab.venues.binance.api.aggregation import Aggregation
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.binance.api.pace import Pace
from hftlab.venues.binance.api.stream_names import StreamKind, StreamName
from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels, level_differences
from hftlab.venues.market_state.recorded_market import RecordedMarket, TouchedPrices

__all__ = ["MarketStream", "make_stream"]

NEVER: Final = 2**63 - 1


class MarketStream(Protocol):
    """Stream of any kind."""

    def due(self) -> int:
        """Time from which on there is something to send; 0 for at once, NEVER if there is nothing."""

    def earliest(self) -> int:
        """Time from which on it might send, whatever happens."""

    def messages(self, now: int) -> list[bytes]:
        """Return what is to be sent now."""

    def restart(self) -> None:
        """Go on from where the market is: it has been moved, and what was between is not sent."""


class DepthStream:
    """Changes of the book since the last message."""

    def __init__(self, name: StreamName, market: RecordedMarket, writer: Writer) -> None:
        self._market, self._writer, self._state = market, writer, writer.state
        self._pace = Pace(name.interval)
        self._touched = TouchedPrices()
        self._state.watchers.add(self._touched)
        self.restart()

    def restart(self) -> None:
        self._touched.clear()
        self._sent_id, self._bids, self._asks = self._state.update_id, NO_LEVELS, NO_LEVELS
        self._had_book = self._state.has_book
        if self._had_book:
            self._bids, self._asks = self._levels()
        self._pace.restart()

    def _levels(self) -> tuple[Levels, Levels]:
        symbol = self._state.symbol
        return self._market.levels(symbol, is_bid=True), self._market.levels(symbol, is_bid=False)

    def due(self) -> int:
        if self._state.has_book is not self._had_book:
            return 0
        return self._pace.earliest if self._has_book_and_changes() else NEVER

    def _has_book_and_changes(self) -> bool:
        return self._had_book and self._state.update_id != self._sent_id

    def earliest(self) -> int:
        return self._pace.earliest

    def messages(self, now: int) -> list[bytes]:
        if not self._had_book or not self._state.has_book:
            # Without a book there is nothing to say, and where one begins its readers have to ask for it.
            self.restart()
            return []
        bids, asks = self._levels()
        # As at Binance: a reader's snapshot may be from the middle of the interval.
        touched = self._touched.take()
        changed = (
            level_differences(self._bids, bids, is_bid=True, touched=touched[0]),
            level_differences(self._asks, asks, is_bid=False, touched=touched[1]),
        )
        message = self._writer.depth_update(self._sent_id, *changed)
        self._sent_id, self._bids, self._asks = self._state.update_id, bids, asks
        self._pace.sent(now)
        return [message]


class PartialDepthStream:
    """Top of the book, as often as it has changed."""

    def __init__(self, name: StreamName, market: RecordedMarket, writer: Writer) -> None:
        self._market, self._writer, self._state, self._depth = market, writer, writer.state, name.levels
        self._pace = Pace(name.interval)
        self._sent_id = -1

    def restart(self) -> None:
        self._sent_id = -1
        self._pace.restart()

    def due(self) -> int:
        has_changed = self._state.has_book and self._state.update_id != self._sent_id
        return self._pace.earliest if has_changed else NEVER

    def earliest(self) -> int:
        return self._pace.earliest

    def messages(self, now: int) -> list[bytes]:
        symbol = self._state.symbol
        bids = self._market.levels(symbol, is_bid=True, depth=self._depth)
        asks = self._market.levels(symbol, is_bid=False, depth=self._depth)
        last = self._state.update_id - 1 if self._sent_id < 0 else self._sent_id
        self._sent_id = self._state.update_id
        self._pace.sent(now)
        return [self._writer.partial_book(last, bids, asks)]


class BookTickerStream:
    """Best bid and offer of some symbols, each time that one changes."""

    def __init__(self, market: RecordedMarket, writers: list[Writer]) -> None:
        self._market, self._writers = market, writers
        self.restart()

    def restart(self) -> None:
        self._sent: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {}
        self._seen = {writer.state.symbol: -1 for writer in self._writers}

    def due(self) -> int:
        return 0 if any(self._is_changed(writer) for writer in self._writers) else NEVER

    def _is_changed(self, writer: Writer) -> bool:
        return writer.state.has_book and writer.state.update_id != self._seen[writer.state.symbol]

    def earliest(self) -> int:
        return 0

    def messages(self, now: int) -> list[bytes]:  # noqa: ARG002 - as other streams
        messages = []
        for writer in self._writers:
            if not self._is_changed(writer):
                continue
            symbol = writer.state.symbol
            self._seen[symbol] = writer.state.update_id
            bids = self._market.levels(symbol, is_bid=True, depth=1)
            asks = self._market.levels(symbol, is_bid=False, depth=1)
            best = writer.numbers(bids), writer.numbers(asks)
            if best != self._sent.get(symbol):
                self._sent[symbol] = best
                messages.append(writer.best(bids, asks))
        return messages


class TradeStream:
    """Trades, each by itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._state = writer, writer.state
        self._sent = self._state.traded

    def restart(self) -> None:
        self._sent = self._state.traded

    def due(self) -> int:
        return 0 if self._state.traded > self._sent else NEVER

    def earliest(self) -> int:
        return 0

    def messages(self, now: int) -> list[bytes]:  # noqa: ARG002 - as other streams
        new = [self._writer.trade(trade) for trade in self._state.trades_since(self._sent)]
        self._sent = self._state.traded
        return new


class AggTradeStream:
    """Trades put together; the newest group waits for more of its kind."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._state = writer, writer.state
        self._aggregation = Aggregation(is_futures=writer.market.is_futures)
        self.restart()

    def restart(self) -> None:
        self._aggregation.close()
        self._taken, self._closes = self._state.traded, NEVER

    def due(self) -> int:
        return 0 if self._state.traded > self._taken else self._closes

    def earliest(self) -> int:
        return 0

    def messages(self, now: int) -> list[bytes]:
        whole = self._aggregation.add(self._state.trades_since(self._taken))
        if self._state.traded > self._taken:
            self._taken, self._closes = self._state.traded, now + self._aggregation.hold
        else:
            whole += self._aggregation.close()
            self._closes = NEVER
        return [self._writer.agg_trade(one) for one in whole]


class TickerStream:
    """Statistics of the last 24 hours of one symbol, or of all in one message: those with new trades."""

    def __init__(self, name: StreamName, market: RecordedMarket, writers: list[Writer]) -> None:
        self._market, self._writers, self._is_all = market, writers, name.symbol is None
        self._is_mini = name.kind is StreamKind.MINI_TICKER
        self._pace = Pace(name.interval)
        self._traded = {writer.state.symbol: -1 for writer in writers}

    def restart(self) -> None:
        self._traded = dict.fromkeys(self._traded, -1)
        self._pace.restart()

    def due(self) -> int:
        return self._pace.earliest if any(map(self._is_changed, self._writers)) else NEVER

    def _is_changed(self, writer: Writer) -> bool:
        return bool(writer.state.trades) and writer.state.traded != self._traded[writer.state.symbol]

    def earliest(self) -> int:
        return self._pace.earliest

    def messages(self, now: int) -> list[bytes]:
        self._pace.sent(now)
        messages = []
        for writer in filter(self._is_changed, self._writers):
            state = writer.state
            self._traded[state.symbol] = state.traded
            day = state.day.day(state.trades[-1].ts_event)
            if day is not None:
                best = [self._market.levels(state.symbol, is_bid=is_bid, depth=1) for is_bid in (True, False)]
                messages.append(writer.mini_ticker(day) if self._is_mini else writer.ticker(day, *best))
        return [b"[%b]" % b",".join(messages)] if self._is_all and messages else messages


def make_stream(name: StreamName, market: RecordedMarket, writers: dict[str, Writer]) -> MarketStream | None:
    """Make a stream; None for one that a recording has nothing for."""
    if name.symbol is not None:
        writers = {name.symbol: writers[name.symbol]}
    writers = {symbol: writer.timed(name.time_unit) for symbol, writer in writers.items()}
    writer = None if name.symbol is None else writers[name.symbol]
    match name.kind, writer:
        case StreamKind.DEPTH, Writer():
            return DepthStream(name, market, writer)
        case StreamKind.PARTIAL_DEPTH, Writer():
            return PartialDepthStream(name, market, writer)
        case StreamKind.BOOK_TICKER, _:
            return BookTickerStream(market, list(writers.values()))
        case StreamKind.TRADE, Writer():
            return TradeStream(writer)
        case StreamKind.AGG_TRADE, Writer():
            return AggTradeStream(writer)
        case StreamKind.TICKER | StreamKind.MINI_TICKER, _:
            return TickerStream(name, market, list(writers.values()))
        case _:
            return None
