from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from hftlab.errors import ArgumentError, ArgumentTypeError, ServerError, SubscriptionFailed
from hftlab.feeds import Binance, FeedTiming
from hftlab.feeds import live_feed as feed_module
from hftlab.feeds.binance.markets import MARKETS
from hftlab.protocol import Gap, MarketData
from hftlab.source import Live, Source
from hftlab.transport.backoff import Backoff
from tests.feeds.binance.scripted_venue import ScriptedVenue
from tests.feeds.feed_reader import FeedReader

QUICK = Backoff(base=0.01, limit=0.05, attempts=None)
TIMING = FeedTiming(overlap=0.2, backoff=QUICK)


def feed_of(venue: ScriptedVenue, timing: FeedTiming = TIMING, **more: object) -> Binance:
    market = "usdm" if venue.futures else "spot"
    return Binance(list(venue.markets), market, timing=timing, **venue.addresses, **more)  # type: ignore[arg-type]


async def synchronised(venue: ScriptedVenue, reader: FeedReader) -> None:
    """Wait until the feed shows the venue's books."""
    await reader.until(lambda: all(map(reader.shows, venue.markets.values())))


class TestArguments:
    def test_a_feed_is_a_live_source(self) -> None:
        feed = Binance("btcusdt")
        assert isinstance(feed, Source)
        assert isinstance(feed, Live)
        assert feed.symbols == ["BTCUSDT"]
        assert feed.name == "binance spot"
        assert feed.next_time() is None
        assert feed.problem is None
        assert repr(feed) == "Binance(BTCUSDT, 'spot')"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"symbols": []}, "at least one symbol"),
            ({"symbols": "A", "market": "futures"}, "market='futures' is not a market"),
            ({"symbols": "A", "ws_url": "http://x"}, "ws_url='http://x' is not an address"),
            ({"symbols": "A", "rest_url": "ws://x"}, "rest_url='ws://x' is not an address"),
            ({"symbols": "A", "ws_url": "ws://host:port"}, "is not an address"),
            ({"symbols": "A", "ws_url": "ws://a host"}, "is not an address"),
            ({"symbols": "A", "ws_url": "ws://[::1"}, "is not an address"),
            ({"symbols": "A", "ws_url": "wss://host?x=1"}, "is not an address"),
            ({"symbols": "A", "ws_url": 8081}, "ws_url=8081 is not an address"),
            ({"symbols": "A", "ws_url": "ws://127.0.0.1:8081/ws/"}, "ends in /ws, which the feed adds itself"),
            ({"symbols": "A", "ws_url": "wss://stream.binance.com:9443/stream"}, "ends in /stream"),
            ({"symbols": "A", "market": "usdm", "ws_url": "wss://fstream.binance.com/public"}, "ends in /public"),
            ({"symbols": "A", "rest_url": "https://api.binance.com/api/v3"}, "ends in /api/v3"),
            ({"symbols": "A", "depth_speed": "250ms"}, "depth_speed='250ms' is not a speed"),
            ({"symbols": "A", "depth": 0}, "depth=0 is not a number of levels"),
            ({"symbols": "A", "snapshot_depth": 7}, "snapshot_depth=7 is not a depth"),
        ],
    )
    def test_a_bad_argument_is_named(self, arguments: dict[str, object], said: str) -> None:
        with pytest.raises(ArgumentError, match=said):
            Binance(**arguments)  # type: ignore[arg-type]

    @pytest.mark.parametrize(("symbols", "got"), [([7], 7), (7, 7), (None, None)])
    def test_symbols_are_names(self, symbols: Any, got: object) -> None:
        with pytest.raises(ArgumentTypeError, match=f"got {got}"):
            Binance(symbols)

    def test_a_symbol_that_is_named_twice_is_one(self) -> None:
        assert Binance(["btcusdt", "ETHUSDT", "BTCUSDT"]).symbols == ["BTCUSDT", "ETHUSDT"]


class TestBooks:
    @pytest.mark.parametrize("futures", [False, True])
    async def test_are_the_venues(self, futures: bool) -> None:
        """Each symbol is flagged until its snapshot has come, and follows the venue's book from then on."""
        async with ScriptedVenue(futures=futures) as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            first = reader.items[0].message
            assert isinstance(first, Gap)
            assert first.symbols == ["BTCUSDT", "XYZUSDT"]
            await venue.step(50)
            await synchronised(venue, reader)
            assert [path.partition("?")[0] for path in venue.paths] == ["/public/stream" if futures else "/stream"]
            stats = reader.feed.stats
            assert (stats.connections, stats.snapshots, stats.gaps, stats.resyncs) == (1, 2, 0, 2)
            assert stats.checked >= 2
            assert stats.unreliable == []
            assert stats.weight_used == 50
            assert [one.symbol for one in reader.feed.instruments] == reader.feed.symbols

    async def test_times_are_the_venues_and_ours(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            before = reader.feed.clock.now()
            await venue.step()
            await synchronised(venue, reader)
            item = reader.items[-1]
            assert isinstance(item.message, MarketData)
            assert before <= item.at <= reader.feed.clock.now()
            assert item.message.symbols[0].timestamp == venue.markets["BTCUSDT"].time

    async def test_an_unknown_symbol_is_named(self) -> None:
        async with ScriptedVenue() as venue:
            feed = Binance(["BTCUSDT", "BTCUSD"], **venue.addresses)
            async with FeedReader(feed) as reader:
                with pytest.raises(SubscriptionFailed, match="does not list 'BTCUSD' \\(nearest: 'BTCUSDT'\\)"):
                    await reader.until(lambda: False)

    async def test_a_venue_that_does_not_serve_this_place_is_told(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            venue.status = 451
            async with FeedReader(feed_of(venue)) as reader:
                with pytest.raises(ServerError, match=r"HTTP 451 .*the place that it is in"):
                    await reader.until(lambda: False)

    @pytest.mark.parametrize("status", [404, 426])
    async def test_another_server_is_told_from_a_replay_in_the_venues_wire(self, status: int) -> None:
        """426 is what a server has for a request that it takes for one to open a WebSocket."""
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            venue.status = status
            async with FeedReader(feed_of(venue)) as reader:
                with pytest.raises(ServerError, match=rf"HTTP {status} .*check rest_url; .*server\.native_urls"):
                    await reader.until(lambda: False)

    async def test_a_venue_that_is_away_is_waited_for(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue:
            venue.status = 503
            async with FeedReader(feed_of(venue)) as reader:
                await reader.until(lambda: reader.feed.problem)
                assert "answers HTTP 503" in str(reader.feed.problem)
                assert not reader.feed.wait(0.01)
                venue.status = 200
                await synchronised(venue, reader)
                assert reader.feed.problem is None
                assert reader.feed.wait(0.01)
                assert "Binance" in reader.feed._repr_html_()

    async def test_a_reader_that_does_not_read_costs_frames_and_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feed_module, "_MOST_WAITING", 5000)
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            while not reader.feed.stats.dropped:
                await venue.step(5)
                await asyncio.sleep(0)
            await reader.until(lambda: reader.gaps["BTCUSDT"][1:])
            assert reader.gaps["BTCUSDT"][1] == "frames were dropped, as nobody has read the feed"
            await venue.step()
            await synchronised(venue, reader)


class TestConnections:
    async def test_the_loss_of_one_of_several_concerns_its_symbols_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are shown again when a snapshot has confirmed their books, though nothing has changed."""
        symbols = ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
        monkeypatch.setitem(MARKETS, "usdm", dataclasses.replace(MARKETS["usdm"], streams=7))
        async with ScriptedVenue(symbols, futures=True) as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            assert [len(streams) for streams in venue.subscribed.values()] == [6, 6]
            cut = venue.connections[0]
            lost = {stream.partition("@")[0].upper() for stream in venue.subscribed[cut]}
            venue.cut(cut)
            await reader.until(lambda: len(reader.statuses) == 4)
            await synchronised(venue, reader)
            assert {symbol for symbol in symbols if len(reader.gaps[symbol]) > 1} == lost
            assert len(lost) == 2


class TestLosses:
    async def test_a_cut_connection_is_made_again(self) -> None:
        """Its symbols are flagged at once, and synchronised with the venue's book, which has gone on, afterwards."""
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            venue.cut(venue.connections[0])
            await venue.step(5, silently=True)
            await reader.until(lambda: reader.gaps["BTCUSDT"][1:])
            await reader.until(lambda: reader.feed.stats.reconnects == 1)
            await synchronised(venue, reader)
            assert "disconnected" in reader.gaps["XYZUSDT"][1]
            assert [status.event for status in reader.statuses] == ["connect", "disconnect", "connect"]
            assert reader.statuses[1].symbols == ("BTCUSDT", "XYZUSDT")

    async def test_a_missing_update_flags_its_symbol_alone(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            venue.markets["XYZUSDT"].step()
            await venue.step()
            await reader.until(lambda: reader.gaps["XYZUSDT"][1:])
            await synchronised(venue, reader)
            assert "missing" in reader.gaps["XYZUSDT"][1]
            assert len(reader.gaps["BTCUSDT"]) == 1

    async def test_late_snapshots_are_asked_for_again(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            await venue.step(5)
            venue.markets["BTCUSDT"].step()
            venue.late.extend([4, 3])
            await venue.step()
            await reader.until(lambda: reader.gaps["BTCUSDT"][1:])
            await synchronised(venue, reader)
            assert reader.feed.stats.late_snapshots == 2

    async def test_a_stalled_connection_is_replaced(self) -> None:
        timing = FeedTiming(stall_after=0.4, backoff=QUICK)
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue, timing)) as reader:
            await synchronised(venue, reader)
            venue.freeze(venue.connections[0])
            await venue.step(3, silently=True)
            await reader.until(lambda: reader.feed.stats.stalls == 1)
            await reader.until(lambda: reader.feed.stats.reconnects == 1)
            await synchronised(venue, reader)
            assert reader.gaps["BTCUSDT"][1] == "disconnected: nothing was heard any more"
            disconnect = reader.statuses[1]
            assert disconnect.since is not None
            assert disconnect.at - disconnect.since >= 0.4e9

    async def test_a_refusal_of_requests_is_a_problem_for_as_long_as_it_lasts(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            venue.refusals.append((418, "3600"))
            await reader.until(lambda: reader.feed.problem)
            assert reader.feed.problem is not None
            assert "refuses requests with HTTP 418: they wait for 3600 s" in reader.feed.problem

    async def test_a_refusal_of_the_streams_is_told_at_once(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            venue.refused_streams = '{"code":2,"msg":"Invalid request: too many parameters"}'
            await reader.until(lambda: reader.feed.problem)
            assert reader.feed.problem is not None
            assert f"refuses the streams ({venue.refused_streams})" in reader.feed.problem
            venue.refused_streams = None
            await synchronised(venue, reader)

    async def test_refused_requests_wait_as_long_as_the_venue_says(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            venue.refusals.extend([(429, "0"), (418, "1")])
            await synchronised(venue, reader)
            assert reader.feed.stats.refused == 2

    async def test_connections_that_fail_are_tried_again(self) -> None:
        async with ScriptedVenue(["BTCUSDT"]) as venue, FeedReader(feed_of(venue)) as reader:
            venue.refuses_sockets = 3
            await synchronised(venue, reader)
            assert reader.feed.stats.failures == 3
            assert reader.feed.problem is None


class TestRenewal:
    async def test_two_connections_overlap(self) -> None:
        """What is sent on both comes once, nothing is missing, and no symbol is flagged."""
        timing = FeedTiming(renew_after=0.5, overlap=0.3, backoff=QUICK)
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue, timing)) as reader:
            await synchronised(venue, reader)

            while reader.feed.stats.renewals < 3:
                await venue.step()
                await synchronised(venue, reader)
            await synchronised(venue, reader)
            stats = reader.feed.stats
            assert (stats.gaps, stats.reconnects) == (0, 0)
            assert stats.duplicates > 0
            assert len(reader.gaps["BTCUSDT"]) == 1
            market = venue.markets["BTCUSDT"]
            messages = [item.message for item in reader.items if isinstance(item.message, MarketData)]
            ours = [one.symbols[0] for one in messages if one.symbols[0].symbol == "BTCUSDT"]
            assert sum(len(one.trades or ()) for one in ours) == market.trades_sent

    async def test_a_shutdown_that_is_announced_is_met_before(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            await venue.announce_shutdown(venue.connections[0])
            await reader.until(lambda: reader.feed.stats.renewals == 1)
            venue.cut(venue.connections[0])
            await venue.step(3)
            await synchronised(venue, reader)
            assert reader.feed.stats.gaps == 0


class TestLife:
    async def test_it_leaves_with_its_last_reader(self) -> None:
        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            async with FeedReader(feed) as reader, FeedReader(feed):
                await synchronised(venue, reader)
            async with FeedReader(feed) as reader:
                await synchronised(venue, reader)
                assert len(venue.connections) == 1

    async def test_it_is_a_context_manager(self) -> None:
        async with ScriptedVenue() as venue:
            with feed_of(venue) as feed:
                async with FeedReader(feed) as reader:
                    await synchronised(venue, reader)
                    assert feed.wait(1.0)
