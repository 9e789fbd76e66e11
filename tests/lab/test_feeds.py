"""Live feeds in a notebook: served, recorded, and both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.errors import ArgumentTypeError, SubscriptionFailed
from hftlab.feeds import FeedTiming
from hftlab.simulator import RandomWalk
from hftlab.transport.backoff import Backoff
from tests.feeds.binance.threaded_venue import ThreadedVenue, threaded_venue
from tests.waiting import until

TIMING = FeedTiming(backoff=Backoff(base=0.01, limit=0.05, attempts=None))


@pytest.fixture
def venue() -> Iterator[ThreadedVenue]:
    with threaded_venue() as venue:
        yield venue


@pytest.fixture
def feed(venue: ThreadedVenue) -> hl.feeds.Binance:
    return hl.feeds.Binance(["BTCUSDT", "XYZUSDT"], timing=TIMING, **venue.addresses)


def shown(client: Any, venue: ThreadedVenue) -> bool:
    """Whether a client's newest books are the venue's."""
    for symbol, market in venue.venue.markets.items():
        latest = client.latest(symbol)
        if latest is None or (latest.bid, latest.ask) != (float(max(market.book[0])), float(min(market.book[1]))):
            return False
    return True


class TestServe:
    def test_a_feed_is_served_like_any_source(self, venue: ThreadedVenue, feed: hl.feeds.Binance) -> None:
        with hl.serve(feed, port=0) as server, hl.connect(server.url) as client:
            assert [one.symbol for one in feed.instruments] == ["BTCUSDT", "XYZUSDT"]
            client.subscribe(["BTCUSDT", "XYZUSDT"], frequency=0)
            venue.step(20)
            until(lambda: shown(client, venue))
            assert server.stats()["failure"] is None
            assert server.stats()["problems"] == []
        until(lambda: not venue.venue.connections)

    def test_an_unknown_symbol_is_an_error_of_the_call(self, venue: ThreadedVenue) -> None:
        feed = hl.feeds.Binance(["BTCUSD"], **venue.addresses)
        with pytest.raises(SubscriptionFailed, match="nearest: 'BTCUSDT'"):
            hl.serve(feed, port=0)
        until(lambda: not venue.venue.connections)

    def test_a_cell_with_a_feed_can_be_run_again(self, venue: ThreadedVenue, feed: hl.feeds.Binance) -> None:
        with hl.serve(feed, port=0), hl.serve(feed, port=0) as server, hl.connect(server.url) as client:
            client.subscribe(["BTCUSDT", "XYZUSDT"], frequency=0)
            venue.step()
            until(lambda: shown(client, venue))


class TestRecord:
    def test_a_feed_is_recorded_without_a_server(
        self, venue: ThreadedVenue, feed: hl.feeds.Binance, tmp_path: Path
    ) -> None:
        with hl.record(feed, tmp_path / "session", raw=True) as recording:
            until(lambda: feed.stats.resyncs == 2)
            venue.step(5)
            until(lambda: recording.recorded > 10)
            assert recording.problem is None
            assert "recording" in repr(recording)
        session = hl.open_session(tmp_path / "session")
        assert session.manifest.symbols == ["BTCUSDT", "XYZUSDT"]
        assert sorted(path.name for path in (session.folder / "raw").iterdir()) == ["BTCUSDT.gz", "XYZUSDT.gz"]

    def test_a_server_of_a_feed_is_recorded_with_its_raw_frames(
        self, venue: ThreadedVenue, feed: hl.feeds.Binance, tmp_path: Path
    ) -> None:
        with hl.serve(feed, port=0) as server, hl.record(server, tmp_path / "session", raw=True) as recording:
            until(lambda: feed.stats.resyncs == 2)
            venue.step(5)
            until(lambda: recording.recorded > 10)
        assert len(list((tmp_path / "session/raw").iterdir())) == 2
        events = hl.open_session(tmp_path / "session").control.collect()["event"].to_list()
        assert "start" in events
        assert "end" in events

    def test_what_was_flagged_before_the_recording_began_is_not_covered(
        self, venue: ThreadedVenue, feed: hl.feeds.Binance, tmp_path: Path
    ) -> None:
        with hl.serve(feed, port=0) as server:
            until(lambda: feed.stats.resyncs == 2)
            venue.step()
            venue.venue.snapshot_gate.clear()
            venue.venue.markets["XYZUSDT"].step()
            venue.step()
            until(lambda: feed.unreliable == ["XYZUSDT"])
            with hl.record(server, tmp_path / "session") as recording:
                until(lambda: venue.step() or recording.recorded > 12)
            venue.venue.snapshot_gate.set()
        coverage = hl.open_session(tmp_path / "session").coverage()
        assert dict(coverage.select("symbol", "share").rows()) == {"BTCUSDT": 1.0, "XYZUSDT": 0.0}

    def test_raw_frames_are_of_feeds(self, tmp_path: Path) -> None:
        with (
            hl.serve(RandomWalk(seed=1), port=0) as server,
            pytest.raises(ArgumentTypeError, match="raw=True keeps the frames of a live feed"),
        ):
            hl.record(server, tmp_path / "session", raw=True)
        assert not (tmp_path / "session").exists()
