"""Receiver of a live feed: a thread with the connections, the snapshots and the clock offset of one market."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from hftlab.clock import wall_time
from hftlab.errors import DataError, HftlabError, NetworkError
from hftlab.feeds.binance.arrivals import Arrival, Failed, Listed, Snapshot
from hftlab.feeds.binance.markets import Market
from hftlab.feeds.binance.request_weight import RequestWeight
from hftlab.feeds.binance.rest_client import RestClient
from hftlab.feeds.binance.stream_link import LinkCounts, LinkTerms, StreamLink
from hftlab.feeds.binance.streams import subscriptions
from hftlab.instruments import Instrument
from hftlab.log import get_logger
from hftlab.loop import new_loop
from hftlab.transport.clock_offset import ClockOffset, Sample
from hftlab.venues.binance.exchange_info import (
    ServerTime,
    decode_exchange_info,
    listed_instruments,
    request_weight_limit,
)

__all__ = ["Receiver", "ReceiverTerms"]

_AT_ONCE: Final = 4
"""Snapshots that are asked for at the same time."""
_TIME_EVERY: Final = 60.0
"""Seconds between two measurements of the clock offset; the first ones follow each other at once."""
_FIRST_TIMES: Final = 4
_SPREAD: Final = 0.9
"""Part of the time to the renewal after which the first of several links is renewed, so that not all are at once."""
_END: Final = 2.0
"""Seconds that the thread may take to end."""
_MILLISECOND: Final = 1_000_000

_log = get_logger("hftlab.feeds")


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


class Receiver:
    """Receiver of the streams and snapshots of some symbols, on a thread of its own from start() to stop().

    `tell` gets what comes, on that thread. Snapshots are asked for by want(), from any thread.
    """

    def __init__(self, terms: ReceiverTerms, symbols: Sequence[str], tell: Callable[[Arrival], None]) -> None:
        self.links: list[StreamLink] = []
        self.counts = LinkCounts()
        self.offset = ClockOffset()
        self.weight = RequestWeight(terms.market.weight, 0.0)
        self.snapshots = 0
        self.problem: str | None = None
        """Why the instruments or a snapshot cannot be had at present; None if they can."""
        self._terms, self._symbols, self._tell = terms, tuple(symbols), tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stops: asyncio.Event | None = None
        self._is_started = threading.Event()
        self._wanted: asyncio.PriorityQueue[tuple[int, int, str]] | None = None
        self._number = 0
        self._thread = threading.Thread(target=self._run, name="hftlab feed", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._is_started.wait()
        # Python ends daemon threads wherever they are, and in the middle of uvloop's code that may crash the process.
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the connections and the thread."""
        atexit.unregister(self.stop)
        loop, stops = self._loop, self._stops
        if loop is not None and stops is not None:
            with suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(stops.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_END)

    def want(self, symbol: str, attempts: int) -> None:
        """Ask for a snapshot, the later the more were of no use."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(self._want, symbol, attempts)

    def _want(self, symbol: str, attempts: int) -> None:
        assert self._loop is not None
        delay = 0.0 if attempts == 0 else self._terms.link.backoff.delay(attempts)
        self._loop.call_later(delay, self._queue, symbol, attempts)

    def _queue(self, symbol: str, attempts: int) -> None:
        if self._wanted is not None:
            self._number += 1
            self._wanted.put_nowait((attempts, self._number, symbol))

    # --- the thread ---

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._received())

    async def _received(self) -> None:
        self._loop, self._stops = asyncio.get_running_loop(), asyncio.Event()
        self._wanted = asyncio.PriorityQueue()
        self.weight = RequestWeight(self._terms.market.weight, self._loop.time())
        self._is_started.set()
        rest = RestClient(self._terms.rest_url, self.weight, self._terms.link.timeout)
        work = asyncio.ensure_future(self._work(rest))
        stopped = asyncio.ensure_future(self._stops.wait())
        try:
            await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
            if work.done() and (error := work.exception()) is not None:
                _log.error("the feed has failed", exc_info=error)
                failed = error if isinstance(error, HftlabError) else HftlabError(f"the feed has failed: {error!r}")
                self._tell(Failed(wall_time(), failed))
                await stopped
        finally:
            for task in (work, stopped):
                task.cancel()
            await asyncio.gather(work, stopped, return_exceptions=True)
            await rest.close()

    async def _work(self, rest: RestClient) -> None:
        instruments = await self._listed(rest)
        self._tell(Listed(wall_time(), instruments))
        terms = self._terms
        parts = subscriptions(terms.market, self._symbols, terms.speed, trades=terms.trades, tickers=terms.tickers)
        url = f"{terms.ws_url}{terms.market.route}/stream"
        for number, part in enumerate(parts):
            after = terms.link.renew_after * (_SPREAD + (1 - _SPREAD) * (number + 1) / len(parts))
            self.links.append(
                StreamLink(url, part, dataclasses.replace(terms.link, renew_after=after), self.counts, self._tell)
            )
        jobs: list[Coroutine[Any, Any, None]] = [link.run() for link in self.links]
        jobs += [self._fetch(rest) for _ in range(_AT_ONCE)]
        jobs.append(self._measure(rest))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)

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

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            _log.warning("the venue cannot be asked", reason=problem)
        self.problem = problem
