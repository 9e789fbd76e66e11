"""A seeded run of a feed's rules over a simulated venue whose messages are lost, repeated, late or unreadable."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from typing import Any

from hftlab.book import BookSet
from hftlab.events import EventBatch
from hftlab.feeds.binance.live_market import LiveMarket
from hftlab.feeds.live_market import gap
from hftlab.instruments import BINANCE, BINANCE_USDM
from hftlab.protocol import Gap, MarketData, Message
from hftlab.recorder.coverage_rows import ServerCoverage
from hftlab.session.coverage import coverage_intervals
from hftlab.source import Timed
from hftlab.venues.binance.book_sync import Trust
from hftlab.venues.binance.exchange_info import decode_exchange_info, listed_instruments
from hftlab.venues.binance.live_decoder import LiveDecoder
from tests.feeds.binance.simulated_venue import MS, Market, exchange_info

SYMBOLS = ("BTCUSDT", "XYZUSDT", "ABCUSDT")
START = MS * 10**6


class FaultyRun:
    """Run of some hundred steps. Each symbol has its own connection; `check()` compares with the truth after each."""

    def __init__(self, seed: int, *, steps: int = 40, lies: bool = True) -> None:
        self.random = random.Random(seed)
        self.futures = self.random.random() < 0.5
        self.lies = lies
        venue = BINANCE_USDM if self.futures else BINANCE
        info = decode_exchange_info(exchange_info(SYMBOLS))
        self.instruments = listed_instruments(info, SYMBOLS, venue)
        self.markets = {symbol: Market(symbol, seed, futures=self.futures) for symbol in SYMBOLS}
        self.decoder = LiveDecoder(self.instruments)
        self.market = LiveMarket(self.instruments, 10)
        self.books = BookSet()
        self.batches: list[EventBatch] = []
        self.raw: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.rows: list[dict[str, Any]] = []
        self.coverage = ServerCoverage(SYMBOLS, self._control)
        self.items: list[Timed[Message]] = []
        self.now = START
        self.down: dict[str, int] = {}
        self.answers: list[tuple[int, int, str, bytes]] = []
        """Snapshots on their way: when they come, a number, symbol and payload."""
        self.repeats: list[tuple[int, int, str, bytes]] = []
        self.flagged: dict[str, bool] = dict.fromkeys(SYMBOLS, True)
        self.compared = 0
        self.is_clean = True
        """Whether the feed has found nothing that its raw frames do not show by themselves."""
        self.hear([Timed(START, gap(SYMBOLS, "there is no snapshot yet"))])
        for number in range(steps):
            self.step(number)
        self.coverage.end()

    def _control(self, event: str, at: int, **what: Any) -> None:
        named = {"symbols": None, "ts_from": None, "ts_to": None, "ts_clock": None}
        self.rows.append({"event": event, "ts_recv": at} | named | what)

    # --- the venue and what goes wrong on the way ---

    def step(self, number: int) -> None:
        draw = self.random
        if number == 0:
            self.decoder.subscribed(SYMBOLS)
        for symbol, market in self.markets.items():
            if symbol not in self.down and draw.random() < 0.03:
                self.down[symbol] = number + draw.randrange(1, 12)
                self.decoder.lost([symbol], self.tick(), "disconnected")
                self.settle()
            elif self.down.get(symbol) == number:
                del self.down[symbol]
                self.decoder.subscribed([symbol])
                self.settle()
            for message in market.step():
                if symbol in self.down or (message.kind == "depth" and draw.random() < 0.02):
                    continue
                frame = message.frame
                if message.kind == "depth" and self.lies and draw.random() < 0.01:
                    frame, self.is_clean = frame[: len(frame) // 2], False
                self.receive(symbol, frame)
                if draw.random() < 0.2:
                    heapq.heappush(self.repeats, (number + draw.randrange(0, 8), len(self.items), symbol, frame))
                if draw.random() < 0.5:
                    self.settle()
        while self.repeats and self.repeats[0][0] <= number:
            _, _, symbol, frame = heapq.heappop(self.repeats)
            if symbol not in self.down and frame.endswith(b"}}"):
                self.receive(symbol, frame)
        while self.answers and self.answers[0][0] <= number:
            _, _, symbol, payload = heapq.heappop(self.answers)
            self.raw[symbol].append((self.tick(), payload))
            self.decoder.snapshot(symbol, payload, self.now)
            if draw.random() < 0.5:
                self.settle()
        self.settle()
        for wanted in self.decoder.wanted():
            self.ask(wanted.symbol, number)

    def ask(self, symbol: str, number: int) -> None:
        """Answer a request for a snapshot after a while, and sometimes with an old one."""
        ago = self.random.choice((0, 0, 0, 1, 3, 10))
        payload = self.markets[symbol].snapshot(ago)
        heapq.heappush(self.answers, (number + self.random.randrange(0, 6), self.now, symbol, payload))

    def tick(self) -> int:
        self.now += self.random.randrange(1, 10**6)
        return self.now

    def receive(self, symbol: str, frame: bytes) -> None:
        self.raw[symbol].append((self.tick(), frame))
        assert self.decoder.frame(frame, self.now) in (symbol, None)

    # --- the feed ---

    def settle(self) -> None:
        """Process what has come, as Binance.advance() does, and compare."""
        found = self.decoder.take()
        touched = {one.symbol for one in found}
        items = self.market.process(found)
        self.market.compare(self.decoder.tickers(), self.now)
        while self.market.wrong:
            self.is_clean = False
            wrong, self.market.wrong = self.market.wrong, []
            for one in wrong:
                self.decoder.distrust(one.symbol, self.now, one.reason)
            items += self.market.process(self.decoder.take())
        for batch in self.market.batches:
            self.books.apply(batch)
        self.batches += self.market.batches
        self.market.batches.clear()
        self.hear(items)
        # wanted() is asked at the end of the step: what it has touched is kept until then.
        self.check(touched)

    def hear(self, items: list[Timed[Message]]) -> None:
        for item in items:
            self.coverage.message(item)
            self.follow(item)
        self.items += items

    def follow(self, item: Timed[Message]) -> None:
        """Check what a client sees: nothing of a symbol that is flagged, until it is reliable again."""
        if isinstance(item.message, Gap):
            for symbol in item.message.symbols or ():
                assert not self.flagged[symbol] or not self.items, "flagged twice"
                self.flagged[symbol] = True
            return
        assert isinstance(item.message, MarketData)
        (symbol,) = item.message.symbols
        self.flagged[symbol.symbol] = False
        if symbol.bids and symbol.asks:
            assert symbol.bids[0].price < symbol.asks[0].price

    def check(self, symbols: set[str]) -> None:
        """Compare books that are not flagged with the truth at their update ids."""
        for instrument in [one for one in self.instruments if one.symbol in symbols]:
            symbol = instrument.symbol
            sync = self.decoder.books[symbol]
            is_live = sync.trust is Trust.LIVE
            assert is_live == (symbol not in self.market.unreliable)
            if not is_live:
                assert self.flagged[symbol]
                continue
            assert symbol not in self.down
            last = sync.last_update_id
            assert last is not None
            truth = self.markets[symbol].history[last]
            book = self.books[instrument]
            ours = (book.bids(10_000), book.asks(10_000))
            for side, is_bid in enumerate((True, False)):
                expected = [(float(p), float(truth[side][p])) for p in sorted(truth[side], reverse=is_bid)]
                assert [level[:2] for level in ours[side]] == expected, (symbol, last)
            self.compared += 1

    def flagged_spans(self) -> dict[str, list[tuple[int, int]]]:
        """When each symbol was flagged, as the messages say: from each GAP to the next message."""
        spans: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in SYMBOLS}
        since: dict[str, int] = {}
        for at, message, *_ in self.items:
            if isinstance(message, Gap):
                since |= dict.fromkeys(message.symbols or (), at)
            elif isinstance(message, MarketData) and (begun := since.pop(message.symbols[0].symbol, None)) is not None:
                spans[message.symbols[0].symbol].append((begun, at))
        for symbol, begun in since.items():
            spans[symbol].append((begun, self.items[-1].at))
        return {symbol: [(start, end) for start, end in some if start < end] for symbol, some in spans.items()}

    def uncovered(self) -> dict[str, list[tuple[int, int]]]:
        """When each symbol was not covered, as the rows of a recording say."""
        found: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in SYMBOLS}
        for one in coverage_intervals(self.rows, SYMBOLS, None):
            if not one.covered:
                found[one.symbol].append((one.start, one.end))
        return found
