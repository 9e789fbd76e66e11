"""Receiver of Kraken's books and trades: its connections, and the offset of the venue's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed
from hftlab.feeds.arrivals import Arrival, Listed
from hftlab.feeds.kraken.pair_request import request_pairs
from hftlab.feeds.kraken.stream_link import KrakenLink
from hftlab.feeds.receiver import Receiver
from hftlab.feeds.stream_link import LinkTerms
from hftlab.instruments import Instrument
from hftlab.venues.kraken.pair_list import listed_instruments

__all__ = ["KrakenReceiver"]

_PER_LINK: Final = 200
"""Pairs that one connection is for; the venue tells no limit, and the loss of one should not be the loss of all."""


class KrakenReceiver(Receiver):
    """Receiver of the books, to a depth, and the trades of some pairs."""

    def __init__(
        self, url: str, symbols: Sequence[str], book_depth: int, terms: LinkTerms, tell: Callable[[Arrival], None]
    ) -> None:
        super().__init__(symbols, terms.backoff, tell)
        self._url, self._book_depth, self._terms = url, book_depth, terms
        self._by_symbol: dict[str, KrakenLink] = {}

    def stats(self) -> dict[str, Any]:
        """Return the counts of the connections."""
        links = list(dict.fromkeys(self._by_symbol.values()))
        told = {
            "snapshots": sum(link.snapshots for link in links),
            "refused": sum(link.refused for link in links),
            "system": next((link.system for link in links if link.system is not None), None),
        }
        return super().stats() | told

    def _ask(self, symbol: str, attempts: int) -> None:
        if (link := self._by_symbol.get(symbol)) is not None:
            link.refresh(symbol, attempts)

    async def _work(self) -> None:
        instruments = await self._listed()
        self._tell(Listed(wall_time(), instruments))
        for start in range(0, len(self._symbols), _PER_LINK):
            part = self._symbols[start : start + _PER_LINK]
            link = KrakenLink(
                self._url,
                part,
                self._book_depth,
                self._terms,
                self.counts,
                self._tell,
                self._want,
                self.offset.add,
            )
            self._by_symbol |= dict.fromkeys(part, link)
            self.links.append(link)
        await self._together([])

    async def _listed(self) -> Sequence[Instrument]:
        """Return the instruments, as soon as they can be had. Raises SubscriptionFailed, DataError."""
        attempt = 0
        while True:
            await asyncio.sleep(self._backoff.delay(attempt))
            attempt += 1
            try:
                pairs = await request_pairs(self._url, self._terms.timeout)
            except ConnectionFailed as exc:
                self._note(str(exc))
                continue
            self._note(None)
            return listed_instruments(pairs, self._symbols)
