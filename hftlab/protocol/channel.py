"""One stream of messages with its own sequence, shared by every connection with the same subscription."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from hftlab.protocol.codec import Codec
from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import ChannelInfo, MarketData, MarketDataSymbol, Trade
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["Channel"]

_NANOSECONDS_PER_MS = 1_000_000


class Channel(Generic[K]):
    """Collects changes of its symbols and turns them into MARKET_DATA at its own pace, in source time.

    At frequency 0 each source message becomes one message at once. Otherwise the first change goes out at once and the
    next one `frequency` later at the earliest, with all of the channel's symbols, so that each message is complete.
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
        self._id: str | None = None
        self._trades: defaultdict[str, list[Trade]] = defaultdict(list)
        kinds = set(subscription.data_types)
        self._depth = DataType.ORDER_BOOK in kinds
        self._all_trades = DataType.TRADES in kinds
        self._last_trade = self._all_trades or DataType.QUOTES in kinds
        self._only_trades = kinds == {DataType.TRADES}
        self.is_event = any(kind.is_event for kind in kinds)

    def info(self) -> ChannelInfo:
        symbols, data_types, frequency = self.subscription
        return ChannelInfo(
            channel=self.number,
            symbols=list(symbols),
            data_types=list(data_types),
            frequency=frequency,
            sequence=self.sequence,
        )

    def change(self, message: MarketData, at: int) -> MarketData | None:
        """Take in a source message; at frequency 0 return what is to be sent for it, else None and set `due`."""
        changed = [symbol for symbol in message.symbols if symbol.symbol in self._symbols]
        if self._only_trades:
            changed = [symbol for symbol in changed if symbol.trades]
        if not changed:
            return None
        self._id = message.id
        if self._period == 0:
            return self._numbered([self._project(symbol, symbol.trades) for symbol in changed], message.ts_recv)
        if self._all_trades:
            for symbol in changed:
                self._trades[symbol.symbol].extend(symbol.trades or ())
        if self.due is None:
            self.due = at if self._last is None else max(at, self._last + self._period)
        return None

    def collect(self, latest: Mapping[str, MarketDataSymbol], at: int) -> MarketData | None:
        """The message that is due by `at`, from the symbols' latest state; None if there is nothing due."""
        if self.due is None or self.due > at:
            return None
        self.due, self._last = None, at
        trades, self._trades = self._trades, defaultdict(list)
        wanted: Iterable[str] = trades if self._only_trades else self.subscription.symbols
        symbols = [self._project(latest[name], trades.get(name)) for name in wanted if name in latest]
        return self._numbered(symbols, None)

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> MarketData | None:
        """The state as of the last message, for one who joins or has skipped some; None before anything is known."""
        if self._only_trades:
            return None
        symbols = [self._project(latest[name], None) for name in self.subscription.symbols if name in latest]
        if not symbols:
            return None
        return MarketData(timestamp=1.0, channel=self.number, sequence=self.sequence, symbols=symbols, snapshot=True)

    def _numbered(self, symbols: list[MarketDataSymbol], ts_recv: float | None) -> MarketData:
        self.sequence += 1
        return MarketData(
            timestamp=1.0, id=self._id, channel=self.number, sequence=self.sequence, symbols=symbols, ts_recv=ts_recv
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
