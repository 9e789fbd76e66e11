"""Source of a market that is traded: its own messages, and those of the accounts that trade there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hftlab.clock import NANOSECONDS
from hftlab.protocol.messages import MarketData, Message
from hftlab.source import Source, SourceDecorator, Timed, timed
from hftlab.trading.broker import Broker
from hftlab.trading.wire import to_units

__all__ = ["TradedSource"]

_PACE: Final = NANOSECONDS // 10
"""The default of a subscription's frequency in the reference document."""


class TradedSource(SourceDecorator[Message]):
    """A venue's source with the updates of its broker, each with its account.

    Orders and fills come as they happen. Prices that move positions make POSITION_UPDATEs and PORTFOLIO_UPDATEs at most
    every `pace` ns.
    """

    def __init__(self, source: Source[Message], broker: Broker, *, pace: int = _PACE) -> None:
        super().__init__(source)
        self._broker, self._pace = broker, pace
        self._valued_at: int | None = None
        self._prices: dict[str, float] = {}
        """Prices since the positions were valued last."""

    def next_time(self) -> int | None:
        """Return when the venue's next message or fill is due, or prices that have waited for the pace."""
        due = self._source.next_time()
        if not self._prices or self._valued_at is None:
            return due
        valued = self._valued_at + self._pace
        return valued if due is None else min(due, valued)

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        """Return the messages that are due, those of accounts after the market's."""
        due = self._source.next_time()
        items: list[Any] = timed(self._source.advance(until), until if due is None else due)
        for item in items:
            if isinstance(item.message, MarketData):
                self._prices.update({symbol.symbol: symbol.price for symbol in item.message.symbols})
        items += self._broker.collect()
        if self._prices and (self._valued_at is None or until >= self._valued_at + self._pace):
            self._valued_at = until
            items += self._valued(until)
        items.sort(key=lambda item: item.at)  # a stream that is late has several times at once
        return items

    def _valued(self, at: int) -> list[Timed[Any]]:
        prices, self._prices = self._prices, {}
        told: list[Timed[Any]] = []
        for symbol, price in prices.items():
            if price > 0:
                told += self._broker.mark(symbol, to_units(price), at)
        return told + self._broker.portfolios(at)
