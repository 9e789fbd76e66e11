"""A seeded run of the feed over real sockets against a venue whose frames are lost, repeated, altered or late."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from typing import Any

from hftlab.book import BookSet
from hftlab.feeds import FeedTiming, Kraken
from hftlab.protocol import Gap, MarketData
from hftlab.recorder.coverage_rows import ServerCoverage
from hftlab.session.coverage import coverage_intervals
from hftlab.source import Timed
from hftlab.transport.backoff import Backoff
from tests.feeds.feed_reader import FeedReader
from tests.feeds.kraken.scripted_venue import Faults, ScriptedVenue
from tests.feeds.kraken.simulated_venue import Book
from tests.waiting import PATIENCE

SYMBOLS = ("BTC/USD", "ETH/USD", "ADA/EUR")
TIMING = FeedTiming(stall_after=0.3, timeout=0.2, backoff=Backoff(base=0.005, limit=0.02, attempts=None))


class FaultyRun:
    """Run of some steps; what is not flagged is compared with the venue's own book of the same frame all along."""

    def __init__(self, seed: int, *, steps: int = 40) -> None:
        self.random = random.Random(seed)
        self.steps = steps
        chance = self.random.choice((0.3, 1.0, 2.0))
        self.faults = Faults(seed, drop=0.01 * chance, repeat=0.03 * chance, alter=0.02 * chance, cut=0.002 * chance)
        self.venue = ScriptedVenue(SYMBOLS, seed, faults=self.faults)
        self.books = BookSet()
        self.last: dict[str, bytes] = {}
        """By symbol: the newest frame of its book that the feed has taken."""
        self.flagged: dict[str, bool] = dict.fromkeys(SYMBOLS, True)
        self.rows: list[dict[str, Any]] = []
        self.compared = 0
        self.coverage = ServerCoverage(SYMBOLS, self._control, lambda: self.reader.feed.unreliable)

    def _control(self, event: str, at: int, **what: Any) -> None:
        named = {"symbols": None, "ts_from": None, "ts_to": None, "ts_clock": None}
        self.rows.append({"event": event, "ts_recv": at} | named | what)

    async def run(self) -> None:
        """Go through the steps, and then without faults until all is synchronised."""
        async with self.venue as venue:
            feed = Kraken(list(SYMBOLS), url=venue.url, book_depth=10, timing=TIMING)
            feed._terms = dataclasses.replace(feed._terms, requests_per_second=1000.0)  # a run is short
            self.reader = FeedReader(feed)
            self.reader.on_item, self.reader.on_advanced = self._hear, self._check
            feed.raw_taps.append(self._take_raw)
            feed.event_taps.append(self.books.apply)
            async with self.reader as reader:
                await self._until_some()
                for _ in range(self.steps):
                    await self._step()
                    await reader.rest()
                    if self.random.random() < 0.5:
                        await self._until_some()
                self.faults.is_on = False
                venue.late = venue.refuses_sockets = 0
                venue.withheld.clear()
                await venue.tell_status("online")
                await self._until_all()
            self.coverage.end()

    async def _until_some(self) -> None:
        """Go on until some symbol is not flagged: snapshots may be late by some steps."""
        async with asyncio.timeout(PATIENCE):
            while len(self.reader.feed.unreliable) == len(SYMBOLS):
                await self.venue.step()
                await self.reader.rest()

    async def _until_all(self) -> None:
        """Go on until the feed shows all books as they are: an update tells that a late snapshot was an old one."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.venue.step()
                for _ in range(20):
                    await self.reader.rest()
                    if all(map(self.reader.shows, self.venue.markets.values())):
                        return

    async def _step(self) -> None:
        draw, venue = self.random, self.venue
        match draw.choices(("step", "cut", "freeze", "restart", "maintenance", "late", "lose"), (80, 3, 1, 2, 2, 8, 4))[
            0
        ]:
            case "cut":
                venue.cut_all()
            case "freeze" if venue.connections:
                venue.freeze(venue.connections[0])
            case "restart":
                venue.refuses_sockets = draw.randrange(1, 4)
                venue.cut_all()
            case "maintenance":
                await venue.tell_status("maintenance")
                await venue.step(2)
                await venue.tell_status("online")
            case "late":
                venue.late = draw.randrange(0, 4)
            case "lose":
                venue.withheld.add(draw.choice(SYMBOLS))
        await venue.step(draw.randrange(1, 4), silently=draw.random() < 0.03)

    # --- the feed ---

    def _take_raw(self, symbol: str, at: int, payload: bytes) -> None:
        if payload.startswith(b'{"channel":"book"'):
            self.last[symbol] = payload

    def _hear(self, item: Timed[Any]) -> None:
        """Check what a client sees: nothing of a symbol that is flagged, and no book that crosses."""
        self.coverage.message(item)
        if isinstance(item.message, Gap):
            for symbol in item.message.symbols or ():
                assert not self.flagged[symbol] or len(self.reader.items) == 0, "flagged twice"
                self.flagged[symbol] = True
        elif isinstance(item.message, MarketData):
            (symbol,) = item.message.symbols
            self.flagged[symbol.symbol] = False
            if symbol.bids and symbol.asks:
                assert symbol.bids[0].price < symbol.asks[0].price

    def _check(self) -> None:
        """Compare the books that are not flagged with the truth after their newest frame."""
        for instrument in self.reader.feed.instruments:
            symbol = instrument.symbol
            is_flagged = symbol in self.reader.feed.unreliable
            assert is_flagged == self.flagged[symbol]
            if is_flagged:
                continue
            frame = self.last[symbol]
            assert frame in self.venue.markets[symbol].truth, f"an altered frame was believed: {frame!r}"
            truth: Book = self.venue.markets[symbol].truth[frame]
            book = self.books[instrument]
            for ours, side, is_bid in ((book.bids(100), truth[0], True), (book.asks(100), truth[1], False)):
                expected = [(float(price), float(side[price])) for price in sorted(side, reverse=is_bid)]
                assert [level[:2] for level in ours] == expected, (symbol, frame)
            self.compared += 1

    # --- the recording ---

    def flagged_spans(self) -> dict[str, list[tuple[int, int]]]:
        """When each symbol was flagged, as the messages say: from each GAP to the next message."""
        spans: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in SYMBOLS}
        since: dict[str, int] = {}
        for at, message, *_ in self.reader.items:
            if isinstance(message, Gap):
                since |= dict.fromkeys(message.symbols or (), at)
            elif isinstance(message, MarketData) and (begun := since.pop(message.symbols[0].symbol, None)) is not None:
                spans[message.symbols[0].symbol].append((begun, at))
        for symbol, begun in since.items():
            spans[symbol].append((begun, self.reader.items[-1].at))
        return {symbol: _joined([span for span in some if span[0] < span[1]]) for symbol, some in spans.items()}

    def uncovered(self) -> dict[str, list[tuple[int, int]]]:
        """When each symbol was not covered, as the rows of a recording say."""
        found: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in SYMBOLS}
        for one in coverage_intervals(self.rows, SYMBOLS, None):
            if not one.covered:
                found[one.symbol].append((one.start, one.end))
        return found


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans of which one begins where the other ends, as frames that came at once have one time."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined
