"""A reader of a feed on the test's event loop, as a server is one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self

from hftlab.feeds.live_feed import LiveFeed
from hftlab.protocol import Gap, MarketData
from hftlab.source import Status, Timed
from tests.waiting import PATIENCE


class Market(Protocol):
    """Market of a simulated venue: sizes by price of the bids and of the asks."""

    symbol: str
    book: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


class FeedReader:
    """Reader that takes whatever comes, and waits for conditions; an asynchronous context manager."""

    def __init__(self, feed: LiveFeed[Any, Any, Any]) -> None:
        self.feed = feed
        self.items: list[Timed[Any]] = []
        self.newest: dict[str, Any] = {}
        self.gaps: defaultdict[str, list[str]] = defaultdict(list)
        self.statuses: list[Status] = []
        self.on_item: Callable[[Timed[Any]], object] = lambda item: None
        self.on_advanced: Callable[[], object] = lambda: None
        self._come = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self.feed.status_taps.append(self.statuses.append)
        self._unwatch = self.feed.watch(lambda: loop.call_soon_threadsafe(self._come.set))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unwatch()
        self.feed.status_taps.remove(self.statuses.append)

    def drain(self) -> None:
        """Take what has come."""
        while (due := self.feed.next_time()) is not None:
            for item in self.feed.advance(due):
                self.on_item(item)
                self.items.append(item)
                if isinstance(item.message, Gap):
                    for symbol in item.message.symbols or ():
                        self.gaps[symbol].append(item.message.reason)
                        self.newest.pop(symbol, None)
                elif isinstance(item.message, MarketData):
                    (symbol_data,) = item.message.symbols
                    self.newest[symbol_data.symbol] = symbol_data
            self.on_advanced()

    async def rest(self) -> None:
        """Take what comes in a moment, or nothing if nothing does."""
        self._come.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._come.wait(), 0.002)
        self.drain()

    async def until(self, condition: Callable[[], object]) -> None:
        """Take what comes until a condition holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._come.clear()
                self.drain()
                if condition():
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._come.wait(), 0.01)

    async def until_shown(self, symbol: str, count: int) -> None:
        """Take what comes until there were so many messages, and the symbol is not flagged."""
        await self.until(lambda: len(self.items) >= count and symbol in self.newest)

    async def until_changed(self, symbol: str) -> None:
        """Take what comes until the symbol is flagged once more, or some more messages have come."""
        gaps, items = len(self.gaps[symbol]), len(self.items)
        await self.until(lambda: len(self.gaps[symbol]) > gaps or len(self.items) > items + 5)

    def shows(self, market: Market) -> bool:
        """Whether the newest message of a symbol is the market's present book."""
        symbol = self.newest.get(market.symbol)
        if symbol is None:
            return False
        bids, asks = market.book
        ours = ([(one.price, one.size) for one in side] for side in (symbol.bids, symbol.asks))
        truth = [
            [(float(price), float(side[price])) for price in sorted(side, reverse=is_bid)][:10]
            for side, is_bid in ((bids, True), (asks, False))
        ]
        return list(ours) == truth
