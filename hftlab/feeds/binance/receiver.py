"""Receiver of Binance's streams: the connections, the snapshots and the clock offset of one market."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from hftlab.clock import wall_time
from hftlab.errors import DataError, HftlabError, NetworkError
from hftlab.feeds.arrivals import Arrival, Listed, Snapshot
from hftlab.feeds.binance.markets import Market
from hftlab.feeds.binance.request_weight import RequestWeight
from hftlab.feeds.binance.rest_client import RestClient
from hftlab.feeds.binance.stream_link import BinanceLink
from hftlab.feeds.binance.streams import subscriptions
from hftlab.feeds.receiver import Receiver
from hftlab.feeds.stream_link import LinkTerms
from hftlab.instruments import Instrument
from hftlab.transport.clock_offset import Sample
from hftlab.venues.binance.exchange_info import (
    ServerTime,
    decode_exchange_info,
    listed_instruments,
    request_weight_limit,
)

__all__ = ["BinanceReceiver", "ReceiverTerms"]

_AT_ONCE: Final = 4
"""Snapshots that are asked for at the same time."""
_TIME_EVERY: Final = 60.0
"""Seconds between two measurements of the clock offset; the first ones follow each other at once."""
_FIRST_TIMES: Final = 4
_SPREAD: Final = 0.9
"""Part of the time to the renewal after which the first of several links is renewed, so that not all are at once."""
_MILLISECOND: Final = 1_000_000


@dataclasses.dataclass(frozen=True)
class ReceiverTerms:
    """Addresses, and what is asked for there."""

    market: Market
    ws_url: str
    rest_url: str
    speed: str
    snapshot_levels: int
    trades: bool
    tickers: bool
    link: LinkTerms
    renew_after: float


class BinanceReceiver(Receiver):
    """Receiver of some symbols of a market: snapshots come by REST, within the weight that requests may have."""

    def __init__(self, terms: ReceiverTerms, symbols: Sequence[str], tell: Callable[[Arrival], None]) -> None:
        super().__init__(symbols, terms.link.backoff, tell)
        self.weight = RequestWeight(terms.market.weight, 0.0)
        self._terms = terms
        self._wanted: asyncio.PriorityQueue[tuple[int, int, str]] | None = None
        self._number = 0

    def stats(self) -> dict[str, Any]:
        """Return the counts of the connections and of the requests."""
        weight = self.weight
        told = {"weight_used": weight.used, "weight_limit": weight.limit, "refused": weight.refusals}
        return super().stats() | told

    def _ask(self, symbol: str, attempts: int) -> None:
        if self._wanted is not None:
            self._number += 1
            self._wanted.put_nowait((attempts, self._number, symbol))

    async def _work(self) -> None:
        self._wanted = asyncio.PriorityQueue()
        self.weight = RequestWeight(self._terms.market.weight, asyncio.get_running_loop().time())
        rest = RestClient(self._terms.rest_url, self.weight, self._terms.link.timeout)
        try:
            await self._follow(rest)
        finally:
            await rest.close()

    async def _follow(self, rest: RestClient) -> None:
        instruments = await self._listed(rest)
        self._tell(Listed(wall_time(), instruments))
        terms = self._terms
        parts = subscriptions(terms.market, self._symbols, terms.speed, trades=terms.trades, tickers=terms.tickers)
        url = f"{terms.ws_url}{terms.market.route}/stream"
        for number, part in enumerate(parts):
            after = terms.renew_after * (_SPREAD + (1 - _SPREAD) * (number + 1) / len(parts))
            self.links.append(
                BinanceLink(url, part, dataclasses.replace(terms.link, renew_after=after), self.counts, self._tell)
            )
        await self._together([*(self._fetch(rest) for _ in range(_AT_ONCE)), self._measure(rest)])

    async def _listed(self, rest: RestClient) -> Sequence[Instrument]:
        """Return the instruments, as soon as they can be had. Raises SubscriptionFailed, DataError."""
        market, attempt = self._terms.market, 0
        some: dict[str, str | int] = {}
        if market.selects_symbols and len(self._symbols) <= 100:
            some = {"symbols": msgspec.json.encode(self._symbols).decode()}
        while True:
            await asyncio.sleep(self._terms.link.backoff.delay(attempt))
            attempt += 1
            try:
                info = decode_exchange_info(await rest.get(f"{market.api}/exchangeInfo", some, market.info_weight))
            except NetworkError as exc:
                self._note(str(exc))
                continue
            except HftlabError as exc:
                if not some or isinstance(exc, DataError):
                    raise
                some = {}  # one of them is not known: the whole list tells which
                continue
            self._note(None)
            if (limit := request_weight_limit(info)) is not None:
                self.weight.set_limit(limit)
            return listed_instruments(info, self._symbols, market.venue)

    async def _fetch(self, rest: RestClient) -> None:
        """Ask for one wanted snapshot after the other."""
        assert self._wanted is not None
        terms = self._terms
        while True:
            attempts, _, symbol = await self._wanted.get()
            parameters: dict[str, str | int] = {"symbol": symbol, "limit": terms.snapshot_levels}
            cost = terms.market.depth_weight(terms.snapshot_levels)
            try:
                payload = await rest.get(f"{terms.market.api}/depth", parameters, cost)
            except HftlabError as exc:
                self._note(str(exc))
                self._want(symbol, attempts + 1)
                continue
            self._note(None)
            self.snapshots += 1
            self._tell(Snapshot(wall_time(), symbol, payload))

    async def _measure(self, rest: RestClient) -> None:
        """Measure the offset of the venue's clock from ours."""
        count = 0
        while True:
            count += 1
            with suppress(HftlabError, msgspec.DecodeError):
                sent = wall_time()
                payload = await rest.get(f"{self._terms.market.api}/time", {}, 1)
                received = wall_time()
                there = msgspec.json.decode(payload, type=ServerTime).time * _MILLISECOND
                self.offset.add(Sample.of(sent, there, there, received))
            await asyncio.sleep(1.0 if count < _FIRST_TIMES else _TIME_EVERY)
