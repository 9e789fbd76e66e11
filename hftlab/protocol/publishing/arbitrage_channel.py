"""Arbitrage opportunities in some symbols."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import msgspec

from hftlab.protocol.enums import ArbitrageState
from hftlab.protocol.messages import Arbitrage, MarketData, MarketDataSymbol
from hftlab.protocol.publishing.channel import UNSENT, Channel, Streamed
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["ArbitrageChannel"]


class ArbitrageChannel(Channel[K]):
    """Sends every ARBITRAGE message. New readers get those that are open, as far back as the channel goes."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        self._waiting: list[Arbitrage] = []
        self._opportunities: dict[tuple[str, str, str], Arbitrage] = {}

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
        self._opportunities.clear()

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - they are not in books
        return [
            msgspec.structs.replace(one, sequence=self.sequence, snapshot=True, timestamp=UNSENT)
            for one in self._opportunities.values()
        ]

    def waiting(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - as above
        return [self._copy(one, sequence) for sequence, one in enumerate(self._waiting, self.sequence + 1)]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - as above
        waiting, self._waiting = self._waiting, []
        return [self._numbered(one) for one in waiting]

    def _copy(self, message: Arbitrage, sequence: int) -> Arbitrage:
        return msgspec.structs.replace(
            message, timestamp=UNSENT, channel=self.number, sequence=sequence, snapshot=False
        )

    def _numbered(self, message: Arbitrage) -> Arbitrage:
        numbered = self._copy(message, self._next())
        key = (message.symbol, message.buy_venue, message.sell_venue)
        if message.state is ArbitrageState.CLOSE:
            self._opportunities.pop(key, None)
        else:
            self._opportunities[key] = numbered
        return numbered
