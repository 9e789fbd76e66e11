"""One stream of messages with its own sequence, shared by every connection with the same subscription."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar

import msgspec

from hftlab.protocol.codec import Codec
from hftlab.protocol.enums import ArbitrageState, DataType
from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.messages import (
    Arbitrage,
    BookDelta,
    ChannelInfo,
    MarketData,
    MarketDataSymbol,
    OrderBookLevel,
    Trade,
)
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["ArbitrageChannel", "Channel", "DeltaChannel", "StateChannel", "Streamed", "make_channel"]

Streamed: TypeAlias = MarketData | BookDelta | Arbitrage
"""What public channels send."""

_NANOSECONDS_PER_MS = 1_000_000
_UNSENT = 1.0  # the timestamp of a message that has not been sent: the publisher stamps it


def make_channel(number: int, subscription: Subscription) -> Channel[K]:
    match subscription.data_types:
        case (DataType.BOOK_DELTA,):
            return DeltaChannel(number, subscription)
        case (DataType.ARBITRAGE,):
            return ArbitrageChannel(number, subscription)
    return StateChannel(number, subscription)


class Channel(ABC, Generic[K]):
    """Collects changes of its symbols and turns them into messages at its own pace, in source time.

    At frequency 0 each change is a message at once. Otherwise the first change goes out at once and the next one
    `frequency` later at the earliest. `open` holds the readers that are not behind, by encoding; `size` counts all.
    """

    def __init__(self, number: int, subscription: Subscription) -> None:
        self.number, self.subscription = number, subscription
        self.sequence = 0
        self.open: dict[Codec, dict[K, None]] = {}
        self.size = 0
        self.due: int | None = None
        self._symbols = frozenset(subscription.symbols)
        self._period = subscription.frequency * _NANOSECONDS_PER_MS
        self._last: int | None = None

    def info(self) -> ChannelInfo:
        symbols, data_types, frequency, slow_consumer = self.subscription
        return ChannelInfo(
            channel=self.number,
            symbols=list(symbols),
            data_types=list(data_types),
            frequency=frequency,
            slow_consumer=slow_consumer,
            sequence=self.sequence,
        )

    @abstractmethod
    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        """Take in a source message; at frequency 0 return what is to be sent for it, else nothing and set `due`."""

    @abstractmethod
    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        """The state as of the last message, for one who joins or has skipped some; empty before anything is known."""

    @abstractmethod
    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]: ...

    def collect(self, latest: Mapping[str, MarketDataSymbol], at: int, *, early: bool = False) -> list[Streamed]:
        """What is due by `at`, or with `early` whatever has changed, from the symbols' latest state."""
        if self.due is None or (self.due > at and not early):
            return []
        self.due, self._last = None, at
        return self._gather(latest)

    def restart(self, latest: Mapping[str, MarketDataSymbol], at: int) -> list[Streamed]:
        """Begin anew at `at`, with a snapshot that counts in the sequence: whoever misses it has missed something."""
        self.due, self._last = None, at
        self._forget()
        self.sequence += 1
        snapshot = self.snapshot(latest)
        if not snapshot:
            self.sequence, self._last = self.sequence - 1, None
        return snapshot

    @abstractmethod
    def _forget(self) -> None:
        """Drop what is collected and not sent, and what the next message would be told by its difference from."""

    def _schedule(self, at: int) -> None:
        if self.due is None:
            self.due = at if self._last is None else max(at, self._last + self._period)

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence


class StateChannel(Channel[K]):
    """MARKET_DATA. A paced message has all of the channel's symbols, so that each is complete."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        self._id: str | None = None
        self._trades: defaultdict[str, list[Trade]] = defaultdict(list)
        kinds = set(subscription.data_types)
        self._depth = DataType.ORDER_BOOK in kinds
        self._all_trades = DataType.TRADES in kinds
        self._last_trade = self._all_trades or DataType.QUOTES in kinds
        self._only_trades = kinds == {DataType.TRADES}

    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        if isinstance(message, Arbitrage):
            return []
        changed = [symbol for symbol in message.symbols if symbol.symbol in self._symbols]
        if self._only_trades:
            changed = [symbol for symbol in changed if symbol.trades]
        if not changed:
            return []
        self._id = message.id
        if self._period == 0:
            return [self._numbered([self._project(symbol, symbol.trades) for symbol in changed], message.ts_recv)]
        if self._all_trades:
            for symbol in changed:
                self._trades[symbol.symbol].extend(symbol.trades or ())
        self._schedule(at)
        return []

    def _forget(self) -> None:
        self._trades.clear()

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        if self._only_trades:
            return []
        symbols = [self._project(latest[name], None) for name in self.subscription.symbols if name in latest]
        if not symbols:
            return []
        return [
            MarketData(timestamp=_UNSENT, channel=self.number, sequence=self.sequence, symbols=symbols, snapshot=True)
        ]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        trades, self._trades = self._trades, defaultdict(list)
        wanted: Iterable[str] = trades if self._only_trades else self.subscription.symbols
        symbols = [self._project(latest[name], trades.get(name)) for name in wanted if name in latest]
        return [self._numbered(symbols, None)]

    def _numbered(self, symbols: list[MarketDataSymbol], ts_recv: float | None) -> MarketData:
        return MarketData(
            timestamp=_UNSENT,
            id=self._id,
            channel=self.number,
            sequence=self._next(),
            symbols=symbols,
            ts_recv=ts_recv,
        )

    def _project(self, symbol: MarketDataSymbol, trades: list[Trade] | None) -> MarketDataSymbol:
        """Leave out what the subscription does not ask for."""
        bids, asks = (symbol.bids, symbol.asks) if self._depth else (None, None)
        last_trade = symbol.last_trade if self._last_trade else None
        trades = trades or None if self._all_trades else None
        same = bids is symbol.bids and asks is symbol.asks and last_trade is symbol.last_trade
        if same and trades is symbol.trades:
            return symbol
        return msgspec.structs.replace(symbol, bids=bids, asks=asks, last_trade=last_trade, trades=trades)


class DeltaChannel(Channel[K]):
    """BOOK_DELTA of one symbol: what has changed since the message before."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        (self._symbol,) = subscription.symbols
        self._book: LevelBook | None = None
        self._of: MarketDataSymbol | None = None

    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        if isinstance(message, Arbitrage):
            return []
        mine = [one for one in message.symbols if one.symbol == self._symbol and one.bids is not None]
        if not mine:
            return []
        if self._period == 0:
            return [delta for one in mine for delta in self._deltas(one)]
        self._schedule(at)
        return []

    def _forget(self) -> None:
        self._book = self._of = None

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        """The book as the channel has last sent it, so that the next delta applies to it."""
        symbol = latest.get(self._symbol) if self._of is None else self._of
        if symbol is None or symbol.bids is None or symbol.asks is None:
            return []
        if self._book is None:
            self._book, self._of = LevelBook(symbol.bids, symbol.asks), symbol
        return [self._delta(symbol, list(self._book.bids()), list(self._book.asks()), self.sequence, snapshot=True)]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        return self._deltas(latest[self._symbol])

    def _deltas(self, symbol: MarketDataSymbol) -> list[Streamed]:
        new = LevelBook(symbol.bids or (), symbol.asks or ())
        old, self._book, self._of = self._book, new, symbol
        if old is None:
            return [self._delta(symbol, list(new.bids()), list(new.asks()), self._next(), snapshot=True)]
        bids, asks = new.since(old)
        if not bids and not asks:
            return []
        return [self._delta(symbol, bids, asks, self._next())]

    def _delta(
        self,
        symbol: MarketDataSymbol,
        bids: list[OrderBookLevel],
        asks: list[OrderBookLevel],
        sequence: int,
        *,
        snapshot: bool = False,
    ) -> BookDelta:
        assert self._book is not None
        return BookDelta(
            timestamp=_UNSENT,
            channel=self.number,
            sequence=sequence,
            symbol=self._symbol,
            exchange=symbol.exchange,
            bids=bids,
            asks=asks,
            checksum=self._book.checksum(sequence),
            ts_event=symbol.timestamp,
            snapshot=snapshot,
        )


class ArbitrageChannel(Channel[K]):
    """ARBITRAGE, each of them. Who joins is told of what is open, as far back as the channel goes."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        self._waiting: list[Arbitrage] = []
        self._open: dict[tuple[str, str, str], Arbitrage] = {}

    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        if not isinstance(message, Arbitrage) or message.symbol not in self._symbols:
            return []
        if self._period == 0:
            return [self._numbered(message)]
        self._waiting.append(message)
        self._schedule(at)
        return []

    def _forget(self) -> None:
        self._waiting.clear()
        self._open.clear()

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - books tell of none
        return [
            msgspec.structs.replace(one, sequence=self.sequence, snapshot=True, timestamp=_UNSENT)
            for one in self._open.values()
        ]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - as above
        waiting, self._waiting = self._waiting, []
        return [self._numbered(one) for one in waiting]

    def _numbered(self, message: Arbitrage) -> Arbitrage:
        numbered = msgspec.structs.replace(
            message, timestamp=_UNSENT, channel=self.number, sequence=self._next(), snapshot=False
        )
        key = (message.symbol, message.buy_venue, message.sell_venue)
        if message.state is ArbitrageState.CLOSE:
            self._open.pop(key, None)
        else:
            self._open[key] = numbered
        return numbered
