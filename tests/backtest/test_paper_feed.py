"""Paper trading over a live feed, against a scripted venue."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

import hftlab as hl
from hftlab.backtest import Latency
from hftlab.errors import ArgumentError, ConnectionFailed
from hftlab.feeds import FeedTiming
from hftlab.lab import LabClient
from hftlab.transport.backoff import Backoff
from tests.feeds.binance.simulated_venue import Market
from tests.feeds.binance.threaded_venue import ThreadedVenue, threaded_venue
from tests.waiting import until

TIMING = FeedTiming(backoff=Backoff(base=0.01, limit=0.05, attempts=None))


@pytest.fixture
def venue() -> Iterator[ThreadedVenue]:
    with threaded_venue(["BTCUSDT"]) as venue:
        yield venue


@pytest.fixture
def feed(venue: ThreadedVenue) -> hl.feeds.Binance:
    return hl.feeds.Binance("BTCUSDT", timing=TIMING, **venue.addresses)


def market_of(venue: ThreadedVenue) -> Market:
    return venue.venue.markets["BTCUSDT"]


def shown(client: LabClient, venue: ThreadedVenue) -> bool:
    latest, (bids, asks) = client.latest("BTCUSDT"), market_of(venue).book
    return latest is not None and (latest.bid, latest.ask) == (float(max(bids)), float(min(asks)))


class TestPaperFeed:
    def test_an_order_that_crosses_fills_for_the_size_that_is_there(
        self, venue: ThreadedVenue, feed: hl.feeds.Binance
    ) -> None:
        with hl.serve(feed, port=0, fills="risk_averse") as server, hl.connect(server.url, account="alice") as client:
            client.subscribe("BTCUSDT", frequency=0)
            venue.step()
            until(lambda: shown(client, venue))
            asks = market_of(venue).book[1]
            best = min(asks)
            order = client.trading.buy("BTCUSDT", float(asks[best] + 1), price=float(best))
            order.wait("PARTIALLY_FILLED")
            (fill,) = client.trading.fills
            assert (fill.price, Decimal(repr(fill.quantity))) == (float(best), asks[best])
            order.cancel()
            order.wait("CANCELED")

    def test_a_resting_order_is_filled_by_prints(self, venue: ThreadedVenue, feed: hl.feeds.Binance) -> None:
        """At a price of its own, where trades of sellers come next."""
        fills = {"fill": "risk_averse", "latency": Latency(entry="1ms", response="1ms")}
        with hl.serve(feed, port=0, fills=fills) as server, hl.connect(server.url, account="alice") as client:
            client.subscribe("BTCUSDT", frequency=0)
            venue.step()
            until(lambda: shown(client, venue))
            order = client.trading.buy("BTCUSDT", 5, price=float(market_of(venue).mid))
            order.wait("NEW")
            until(lambda: venue.step() or client.trading.fills)
            assert client.trading.positions["BTCUSDT"].quantity > 0

    def test_a_symbol_that_is_flagged_is_halted(self, venue: ThreadedVenue, feed: hl.feeds.Binance) -> None:
        """Orders rest, new ones are refused, and cancels are taken."""
        with hl.serve(feed, port=0, fills="power(3)") as server, hl.connect(server.url, account="alice") as client:
            client.subscribe("BTCUSDT", frequency=0)
            venue.step()
            until(lambda: shown(client, venue))
            price = float(min(market_of(venue).book[0]) - 5)
            resting = client.trading.buy("BTCUSDT", 1, price=price)
            resting.wait("NEW")
            venue.venue.snapshot_gate.clear()
            venue.venue.refuses_sockets = 10**6
            venue.run(cut(venue))
            until(lambda: feed.stats.unreliable == ["BTCUSDT"])
            until(lambda: feed.next_time() is None)
            refused = client.trading.buy("BTCUSDT", 1, price=price)
            refused.wait("REJECTED")
            resting.cancel()
            resting.wait("CANCELED")
            venue.venue.refuses_sockets = 0
            venue.venue.snapshot_gate.set()

    def test_a_model_that_needs_orders_of_others_is_refused(self, feed: hl.feeds.Binance) -> None:
        with pytest.raises(ArgumentError, match="'fifo' stands orders in recorded queues"):
            hl.serve(feed, port=0, fills="fifo")

    def test_a_venue_that_cannot_be_reached_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hftlab.backtest.paper_feed._WAIT", 0.05)
        feed = hl.feeds.Binance("BTCUSDT", ws_url="ws://127.0.0.1:1", rest_url="http://127.0.0.1:1", timing=TIMING)
        with pytest.raises(ConnectionFailed, match=r"binance spot has not told its instruments in 0\.05 s"):
            hl.serve(feed, port=0, fills="risk_averse")


async def cut(venue: ThreadedVenue) -> None:
    for connection in list(venue.venue.connections):
        venue.venue.cut(connection)
