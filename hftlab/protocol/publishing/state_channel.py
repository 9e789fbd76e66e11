"""MARKET_DATA of some symbols, with the parts that the subscription asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from hftlab.protocol.encoded_market_data import EncodedMarketData, Parts, RawMarketData
from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import Arbitrage, MarketData, MarketDataSymbol, Trade
from hftlab.protocol.publishing.channel import UNSENT, Channel, Numbered, Streamed
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["StateChannel"]


class StateChannel(Channel[K]):
    """Sends MARKET_DATA. A paced message has all symbols of the channel, so that it is complete by itself."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        self._id: str | None = None
        self._trades: defaultdict[str, list[Trade]] = defaultdict(list)
        kinds = set(subscription.data_types)
        self._depth = DataType.ORDER_BOOK in kinds
        self._all_trades = DataType.TRADES in kinds
        self._last_trade = self._all_trades or DataType.QUOTES in kinds
        self._only_trades = kinds == {DataType.TRADES}
        self._parts = self._depth * (Parts.BIDS | Parts.ASKS) | self._last_trade * Parts.LAST_TRADE
        self._allowed: dict[str, int] = {}
        """The `parts` of the last encoded message that could be sent as it was."""

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
            projected = [self._project(symbol, symbol.trades) for symbol in changed]
            return [self._message(projected, message.ts_recv, self._next())]
        if self._all_trades:
            for symbol in changed:
                self._trades[symbol.symbol].extend(symbol.trades or ())
        self._schedule(at)
        return []

    def change_encoded(self, message: EncodedMarketData, at: int) -> Sequence[Numbered]:
        if self._period == 0 and self._takes_whole(message):
            self._id = message.head.id
            text = message.traded if self._all_trades else message.state
            return [
                RawMarketData(
                    timestamp=UNSENT,
                    id=self._id,
                    channel=self.number,
                    sequence=self._next(),
                    symbols=msgspec.Raw(text),
                    ts_recv=message.head.ts_recv,
                )
            ]
        if self._period == 0 or (self._all_trades and message.has_trades):
            return self.change(message.decoded(), at)
        if not self._only_trades and not self._symbols.isdisjoint(message.parts):
            self._id = message.head.id
            self._schedule(at)
        return []

    def _takes_whole(self, message: EncodedMarketData) -> bool:
        """Return whether the channel has all symbols of a message and asks for every part of them, trades aside."""
        parts = message.parts
        if parts is self._allowed:
            return True
        if self._only_trades or not parts.keys() <= self._symbols or any(has & ~self._parts for has in parts.values()):
            return False
        self._allowed = parts
        return True

    @property
    def prefers_encoded(self) -> bool:
        if self._period:
            return not self._all_trades
        has_text_readers = any(readers and not codec.binary for codec, readers in self._open.items())
        return has_text_readers and self._depth and self._last_trade

    def _forget(self) -> None:
        self._trades.clear()

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        if self._only_trades:
            return []
        symbols = [self._project(latest[name], None) for name in self.subscription.symbols if name in latest]
        if not symbols:
            return []
        return [
            MarketData(timestamp=UNSENT, channel=self.number, sequence=self.sequence, symbols=symbols, snapshot=True)
        ]

    def waiting(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        trades = {name: list(some) for name, some in self._trades.items() if some}
        if not trades:
            return []
        symbols = [self._project(latest[name], some) for name, some in trades.items()]
        return [self._message(symbols, None, self.sequence + 1)]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        trades, self._trades = self._trades, defaultdict(list)
        wanted: Iterable[str] = trades if self._only_trades else self.subscription.symbols
        symbols = [self._project(latest[name], trades.get(name)) for name in wanted if name in latest]
        return [self._message(symbols, None, self._next())]

    def _message(self, symbols: list[MarketDataSymbol], ts_recv: float | None, sequence: int) -> MarketData:
        return MarketData(
            timestamp=UNSENT,
            id=self._id,
            channel=self.number,
            sequence=sequence,
            symbols=symbols,
            ts_recv=ts_recv,
        )

    def _project(self, symbol: MarketDataSymbol, trades: list[Trade] | None) -> MarketDataSymbol:
        """Return a symbol without the parts that the subscription does not ask for."""
        bids, asks = (symbol.bids, symbol.asks) if self._depth else (None, None)
        last_trade = symbol.last_trade if self._last_trade else None
        trades = trades or None if self._all_trades else None
        same = bids is symbol.bids and asks is symbol.asks and last_trade is symbol.last_trade
        if same and trades is symbol.trades:
            return symbol
        return msgspec.structs.replace(symbol, bids=bids, asks=asks, last_trade=last_trade, trades=trades)
