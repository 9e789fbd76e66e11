from __future__ import annotations

import math

import pytest

from hftlab.errors import ArgumentError, ArgumentTypeError, SubscriptionFailed
from hftlab.feeds import FeedTiming, Kraken
from hftlab.protocol import Gap, MarketData
from hftlab.source import Live, Source
from hftlab.transport.backoff import Backoff
from tests.feeds.feed_reader import FeedReader
from tests.feeds.kraken.scripted_venue import Faults, ScriptedVenue

QUICK = Backoff(base=0.01, limit=0.05, attempts=None)
TIMING = FeedTiming(timeout=2.0, backoff=QUICK)


def feed_of(venue: ScriptedVenue, timing: FeedTiming = TIMING, **more: object) -> Kraken:
    return Kraken(list(venue.markets), url=venue.url, book_depth=10, timing=timing, **more)  # type: ignore[arg-type]


async def synchronised(venue: ScriptedVenue, reader: FeedReader) -> None:
    """Wait until the feed shows the venue's books."""
    await reader.until(lambda: all(map(reader.shows, venue.markets.values())))


class TestArguments:
    def test_a_feed_is_a_live_source(self) -> None:
        feed = Kraken("btc/usd")
        assert isinstance(feed, Source)
        assert isinstance(feed, Live)
        assert feed.symbols == ["BTC/USD"]
        assert feed.name == "kraken"
        assert feed.book_depth == 100
        assert feed.next_time() is None
        assert feed.problem is None
        assert repr(feed) == "Kraken(BTC/USD)"

    def test_the_book_is_as_deep_as_messages_need(self) -> None:
        assert Kraken("BTC/USD", depth=300).book_depth == 500

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"symbols": []}, "at least one symbol"),
            ({"symbols": "BTCUSD"}, "'BTCUSD' is not a pair of Kraken's: .*'BTC/USD'"),
            ({"symbols": "A/B", "url": "http://x/v2"}, "url='http://x/v2' is not an address"),
            ({"symbols": "A/B", "depth": 0}, "depth=0 is not a number of levels"),
            ({"symbols": "A/B", "depth": 2000}, "depth=2000 is more than the 1000 levels"),
            ({"symbols": "A/B", "book_depth": 20}, "book_depth=20 is not a depth .* give 10, 25, 100, 500, 1000"),
            ({"symbols": "A/B", "depth": 20, "book_depth": 10}, "depth=20 is more than the 10 levels"),
        ],
    )
    def test_a_bad_argument_is_named(self, arguments: dict[str, object], said: str) -> None:
        with pytest.raises(ArgumentError, match=said):
            Kraken(**arguments)  # type: ignore[arg-type]

    def test_symbols_are_names(self) -> None:
        with pytest.raises(ArgumentTypeError, match="got 7"):
            Kraken([7])  # type: ignore[list-item]


class TestBooks:
    async def test_are_the_venues(self) -> None:
        """Each symbol is flagged until its snapshot has come, and follows the venue's book from then on."""
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            first = reader.items[0].message
            assert isinstance(first, Gap)
            assert first.symbols == ["BTC/USD", "ETH/USD"]
            await venue.step(50)
            await synchronised(venue, reader)
            stats = reader.feed.stats
            assert (stats.connections, stats.snapshots, stats.gaps, stats.resyncs) == (1, 2, 0, 2)
            assert stats.checked > 50
            assert (stats.differing, stats.undecoded, stats.unknown) == (0, 0, 0)
            assert stats.unreliable == []
            assert stats.system == "online"
            assert [one.symbol for one in reader.feed.instruments] == reader.feed.symbols
            assert reader.feed.wait(0.01)
            assert "Kraken" in reader.feed._repr_html_()
            trades = sum(
                len(item.message.symbols[0].trades or ())
                for item in reader.items
                if isinstance(item.message, MarketData)
            )
            assert trades == sum(market.trades_sent for market in venue.markets.values())

    async def test_a_checksum_that_differs_begins_that_book_anew(self) -> None:
        """The symbol is flagged, its book alone is subscribed to once more, and the other symbol goes on."""
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            venue.markets["ETH/USD"].step()
            await venue.step(8)
            await reader.until(lambda: reader.gaps["ETH/USD"][1:])
            await synchronised(venue, reader)
            assert reader.gaps["ETH/USD"][1] == "the checksum of the book is not the venue's"
            assert len(reader.gaps["BTC/USD"]) == 1
            assert venue.methods("BTC/USD") == [("subscribe", "book"), ("subscribe", "trade")]
            assert venue.methods("ETH/USD")[2:] == [("unsubscribe", "book"), ("subscribe", "book")]
            stats = reader.feed.stats
            assert stats.differing >= 1
            assert (stats.gaps, stats.resyncs, stats.connections) == (1, 3, 1)

    async def test_a_book_that_is_wrong_over_and_over_is_a_problem(self) -> None:
        """None of its checksums is the venue's: it never becomes reliable, and somebody has to be told why."""
        async with ScriptedVenue(faults=Faults(1, alter=1.0)) as venue, FeedReader(feed_of(venue)) as reader:
            said = "BTC/USD: the checksum of the book is not the venue's ("
            await reader.until(lambda: said in str(reader.feed.problem))
            venue.faults.is_on = False
            await synchronised(venue, reader)
            assert reader.feed.problem is None

    async def test_a_snapshot_that_does_not_come_is_asked_for_again(self) -> None:
        timing = FeedTiming(timeout=0.3, backoff=QUICK)
        async with ScriptedVenue() as venue:
            venue.withheld.add("ETH/USD")
            async with FeedReader(feed_of(venue, timing)) as reader:
                await synchronised(venue, reader)
                assert venue.methods("ETH/USD")[2:4] == [("unsubscribe", "book"), ("subscribe", "book")]
                assert len(venue.methods("BTC/USD")) == 2

    async def test_a_subscription_that_is_refused_is_told_and_tried_again(self) -> None:
        async with ScriptedVenue() as venue:
            venue.refusals["ETH/USD"] = "Subscription depth not supported"
            async with FeedReader(feed_of(venue)) as reader:
                problems = []
                reader.feed.status_taps.append(lambda status: problems.append(reader.feed.problem))
                await reader.until(lambda: reader.shows(venue.markets["BTC/USD"]))
                await synchronised(venue, reader)
                await reader.until(lambda: reader.feed.problem is None)
                assert reader.feed.stats.refused >= 1

    async def test_the_address_need_not_have_its_path(self) -> None:
        async with (
            ScriptedVenue() as venue,
            FeedReader(Kraken("XBT/USD", url=venue.url.removesuffix("/v2"))) as reader,
        ):
            await reader.until_shown("BTC/USD", 1)

    async def test_an_unknown_symbol_is_named(self) -> None:
        async with ScriptedVenue() as venue:
            feed = Kraken(["BTC/USD", "BTC/USB"], url=venue.url)
            async with FeedReader(feed) as reader:
                with pytest.raises(SubscriptionFailed, match=r"does not list 'BTC/USB' \(nearest: 'BTC/USD'\)"):
                    await reader.until(lambda: False)

    async def test_an_unreadable_frame_leaves_all_in_doubt(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            (connection,) = venue.connections
            await connection.send('{"channel":"book","type":"upd')
            await reader.until(lambda: reader.gaps["BTC/USD"][1:] and reader.gaps["ETH/USD"][1:])
            await synchronised(venue, reader)
            assert "cannot be read" in reader.gaps["BTC/USD"][1]
            assert reader.feed.stats.undecoded == 1

    async def test_a_new_recording_of_frames_begins_with_snapshots(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            frames: list[bytes] = []
            reader.feed.raw_taps.append(lambda symbol, at, payload: frames.append(payload))
            await venue.step()
            await reader.until(lambda: sum(b'"snapshot"' in one for one in frames) >= 2)
            await synchronised(venue, reader)
            assert "for a recording of their frames" in reader.gaps["BTC/USD"][1]


class TestConnections:
    async def test_a_cut_connection_is_made_again(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            venue.cut_all()
            await venue.step(5, silently=True)
            await reader.until(lambda: reader.gaps["BTC/USD"][1:])
            await synchronised(venue, reader)
            assert "disconnected" in reader.gaps["ETH/USD"][1]
            assert [status.event for status in reader.statuses] == ["connect", "disconnect", "connect"]
            assert reader.statuses[1].symbols == ("BTC/USD", "ETH/USD")
            assert reader.feed.stats.reconnects == 1

    async def test_a_stalled_connection_is_replaced(self) -> None:
        timing = FeedTiming(stall_after=0.4, backoff=QUICK)
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue, timing)) as reader:
            await synchronised(venue, reader)
            venue.freeze(venue.connections[0])
            await venue.step(3, silently=True)
            await reader.until(lambda: reader.feed.stats.stalls == 1)
            await synchronised(venue, reader)
            assert reader.gaps["BTC/USD"][1] == "disconnected: nothing was heard any more"

    async def test_a_connection_that_answers_no_requests_is_replaced(self) -> None:
        """Its streams still come, but no book can be begun anew."""
        timing = FeedTiming(timeout=0.2, backoff=QUICK)
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue, timing)) as reader:
            await synchronised(venue, reader)
            (connection,) = venue.connections
            venue.freeze(connection)
            venue.markets["ETH/USD"].step()
            while len(venue.connections) < 2 and connection in venue.connections:
                await venue.step()
                await reader.rest()
            await synchronised(venue, reader)
            assert reader.statuses[1].detail.endswith("requests were not answered any more")
            assert reader.feed.stats.stalls == 1

    async def test_connections_that_fail_are_tried_again(self) -> None:
        async with ScriptedVenue() as venue:
            venue.refuses_sockets = 3
            async with FeedReader(feed_of(venue)) as reader:
                await synchronised(venue, reader)
                assert reader.feed.problem is None

    async def test_a_server_that_restarts_is_waited_for(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            venue.refuses_sockets = 4
            venue.cut_all()
            await venue.step(3, silently=True)
            await reader.until(lambda: reader.feed.problem is not None)
            assert "cannot connect" in str(reader.feed.problem)
            await synchronised(venue, reader)
            assert reader.feed.stats.failures == 4

    async def test_a_wrong_path_is_told(self) -> None:
        async with ScriptedVenue() as venue:
            feed = Kraken("BTC/USD", url=venue.url.replace("/v2", "/v1"), timing=TIMING)
            async with FeedReader(feed) as reader:
                await reader.until(lambda: reader.feed.problem)
                assert "nothing answers at the path /v1" in str(reader.feed.problem)

    async def test_the_clock_is_measured(self) -> None:
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            await reader.until(lambda: reader.feed.stats.offset is not None)
            uncertainty = reader.feed.stats.offset_uncertainty
            assert uncertainty is not None
            assert math.isclose(reader.feed.stats.offset or 0, 0, abs_tol=uncertainty + 2000)
            await reader.until(lambda: sum(one["method"] == "ping" for one in venue.requests) >= 2)

    async def test_requests_name_many_symbols(self) -> None:
        symbols = [f"A{number}/USD" for number in range(120)]
        async with ScriptedVenue(symbols) as venue, FeedReader(feed_of(venue)) as reader:
            await reader.until(lambda: not reader.feed.unreliable)
            books = [one for one in venue.requests if one.get("params", {}).get("channel") == "book"]
            assert [len(one["params"]["symbol"]) for one in books] == [50, 50, 20]


class TestMaintenance:
    async def test_flags_all_until_it_is_over(self) -> None:
        """Books are subscribed to anew when the venue is online again."""
        async with ScriptedVenue() as venue, FeedReader(feed_of(venue)) as reader:
            await synchronised(venue, reader)
            await venue.tell_status("maintenance")
            await reader.until(lambda: reader.gaps["BTC/USD"][1:] and reader.gaps["ETH/USD"][1:])
            assert reader.gaps["BTC/USD"][1] == "the venue is in maintenance"
            assert "is in maintenance" in str(reader.feed.problem)
            assert reader.feed.stats.system == "maintenance"
            await venue.step(3)
            await venue.tell_status("post_only")
            await synchronised(venue, reader)
            assert reader.feed.problem is None
            assert reader.feed.stats.connections == 1

    async def test_is_waited_for_before_a_subscription(self) -> None:
        async with ScriptedVenue() as venue:
            venue.system = "maintenance"
            async with FeedReader(feed_of(venue)) as reader:
                await reader.until(lambda: "is in maintenance" in str(reader.feed.problem))
                assert venue.methods("BTC/USD") == []
                await venue.tell_status("online")
                await synchronised(venue, reader)


class TestLife:
    async def test_it_leaves_with_its_last_reader(self) -> None:
        async with ScriptedVenue() as venue:
            feed = feed_of(venue)
            async with FeedReader(feed) as reader, FeedReader(feed):
                await synchronised(venue, reader)
            async with FeedReader(feed) as reader:
                await synchronised(venue, reader)


async def test_faults_are_seen() -> None:
    """The faults that the seeded runs are made of show themselves."""
    faults = Faults(1, alter=1.0)
    faults.is_on = False
    async with ScriptedVenue(faults=faults) as venue, FeedReader(feed_of(venue)) as reader:
        await synchronised(venue, reader)
        faults.is_on = True
        await venue.step(2)
        await reader.until(lambda: reader.gaps["BTC/USD"][1:])
        faults.is_on = False
        await synchronised(venue, reader)
        assert faults.counts["alter"] > 0
