"""The exchange: one seed makes one market, whose messages, events and books say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hftlab as hl
from hftlab import protocol
from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import HftlabError
from hftlab.events import ADD, COLUMNS, MODIFY, TRADE, EventBatch
from hftlab.ingest import FORMATS
from hftlab.ingest.native_files import NativeFile, NativeFiles
from hftlab.instruments import BINANCE, LSE, NASDAQ, NYSE, Instrument
from hftlab.protocol import MarketData
from hftlab.simulator import Exchange
from hftlab.source import Source
from hftlab.venues import nyse
from hftlab.venues.recognition import recognise_format

START = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
TENTH = NANOSECONDS // 10
EIGHT = ["AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A"]
LEVELS = 1000


def exchange(seed: int = 7, symbols: list[str] | None = None, **options: Any) -> Exchange:
    return Exchange(seed, symbols, clock=Clock(START, paused=True), **options)


def together(batches: Iterator[EventBatch]) -> EventBatch:
    return EventBatch.concat(batches)


def equal(one: EventBatch, other: EventBatch) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


class TestSource:
    def test_it_is_one(self) -> None:
        source = exchange()
        assert isinstance(source, Source)
        assert source.symbols == EIGHT
        assert not source.recorded
        assert source.next_time() == START

    def test_the_first_message_has_every_book_full(self) -> None:
        """Due when the clock starts, with a hundred orders or so a book."""
        (message,) = exchange().advance(START)
        assert message.timestamp == START / 1e6
        assert [symbol.symbol for symbol in message.symbols] == EIGHT
        for symbol in message.symbols:
            assert len(symbol.bids or []) == len(symbol.asks or []) == 10
            assert sum(level.orders for level in [*(symbol.bids or []), *(symbol.asks or [])]) >= 20
            assert 0 < symbol.bid < symbol.ask
            assert symbol.trades is None

    def test_then_one_message_for_each_interval(self) -> None:
        source = exchange()
        times = [message.timestamp for message in source.advance(START + 30 * TENTH)]
        assert times == [(START + tenth * TENTH) / 1e6 for tenth in range(31)]
        assert source.next_time() == START + 31 * TENTH

    def test_every_message_is_valid_on_the_wire(self) -> None:
        for message in exchange(symbols=["AAPL", "AAPL:NYSE", "VOD", "BTCUSDT"]).advance(START + 50 * TENTH):
            assert protocol.decode(protocol.encode(message)) == message

    def test_a_start_between_two_intervals_is_put_back_to_the_first(self) -> None:
        source = Exchange(7, clock=Clock(START + 12_345, paused=True))
        assert source.next_time() == START

    def test_one_string_is_one_symbol(self) -> None:
        assert Exchange(7, "AAPL", clock=Clock(START, paused=True)).symbols == ["AAPL"]

    async def test_a_server_streams_it(self) -> None:
        """Over a real socket and as fast as it goes: the books are the venue's own."""
        source = Exchange(7, ["AAPL"], clock=Clock(START, 50.0))
        async with hl.Server(source, port=0) as server, hl.Client(server.url) as client:
            await client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK", "TRADES"], frequency=0)
            messages: list[MarketData] = []
            async with asyncio.timeout(30):
                async for message in client:
                    if isinstance(message, MarketData):
                        messages.append(message)
                    if len(messages) == 20:
                        break
        twin = exchange(symbols=["AAPL"])
        made = {
            one.symbols[0].timestamp: one.symbols[0] for one in twin.advance(START + 900 * NANOSECONDS) if one.symbols
        }
        for message in messages[1:]:
            symbol = message.symbols[0]
            assert symbol.bids == made[symbol.timestamp].bids
            assert symbol.asks == made[symbol.timestamp].asks


class TestSeed:
    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        first, second, other = (
            b"".join(map(protocol.encode, exchange(seed).advance(START + 20 * TENTH))) for seed in (3, 3, 4)
        )
        assert first == second
        assert first != other

    @settings(deadline=None, max_examples=10)
    @given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
    def test_it_does_not_matter_in_what_steps_time_advances(self, steps: list[int]) -> None:
        whole, cut = exchange(symbols=["AAPL", "TSLA"]), exchange(symbols=["AAPL", "TSLA"])
        at, apart = START, []
        for step in steps:
            at += step * TENTH // 10
            apart += cut.advance(at)
        assert whole.advance(at) == apart
        assert whole.next_time() == cut.next_time()

    def test_events_are_the_same_however_they_are_cut(self) -> None:
        whole, cut = exchange(), exchange()
        pieces = [batch for seconds in (0.001, 1.5, 0.2, 3.299) for batch in cut.events(seconds)]
        assert equal(together(whole.events(5)), EventBatch.concat(pieces))

    def test_events_are_those_behind_the_messages(self) -> None:
        alone, both = exchange(), exchange()
        stretches = list(both.segments(5))
        before_the_end = EventBatch.concat(stretch.events for stretch in stretches)
        events = together(alone.events(5))
        assert equal(events[: len(before_the_end)], before_the_end)
        assert (events.ts_event[len(before_the_end) :] == START + 5 * NANOSECONDS).all()

    def test_as_fast_as_possible_is_the_same_as_step_by_step(self) -> None:
        source = exchange()
        fast = [timed for stretch in exchange().segments(5) for timed in stretch.messages]
        slow = []
        while (at := source.next_time()) <= START + 5 * NANOSECONDS:
            slow += [(at, message) for message in source.advance(at)]
        assert fast == slow

    def test_none_takes_a_seed_that_can_be_used_again(self) -> None:
        source = Exchange(clock=Clock(START, paused=True))
        assert Exchange(clock=Clock(START, paused=True)).seed != source.seed
        assert exchange(source.seed).advance(START) == source.advance(START)

    def test_a_listing_is_the_same_whichever_others_are_there(self) -> None:
        """But for the venue's numbers, which all share."""
        alone, among = (together(exchange(symbols=names).events(20)) for names in (["TSLA"], EIGHT))
        own = among.instrument_id == EIGHT.index("TSLA")
        for name in ("ts_event", "action", "side", "price", "size"):
            assert np.array_equal(getattr(alone, name), getattr(among, name)[own]), name


class TestTruth:
    """The processor's messages against the matching engine's own books and the events."""

    def test_levels_are_those_of_the_venues_books(self) -> None:
        source = exchange()
        seen = 0
        for tenth in range(100):
            for message in source.advance(START + tenth * TENTH):
                for symbol in message.symbols:
                    for levels, own in ((symbol.bids, source.books[symbol.symbol].bids(10)),
                                        (symbol.asks, source.books[symbol.symbol].asks(10))):  # fmt: skip
                        assert [(level.price, level.size, level.orders) for level in levels or []] == own
                        seen += 1
        assert seen > 1000

    def test_trades_are_those_of_the_events(self) -> None:
        events, messages = [], []
        for stretch in exchange().segments(60):
            events.append(stretch.events)
            messages += [message for _, message in stretch.messages]
        rows = EventBatch.concat(events)
        for number, name in enumerate(EIGHT):
            told = [
                trade
                for message in messages
                for symbol in message.symbols
                if symbol.symbol == name
                for trade in symbol.trades or []
            ]
            made = (rows.action == TRADE) & (rows.instrument_id == number)
            assert [trade.price for trade in told] == (rows.price[made] / 1e9).tolist()
            assert [trade.size for trade in told] == rows.size[made].tolist()

    def test_statistics_follow_from_the_trades(self) -> None:
        messages = exchange(symbols=["TSLA"]).advance(START + 60 * NANOSECONDS)
        symbols = [message.symbols[0] for message in messages if message.symbols]
        prices = [trade.price for symbol in symbols for trade in symbol.trades or []]
        last = symbols[-1]
        assert last.volume == sum(trade.size for symbol in symbols for trade in symbol.trades or [])
        assert (last.open, last.high, last.low) == (prices[0], max(prices), min(prices))
        assert last.previous_close == 800.0
        assert last.change == pytest.approx(last.price - 800.0)
        assert all(one.volume <= other.volume for one, other in pairwise(symbols))

    def test_books_are_never_crossed_and_every_price_is_on_its_tick(self) -> None:
        names = ["AAPL", "BRK.A", "AAPL:NYSE", "VOD", "LLOY", "BP.", "BTCUSDT"]
        source = exchange(symbols=names)
        events = together(source.events(60))
        tops = BookSet().trace(events, 1)
        both = (tops.bid_lots[:, 0] > 0) & (tops.ask_lots[:, 0] > 0)
        assert both.mean() > 0.99
        assert (tops.bid_ticks[both, 0] < tops.ask_ticks[both, 0]).all()
        for number, instrument in enumerate(source.instruments):
            own = (events.instrument_id == number) & np.isin(events.action, [ADD, MODIFY])
            assert instrument.is_on_tick(events.price[own]).all(), instrument


class TestListings:
    def test_listings_of_one_name_follow_one_price(self) -> None:
        """Their mids part, but never far and never for long."""
        source = exchange(symbols=["AAPL", "AAPL:NYSE"])
        mids = [
            [(symbol.bid + symbol.ask) / 2 for symbol in message.symbols]
            for message in source.advance(START + 300 * NANOSECONDS)
            if len(message.symbols) == 2
        ]
        here, there = np.array(mids).T
        assert len(here) > 1000
        assert np.abs(here / there - 1).max() < 0.003
        assert np.corrcoef(here, there)[0, 1] > 0.9
        assert (here != there).mean() > 0.2

    def test_exchanges_are_named(self) -> None:
        (message,) = exchange(symbols=["AAPL:NYSE", "VOD", "BTCUSDT"]).advance(START)
        assert [symbol.exchange for symbol in message.symbols] == ["NYSE", "LSE", "BINANCE"]
        assert [symbol.symbol for symbol in message.symbols] == ["AAPL:NYSE", "VOD", "BTCUSDT"]

    @pytest.mark.parametrize("name", ["NOBODY", "AAPL:LSE", "BTCUSDT:BINANCE_USDM", ""])
    def test_an_unknown_one_is_refused_with_advice(self, name: str) -> None:
        with pytest.raises(HftlabError, match="choose names such as AAPL"):
            exchange(symbols=[name])

    def test_a_name_given_twice_is_there_once(self) -> None:
        assert exchange(symbols=["AAPL", "AAPL"]).symbols == ["AAPL"]


class TestOptions:
    def test_self_exciting_arrivals_are_another_market_of_the_same_seed(self) -> None:
        excited, calm = (
            exchange(symbols=["MSFT"], self_exciting=chosen).advance(START + TENTH) for chosen in (True, False)
        )
        assert excited[0] == calm[0]
        assert excited[1] != calm[1]

    def test_prices_can_be_given(self) -> None:
        source = Exchange(7, ["BRK.A", "MSFT"], clock=Clock(START, paused=True), prices={"BRK.A": 400_000.0})
        (message,) = source.advance(START)
        assert [symbol.previous_close for symbol in message.symbols] == [400_000.0, 335.0]
        assert abs(message.symbols[0].bid / 400_000 - 1) < 0.02

    @pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
    def test_a_price_of_nothing_is_refused(self, price: float) -> None:
        with pytest.raises(ValueError, match="price of TSLA"):
            exchange(symbols=["TSLA"], prices={"TSLA": price})

    def test_it_shows_itself(self) -> None:
        source = exchange(symbols=["TSLA", "AAPL:NYSE"])
        source.advance(START + 10 * TENTH)
        assert repr(source) == "Exchange(seed=7, TSLA, AAPL:NYSE)"
        for part in ("TSLA, AAPL:NYSE", "1.0 s", "live orders"):
            assert part in source._repr_html_()

    def test_after_events_alone_there_are_no_messages(self) -> None:
        source = exchange()
        next(source.events(1))
        with pytest.raises(HftlabError, match="make another"):
            source.advance(START + NANOSECONDS)

    def test_an_interval_must_be_above_nothing(self) -> None:
        with pytest.raises(ValueError, match="interval"):
            Exchange(7, interval=0)


def books_at(
    source: Exchange, instants: list[int], keys: Sequence[str | Instrument] = EIGHT
) -> tuple[list[EventBatch], list[list[object]]]:
    """The events up to each instant, and the venue's own books as they stand there."""
    batches, truth, before = [], [], START
    for at in instants:
        batches += source.events((at - before) / NANOSECONDS)
        truth.append([(own.bids(LEVELS), own.asks(LEVELS)) for own in map(source.books.__getitem__, keys)])
        before = at
    return batches, truth


def rebuilt_at(
    batches: Iterator[EventBatch], instants: list[int], keys: Sequence[str | Instrument] = EIGHT
) -> Iterator[list[object]]:
    """The books of a reader of the events, as they stand at each instant."""
    books, wanted = BookSet(), iter(instants)
    at = next(wanted)
    for batch in batches:
        done = 0
        while at < batch.ts_event[-1]:
            end = int(np.searchsorted(batch.ts_event, at, side="right"))
            books.apply(batch[done:end])
            done = end
            yield [(books[key].bids(LEVELS), books[key].asks(LEVELS)) for key in keys]
            at = next(wanted, 2**63 - 1)
        books.apply(batch[done:])
    for _ in [at, *wanted] if at < 2**63 - 1 else []:
        yield [(books[key].bids(LEVELS), books[key].asks(LEVELS)) for key in keys]


FOUR_VENUES = ["BRK.A", "AAPL:NYSE", "NVDA:NYSE", "AAPL", "MSFT", "VOD", "BP.", "BTCUSDT"]


@pytest.fixture(scope="module", params=[60, pytest.param(23_400, marks=pytest.mark.soak)])
def day(request: pytest.FixtureRequest) -> tuple[list[EventBatch], list[int], dict[Instrument, list[object]]]:
    """The events, the instants, and the books of each instrument at these."""
    moments = np.random.default_rng(1).integers(0, request.param * 1_000_000, 1000)
    # The last ns of a µs: Binance's messages have no finer times.
    instants = [START + 1000 * int(moment) + 999 for moment in np.sort(moments)]
    source = exchange(symbols=FOUR_VENUES)
    batches, truth = books_at(source, instants, source.instruments)
    return batches, instants, dict(zip(source.instruments, zip(*truth, strict=True), strict=True))


@pytest.mark.no_cover
class TestNativeFormats:
    """A simulated day as its venues would send it, read again: at 1,000 instants the books are the venue's own.

    ITCH's day is that of the file's name, or of the capture.
    """

    VENUES: ClassVar = {"itch": NASDAQ, "nyse": NYSE, "mitch": LSE, "binance": BINANCE}

    @pytest.mark.parametrize(
        ("format_name", "file"),
        [("itch", "01022026.itch"), ("itch", "a.pcap"), ("nyse", "a.pcap"), ("mitch", "a.pcap"), ("binance", "a.gz")],
    )
    def test_books_are_the_venues(self, day: Any, format_name: str, file: str, tmp_path: Path) -> None:
        batches, instants, books = day
        keys = [one for one in books if one.venue == self.VENUES[format_name]]
        with NativeFiles([NativeFile(format_name, tmp_path / file, tuple(keys))]) as files:
            for batch in batches:
                files.add(batch)
        assert recognise_format(tmp_path / file) == format_name
        reader = FORMATS[format_name].read(tmp_path / file, chunk=1 << 16)
        rebuilt = rebuilt_at(reader, instants, keys)
        for number, (at, found) in enumerate(zip(instants, rebuilt, strict=True)):
            wanted = [books[key][number] for key in keys]
            assert (levels(found) == levels(wanted)) if format_name == "binance" else (found == wanted), at - START
        assert set(reader.instruments) == set(keys)

    def test_nyse_in_its_older_version(self, day: Any, tmp_path: Path) -> None:
        batches, instants, books = day
        keys = [one for one in books if one.venue == NYSE]
        with NativeFiles([NativeFile("nyse", tmp_path / "new.pcap", tuple(keys))]) as files:
            for batch in batches:
                files.add(batch)
        reader = nyse.read(tmp_path / "new.pcap")
        nyse.write(tmp_path / "old.pcap", reader, version="2.1")
        for number, found in enumerate(rebuilt_at(nyse.read(tmp_path / "old.pcap"), instants, keys)):
            assert found == [books[key][number] for key in keys]
        assert not reader.stats.unknown_orders


def levels(books: list[Any]) -> list[Any]:
    """Books without the number of orders at each price, which Binance does not send."""
    return [[[(price, size) for price, size, _ in side] for side in book] for book in books]
