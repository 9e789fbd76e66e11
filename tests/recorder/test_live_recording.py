"""Live feeds recorded without a server, against a scripted venue."""

from __future__ import annotations

import asyncio
import errno
import gc
import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentTypeError, HftlabError, SessionError, SubscriptionFailed
from hftlab.events import COLUMNS, EventBatch
from hftlab.feeds import Binance, FeedTiming
from hftlab.feeds.arrivals import Frame
from hftlab.recorder import Recording, describe, raw_frames
from hftlab.recorder.live_recording import LiveRecording, keep_raw, record_source
from hftlab.server import Server
from hftlab.session import open_session
from hftlab.simulator import RandomWalk
from hftlab.transport.backoff import Backoff
from hftlab.venues import binance
from tests.feeds.binance.scripted_venue import ScriptedVenue
from tests.feeds.feed_reader import FeedReader
from tests.waiting import PATIENCE

TIMING = FeedTiming(backoff=Backoff(base=0.01, limit=0.05, attempts=None))


def feed_of(venue: ScriptedVenue) -> Binance:
    return Binance(list(venue.markets), timing=TIMING, **venue.addresses)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def recording_of(feed: Binance, folder: Path, **options: bool) -> LiveRecording:
    recording = await asyncio.to_thread(lambda: LiveRecording(feed, folder, **options))
    await until(lambda: feed.stats.resyncs >= len(feed.symbols))
    return recording


async def everything(venue: ScriptedVenue, feed: Binance) -> None:
    """Wait until the feed has read all that the venue has sent."""
    books = lambda: feed._decoder.books  # type: ignore[union-attr]  # noqa: E731
    await until(lambda: all(books()[one.symbol].last_update_id == one.last for one in venue.markets.values()))
    await until(lambda: not feed.stats.unreliable)


def arrival(at: int, venue: ScriptedVenue) -> Frame:
    """A trade, as if it had come at a time."""
    market = venue.markets["BTCUSDT"]
    market.trade_id += 1
    return Frame(at, market._trade().frame)


class TestLiveRecording:
    async def test_holds_what_the_venue_has_sent(self, tmp_path: Path) -> None:
        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            recording = await recording_of(feed, tmp_path / "session")
            await venue.step(30)
            await everything(venue, feed)
            session = await asyncio.to_thread(recording.close)
            assert await asyncio.to_thread(recording.close) is not None
        assert session.manifest.source == {"name": "binance spot", "kind": "feed"}
        assert session.manifest.symbols == ["BTCUSDT", "XYZUSDT"]
        for symbol, market in venue.markets.items():
            last = session.market_data.filter(pl.col("symbol") == symbol).collect().tail(1)
            assert last["bid"].item() == float(max(market.book[0]))
            assert last["ask"].item() == float(min(market.book[1]))
        assert not (tmp_path / "session/raw").exists()

    async def test_the_control_table_says_what_became_of_connections_and_symbols(self, tmp_path: Path) -> None:
        """One symbol misses an update, then the connection is cut: rows say when each was not covered, and why."""
        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            recording = await recording_of(feed, tmp_path / "session")
            await venue.step(3)
            venue.markets["XYZUSDT"].step()
            await venue.step(3)
            await until(lambda: feed.stats.gaps == 1)
            await everything(venue, feed)
            await venue.step(3)
            await everything(venue, feed)
            venue.cut(venue.connections[0])
            await venue.step(2, silently=True)
            await until(lambda: feed.stats.reconnects == 1)
            await everything(venue, feed)
            await venue.step(3)
            await everything(venue, feed)
            session = await asyncio.to_thread(recording.close)
        rows = session.control.select("event", "symbols", "detail").collect().rows()
        both = ["BTCUSDT", "XYZUSDT"]
        assert [(event, symbols) for event, symbols, _ in rows if event in ("connect", "disconnect")] == [
            ("connect", both),
            ("disconnect", both),
            ("connect", both),
        ]
        gaps = [(symbols, detail) for event, symbols, detail in rows if event == "gap"]
        assert gaps[0] == (both, "there is no snapshot yet")
        assert gaps[1][0] == ["XYZUSDT"]
        assert "missing" in gaps[1][1]
        holes = session.coverage(detail=True).filter(~pl.col("covered"))
        assert holes.group_by("symbol").len().sort("symbol").rows() == [("BTCUSDT", 2), ("XYZUSDT", 3)]
        assert holes.filter(pl.col("why") == "disconnect").height == 2

    async def test_raw_frames_import_to_the_same_events(self, tmp_path: Path) -> None:
        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            batches: list[EventBatch] = []
            feed.event_taps.append(batches.append)
            recording = await recording_of(feed, tmp_path / "session", raw=True)
            await venue.step(20)
            venue.markets["XYZUSDT"].step()
            await venue.step(20)
            await until(lambda: feed.stats.gaps == 1)
            await everything(venue, feed)
            session = await asyncio.to_thread(recording.close)
        whole = EventBatch.concat(batches)
        for symbol in venue.markets:
            (instrument,) = [one for one in whole.instruments if one.symbol == symbol]
            read = EventBatch.concat(binance.read(session.folder / f"raw/{symbol}.gz", instrument=instrument))
            ours = whole.take(np.array([one.symbol == symbol for one in whole.instruments])[whole.instrument_id])
            for column in COLUMNS:
                if column != "instrument_id":
                    assert np.array_equal(getattr(ours, column), getattr(read, column)), (symbol, column)
        session.verify()

    async def test_raw_frames_of_a_feed_that_is_read_already_make_books(self, tmp_path: Path) -> None:
        """The snapshots that its books began with came before: they are asked for once more."""
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await reader.until(lambda: reader.feed.stats.resyncs == 2)
            recording = Recording(tmp_path / "session", source=describe(reader.feed))
            end = keep_raw(reader.feed, recording)
            await venue.step(5)
            await reader.until(lambda: reader.feed.stats.snapshots == 4)
            await venue.step(5)
            await reader.until(lambda: all(map(reader.shows, venue.markets.values())))
            end()
            await asyncio.to_thread(recording.close)
            assert reader.feed.stats.gaps == 0
            for symbol, market in venue.markets.items():
                books = BookSet()
                for batch in binance.read(tmp_path / f"session/raw/{symbol}.gz"):
                    books.apply(batch)
                for ours, truth in zip(
                    (books[symbol].bids(10_000), books[symbol].asks(10_000)), market.book, strict=True
                ):
                    assert {level[0]: level[1] for level in ours} == {
                        float(p): float(size) for p, size in truth.items()
                    }

    async def test_a_reader_that_is_late_is_not_a_clock_that_was_set(self, tmp_path: Path) -> None:
        """Frames of several seconds are read at once."""
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed = feed_of(venue)
            recording = await recording_of(feed, tmp_path / "session")
            late = [arrival(feed.clock.now() + number * NANOSECONDS, venue) for number in range(5)]
            feed._arrivals.extend(late)
            feed._tell(late[-1])
            await until(lambda: feed.stats.frames >= 5)
            session = await asyncio.to_thread(recording.close)
        assert "clock" not in session.control.collect()["event"].to_list()

    async def test_raw_frames_that_cannot_be_kept_are_a_problem_of_the_recording(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Messages are recorded all the same."""

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed = feed_of(venue)
            monkeypatch.setattr(raw_frames._File, "add", full)
            recording = await recording_of(feed, tmp_path / "session", raw=True)
            await venue.step(3)
            await everything(venue, feed)
            said = "the raw frames of BTCUSDT end early (No space left on device): free some room on the disk"
            assert recording.problem == said
            session = await asyncio.to_thread(recording.close)
        assert session.market_data.collect().height > 0

    async def test_replaces_a_session_with_raw_frames(self, tmp_path: Path) -> None:
        for _ in range(2):
            async with ScriptedVenue(["BTCUSDT"]) as venue:
                feed = feed_of(venue)
                recording = await recording_of(feed, tmp_path / "session", raw=True, overwrite=True)
                await venue.step(2)
                await everything(venue, feed)
                session = await asyncio.to_thread(recording.close)
            assert [path.name for path in (session.folder / "raw").iterdir()] == ["BTCUSDT.gz"]

    async def test_a_source_has_one_reader(self, tmp_path: Path) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed = feed_of(venue)
            recording = await recording_of(feed, tmp_path / "session")
            with pytest.raises(HftlabError, match=r"is streamed by the recording in .*recording.stop\(\)"):
                Server(feed, port=0)
            with pytest.raises(HftlabError, match="is streamed by the recording in"):
                LiveRecording(feed, tmp_path / "other")
            await asyncio.to_thread(recording.close)
            async with Server(feed, port=0) as server:
                assert server.stats()["failure"] is None

    async def test_one_that_cannot_begin_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No room for the files of the raw frames: the folder, the source and the threads are free again."""
        made: list[raw_frames._File] = []

        class TooMany(raw_frames._File):
            def __init__(self, path: Path) -> None:
                if made:
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                super().__init__(path)
                made.append(self)

        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            with monkeypatch.context() as patch:
                patch.setattr(raw_frames, "_File", TooMany)
                with pytest.raises(OSError, match="Too many open files"):
                    await asyncio.to_thread(lambda: LiveRecording(feed, tmp_path / "session", raw=True))
            assert made[0]._file.closed
            assert not (tmp_path / "session").exists()
            assert not [one.name for one in threading.enumerate() if one.name.startswith("hftlab recorder")]
            recording = await recording_of(feed, tmp_path / "session", raw=True)
            await asyncio.to_thread(recording.close)

    async def test_an_unknown_symbol_leaves_no_folder(self, tmp_path: Path) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed = Binance(["BTCUSD"], **venue.addresses)
            with pytest.raises(SubscriptionFailed, match="does not list 'BTCUSD'"):
                await asyncio.to_thread(LiveRecording, feed, tmp_path / "session")
        assert not (tmp_path / "session").exists()

    def test_another_source_is_not_live(self, tmp_path: Path) -> None:
        with pytest.raises(ArgumentTypeError, match="is not a live source"):
            LiveRecording(RandomWalk(seed=1), tmp_path / "session")


class TestRecordSource:
    async def test_ends_when_it_is_told(self, tmp_path: Path) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed, stop, told = feed_of(venue), asyncio.Event(), list[int]()
            task = asyncio.create_task(
                record_source(feed, tmp_path / "session", stop.wait(), raw=True, progress=told.append)
            )
            await until(lambda: feed.stats.resyncs)
            await venue.step(5)
            await until(lambda: any(told))
            stop.set()
            session = await task
        assert session.manifest.complete
        assert open_session(tmp_path / "session").manifest.symbols == ["BTCUSDT"]

    async def test_raw_frames_are_kept_though_no_book_could_be_made_of_them(self, tmp_path: Path) -> None:
        """They are what another decoder, or a later snapshot, may make something of."""
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            venue.snapshot_gate.clear()
            stop = asyncio.Event()
            feed = feed_of(venue)
            task = asyncio.create_task(record_source(feed, tmp_path / "session", stop.wait(), raw=True))
            await until(lambda: feed.stats.connections)
            await venue.step(5)
            await until(lambda: feed.stats.frames >= 5)
            stop.set()
            session = await task
            venue.snapshot_gate.set()
        assert session.manifest.complete
        assert session.market_data.collect().is_empty()
        lines = gzip.decompress((session.folder / "raw/BTCUSDT.gz").read_bytes()).splitlines()
        assert len(lines) >= 5

    async def test_a_source_that_fails_at_once_is_the_only_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """That nothing was recorded is no error of its own, and asyncio does not log it either."""

        def failing() -> None:
            raise RuntimeError("there is no time")

        async with ScriptedVenue(["BTCUSDT"]) as venue:
            feed = feed_of(venue)
            monkeypatch.setattr(feed, "next_time", failing)
            with pytest.raises(HftlabError, match="binance spot has failed: there is no time"):
                await record_source(feed, tmp_path / "session", asyncio.Event().wait())
        gc.collect()
        assert [record.name for record in caplog.records if record.name == "asyncio"] == []
        assert not (tmp_path / "session").exists()

    async def test_nothing_is_kept_if_nothing_came(self, tmp_path: Path) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            venue.snapshot_gate.clear()
            stop = asyncio.Event()
            feed = feed_of(venue)
            task = asyncio.create_task(record_source(feed, tmp_path / "session", stop.wait(), raw=True))
            await until(lambda: feed.stats.connections)
            stop.set()
            with pytest.raises(SessionError, match="no market data came"):
                await task
            venue.snapshot_gate.set()
        assert not (tmp_path / "session").exists()
