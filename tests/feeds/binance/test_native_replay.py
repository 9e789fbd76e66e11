"""The live feed against the native replay of real recordings: what it shows is what was recorded."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import hftlab as hl
from hftlab.feeds import Binance, FeedTiming
from hftlab.recorder import Recording, describe
from hftlab.recorder.taps import tap_live
from hftlab.session import Session
from hftlab.transport.backoff import Backoff
from tests.faults.chaos_proxy import ChaosProxy
from tests.feeds.feed_reader import FeedReader
from tests.server.native.recordings import book_of, imported

pytestmark = pytest.mark.usefixtures("compiled")

QUICK = Backoff(base=0.01, limit=0.05, attempts=None)
RECORDINGS = {"spot": "spot_btcusdt_20240808", "usdm": "usdm_btcusdt_20240808"}


@pytest.fixture(scope="module", params=RECORDINGS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Session]:
    name: str = request.param
    return name, imported(RECORDINGS[name], tmp_path_factory.mktemp(name), lines=4000)


def feed_of(server: hl.Server, market: Any, timing: FeedTiming) -> Binance:
    urls = server.native_urls[0]
    return Binance("BTCUSDT", market, ws_url=urls.streams, rest_url=urls.requests, timing=timing)


def check(reader: FeedReader, session: Session) -> None:
    """Compare the feed's newest book with the recorded events up to the same update id, level by level."""
    decoder = reader.feed._decoder
    assert decoder is not None
    last = decoder.books["BTCUSDT"].last_update_id
    assert last is not None
    shown = reader.newest["BTCUSDT"]
    for ours, truth in zip((shown.bids, shown.asks), book_of(session, last), strict=True):
        assert [(Decimal(repr(one.price)), Decimal(repr(one.size))) for one in ours] == truth[: len(ours)]
        assert len(ours) == 10


async def test_its_book_is_the_recorded_one_at_equal_update_ids(recording: tuple[str, Session]) -> None:
    market, session = recording
    async with hl.Server(session.replay(4), port=0, wire="binance") as server:
        feed = feed_of(server, market, FeedTiming(backoff=QUICK))
        async with FeedReader(feed) as reader:
            for count in (20, 60, 100):
                await reader.until_shown("BTCUSDT", count)
                check(reader, session)
            stats = feed.stats
            assert (stats.undecoded, stats.unknown, stats.dropped) == (0, 0, 0)
            assert stats.checked > 0


async def faulty(market: str, session: Session, seed: int, folder: Path) -> None:
    """Record a replay through a network that cuts, stalls and repeats, and compare all along."""
    chance = random.Random(seed)
    timing = FeedTiming(stall_after=0.4, renew_after=chance.choice((0.3, 1.0, 60.0)), overlap=0.1, backoff=QUICK)
    async with (
        hl.Server(session.replay(4), port=0, wire="binance") as server,
        ChaosProxy(server.port, seed, repetition=chance.choice((0.0, 0.2))) as proxy,
    ):
        urls = server.native_urls[0]
        streams = urls.streams.replace(server.url, proxy.url)
        feed = Binance("BTCUSDT", market, ws_url=streams, rest_url=urls.requests, timing=timing)  # type: ignore[arg-type]
        reader = FeedReader(feed)
        folder.mkdir()
        recording = Recording(folder / "session", source=describe(feed))
        tap, end = tap_live(feed, recording)
        reader.on_item = tap
        async with reader:
            for _ in range(4):
                await reader.until_shown("BTCUSDT", len(reader.items) + 20)
                check(reader, session)
                match chance.choice(("cut", "half open", "cut within a frame", "nothing")):
                    case "cut":
                        proxy.cut()
                    case "half open":
                        proxy.half_open()
                    case "cut within a frame":
                        proxy.cut_after = chance.randrange(100, 5000)
                await reader.until_changed("BTCUSDT")
                proxy.cut_after = None
        end()
        session = await asyncio.to_thread(recording.close)
    uncovered = session.coverage(detail=True).filter(~pl.col("covered"))
    flagged = len(reader.gaps["BTCUSDT"])
    assert uncovered.height <= flagged
    assert (uncovered.height > 0) == (flagged > 0)


@pytest.mark.parametrize("seed", [1])
async def test_cuts_stalls_and_copies(recording: tuple[str, Session], seed: int, tmp_path: Path) -> None:
    await faulty(*recording, seed, tmp_path / "run")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 110))
async def test_many_cuts_stalls_and_copies(recording: tuple[str, Session], seed: int, tmp_path: Path) -> None:
    await faulty(*recording, seed, tmp_path / "run")
