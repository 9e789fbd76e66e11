"""The feed behind a server: clients, late ones too, recordings, paper trading and the command line."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import SubscriptionFailed
from hftlab.feeds import FeedTiming, Kraken
from hftlab.lab import LabClient
from hftlab.transport.backoff import Backoff
from tests.command import ended, journalled, started
from tests.feeds.binance.threaded_venue import ThreadedVenue, threaded_venue
from tests.feeds.kraken.scripted_venue import ScriptedVenue
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("compiled")

TIMING = FeedTiming(backoff=Backoff(base=0.01, limit=0.05, attempts=None))
SYMBOLS = ["BTC/USD", "ETH/USD"]


@pytest.fixture
def venue() -> Iterator[ThreadedVenue]:
    with threaded_venue(SYMBOLS, ScriptedVenue) as venue:
        yield venue


@pytest.fixture
def feed(venue: ThreadedVenue) -> Kraken:
    return Kraken(SYMBOLS, timing=TIMING, book_depth=10, **venue.addresses)


def shown(client: LabClient, venue: ThreadedVenue, symbol: str = "BTC/USD") -> bool:
    latest, (bids, asks) = client.latest(symbol), venue.venue.markets[symbol].book
    return latest is not None and (latest.bid, latest.ask) == (float(max(bids)), float(min(asks)))


class TestServe:
    def test_it_is_served_like_any_source(self, venue: ThreadedVenue, feed: Kraken) -> None:
        with hl.serve(feed, port=0) as server, hl.connect(server.url) as client:
            client.subscribe(SYMBOLS, frequency=0)
            venue.step(20)
            until(lambda: all(shown(client, venue, symbol) for symbol in SYMBOLS))
            assert server.stats()["problems"] == []
        until(lambda: not venue.venue.connections)

    def test_an_unknown_symbol_is_an_error_of_the_call(self, venue: ThreadedVenue) -> None:
        with pytest.raises(SubscriptionFailed, match="nearest: 'BTC/USD'"):
            hl.serve(Kraken(["BTC/USB"], **venue.addresses), port=0)
        until(lambda: not venue.venue.connections)

    def test_a_later_client_is_told_what_is_flagged(self, venue: ThreadedVenue, feed: Kraken) -> None:
        """It gets no state of the symbol until the venue is online again."""
        with hl.serve(feed, port=0) as server:
            until(lambda: not feed.unreliable)
            venue.step()
            venue.run(venue.venue.tell_status("maintenance"))
            until(lambda: feed.unreliable == sorted(SYMBOLS))
            assert any("is in maintenance" in problem for problem in server.stats()["problems"])
            with hl.connect(server.url) as client:
                losses: list[object] = []
                client.on("loss", losses.append)
                client.subscribe(SYMBOLS, frequency=100)
                until(lambda: losses)
                assert client.latest("BTC/USD") is None
                venue.run(venue.venue.tell_status("online"))
                until(lambda: venue.step() or shown(client, venue))


class TestRecord:
    def test_raw_frames_can_be_imported(self, venue: ThreadedVenue, feed: Kraken, tmp_path: Path) -> None:
        with hl.record(feed, tmp_path / "session", raw=True) as recording:
            until(lambda: not feed.unreliable)
            venue.step(20)
            until(lambda: recording.recorded > 20)
        session = hl.open_session(tmp_path / "session")
        assert session.manifest.source["name"] == "kraken"
        assert sorted(path.name for path in (session.folder / "raw").iterdir()) == ["BTC%2FUSD.gz", "ETH%2FUSD.gz"]
        reader = hl.venues.kraken.read(session.folder / "raw" / "BTC%2FUSD.gz")
        assert sum(map(len, reader)) > 20
        assert reader.verification.differing == 0


class TestPaperTrading:
    def test_an_order_that_crosses_fills_for_the_size_that_is_there(self, venue: ThreadedVenue, feed: Kraken) -> None:
        with hl.serve(feed, port=0, fills="risk_averse") as server, hl.connect(server.url, account="alice") as client:
            client.subscribe("BTC/USD", frequency=0)
            venue.step()
            until(lambda: shown(client, venue))
            asks = venue.venue.markets["BTC/USD"].book[1]
            best = min(asks)
            order = client.trading.buy("BTC/USD", float(asks[best] + 1), price=float(best))
            order.wait("PARTIALLY_FILLED")
            (fill,) = client.trading.fills
            assert (fill.price, Decimal(repr(fill.quantity))) == (float(best), asks[best])

    def test_a_maintenance_halts(self, venue: ThreadedVenue, feed: Kraken) -> None:
        with hl.serve(feed, port=0, fills="power(3)") as server, hl.connect(server.url, account="alice") as client:
            client.subscribe("BTC/USD", frequency=0)
            until(lambda: venue.step() or shown(client, venue))
            venue.run(venue.venue.tell_status("maintenance"))
            until(lambda: feed.unreliable)
            order = client.trading.buy("BTC/USD", 1, price=1.0)
            order.wait("REJECTED")


class TestCommandLine:
    def test_it_serves_and_records(self, venue: ThreadedVenue, tmp_path: Path) -> None:
        options = ["--feed", f"kraken:{','.join(SYMBOLS)}", "--ws-url", venue.venue.url]
        with started("serve", *options, "--port", "0") as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with hl.connect(url) as client:
                client.subscribe("BTC/USD", frequency=0)
                until(lambda: venue.step() or client.latest("BTC/USD"))
            process.send_signal(signal.SIGTERM)
            assert ended(process)[::2] == (0, "")
        before = len(venue.venue.requests)
        with started("record", *options, "--raw", "-o", tmp_path / "session") as process:
            until(lambda: len(venue.venue.requests) > before)
            until(lambda: venue.step() or journalled(tmp_path / "session") > 20_000)
            process.send_signal(signal.SIGINT)
            assert ended(process)[::2] == (0, "")
        assert hl.open_session(tmp_path / "session").manifest.complete

    def test_an_unknown_symbol_is_one_line(self, venue: ThreadedVenue, tmp_path: Path) -> None:
        options = ["--feed", "kraken:BTC/USB", "--ws-url", venue.venue.url, "-o", tmp_path / "session"]
        with started("record", *options) as process:
            code, _, errors = ended(process)
        assert code == 2
        assert errors.startswith("hftlab: KRAKEN does not list 'BTC/USB' (nearest: 'BTC/USD')")
        assert errors.count("\n") == 1
