"""The live feed against the native replay of recordings: what it shows is what was recorded."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import hftlab as hl
from hftlab.book import BookSet
from hftlab.feeds import FeedTiming, Kraken
from hftlab.ingest import import_capture
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.recorder import Recording, describe
from hftlab.recorder.live_recording import keep_raw
from hftlab.recorder.taps import tap_live
from hftlab.session import Session
from hftlab.transport.backoff import Backoff
from tests.faults.chaos_proxy import ChaosProxy
from tests.feeds.feed_reader import FeedReader
from tests.server.native.kraken_recordings import imported

pytestmark = pytest.mark.usefixtures("compiled")

QUICK = Backoff(base=0.01, limit=0.05, attempts=None)
SIMULATED = {"BTC/USDT": "BTCUSDT", "ETH/USDT": "ETHUSDT"}
"""Symbols of the session by the pairs that its wire makes of them."""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("day")
    return record_simulation(exchange_on("2026-01-02", 7, list(SIMULATED.values())), 4, folder / "session").session


def last_book(session: Session, symbol: str) -> list[list[tuple[float, float]]]:
    """The best levels of both sides at the end of a session, as its own messages say."""
    rows = session.market_data.filter((pl.col("symbol") == symbol) & pl.col("bids").is_not_null())
    row = rows.select("bids", "asks").collect().row(-1, named=True)
    return [[(level["price"], level["size"]) for level in row[side]][:10] for side in ("bids", "asks")]


def shown(reader: FeedReader, symbol: str) -> list[list[tuple[float, float]]]:
    """The best levels of both sides as the feed has shown them last."""
    newest = reader.newest.get(symbol)
    if newest is None:
        return []
    return [[(level.price, level.size) for level in side] for side in (newest.bids, newest.asks)]


async def until_the_end(reader: FeedReader, session: Session, pairs: dict[str, str]) -> None:
    """Wait until the feed shows the books with which the session ends."""
    truth = {pair: last_book(session, symbol) for pair, symbol in pairs.items()}
    await reader.until(lambda: all(shown(reader, pair) == book for pair, book in truth.items()))


async def test_its_books_are_the_recorded_ones(day: Session) -> None:
    async with hl.Server(day.replay(2), port=0, wire="kraken") as server:
        feed = Kraken(list(SIMULATED), url=server.native_urls[0].streams, timing=FeedTiming(backoff=QUICK))
        async with FeedReader(feed) as reader:
            await until_the_end(reader, day, SIMULATED)
            stats = feed.stats
            assert (stats.undecoded, stats.unknown, stats.dropped, stats.differing) == (0, 0, 0, 0)
            assert stats.checked > 100
            assert (stats.gaps, stats.system) == (0, "online")


async def test_a_seek_is_told(day: Session) -> None:
    """Kraken's books have no numbers: a snapshot comes on the same connection, and what was between does not."""
    async with hl.Server(day.replay(1), port=0, wire="kraken") as server:
        feed = Kraken("BTC/USDT", url=server.native_urls[0].streams)
        async with FeedReader(feed) as reader, hl.Client(server.url) as client:
            await reader.until_shown("BTC/USDT", 10)
            start, gaps = day.manifest.started or 0, reader.gaps["BTC/USDT"]
            await client.replay.seek(start + 3_000_000_000)
            await reader.until(lambda: len(gaps) == 2 and "BTC/USDT" in reader.newest)
            await client.replay.seek(start + 500_000_000)
            await reader.until(lambda: len(gaps) == 3 and "BTC/USDT" in reader.newest)
            assert all("begun the book anew" in reason for reason in gaps[1:])
            assert (feed.stats.connections, feed.stats.differing) == (1, 0)


async def test_a_real_recording(tmp_path: Path) -> None:
    session = await asyncio.to_thread(imported, tmp_path, 250)
    pairs = {symbol.replace("XBT", "BTC"): symbol for symbol in session.manifest.symbols}
    async with hl.Server(session.replay(float("inf")), port=0, wire="kraken") as server:
        feed = Kraken(list(pairs), url=server.native_urls[0].streams, book_depth=1000)
        async with FeedReader(feed) as reader:
            await until_the_end(reader, session, pairs)
            assert feed.stats.checked >= len(pairs)
            assert feed.stats.differing == 0


async def faulty(day: Session, seed: int, folder: Path) -> None:
    """Record a replay through a network that cuts, stalls and repeats, and compare what was recorded."""
    chance = random.Random(seed)
    timing = FeedTiming(stall_after=0.4, timeout=1.0, backoff=QUICK)
    async with (
        hl.Server(day.replay(2), port=0, wire="kraken") as server,
        ChaosProxy(server.port, seed, repetition=chance.choice((0.0, 0.1))) as proxy,
    ):
        feed = Kraken(list(SIMULATED), url=f"{proxy.url}/v2", timing=timing)
        reader = FeedReader(feed)
        folder.mkdir()
        recording = Recording(folder / "session", source=describe(feed))
        end_raw = keep_raw(feed, recording)
        tap, end = tap_live(feed, recording)
        reader.on_item = tap
        async with reader:
            for _ in range(4):
                await reader.until_shown("BTC/USDT", len(reader.items) + 10)
                match chance.choice(("cut", "half open", "cut within a frame", "nothing")):
                    case "cut":
                        proxy.cut()
                    case "half open":
                        proxy.half_open()
                    case "cut within a frame":
                        proxy.cut_after = chance.randrange(100, 5000)
                await reader.until_changed("BTC/USDT")
                proxy.cut_after = None
            await until_the_end(reader, day, SIMULATED)
        end()
        end_raw()
        recorded = await asyncio.to_thread(recording.close)
    for pair, symbol in SIMULATED.items():
        assert last_book(recorded, pair) == last_book(day, symbol)
        check_raw(folder, pair, last_book(day, symbol))
    uncovered = recorded.coverage(detail=True).filter(~pl.col("covered"))
    flagged = {pair: len(reader.gaps[pair]) for pair in SIMULATED}
    counted: dict[str, Any] = dict(uncovered.group_by("symbol").len().iter_rows())
    for pair, gaps in flagged.items():
        assert counted.get(pair, 0) <= gaps
        assert (counted.get(pair, 0) > 0) == (gaps > 0)


def check_raw(folder: Path, pair: str, expected: list[list[tuple[float, float]]]) -> None:
    """The raw frames make the same book when they are imported."""
    path = folder / "session" / "raw" / f"{pair.replace('/', '%2F')}.gz"
    session = import_capture("kraken", path, folder / pair.replace("/", "-")).session
    books = BookSet()
    for batch in hl.venues.kraken.read(path):
        books.apply(batch)
    ours = [[level[:2] for level in side(10)] for side in (books[pair].bids, books[pair].asks)]
    assert ours == expected
    assert last_book(session, pair) == expected


@pytest.mark.parametrize("seed", [1, 2])
async def test_cuts_stalls_and_copies(day: Session, seed: int, tmp_path: Path) -> None:
    await faulty(day, seed, tmp_path / "run")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
async def test_many_cuts_stalls_and_copies(day: Session, seed: int, tmp_path: Path) -> None:
    await faulty(day, seed, tmp_path / "run")
