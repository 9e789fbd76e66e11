from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field
from xml.etree import ElementTree

import msgspec
import pytest

from hftlab.market.queue_estimate import QueueEstimate
from hftlab.protocol.enums import OrderStatus, OrderType, Side
from hftlab.protocol.market_data import MarketData, Trade
from hftlab.protocol.messages import Gap, ReplayState, ReplayStatus
from hftlab.protocol.order_messages import PRIVATE_CHANNEL
from hftlab.widgets import QueuePosition
from hftlab.widgets.queue.frame import outcome
from hftlab.widgets.queue.track import POINTS, Track
from hftlab.widgets.queue.tracker import FOLLOWED, MOST, QueueTracker, tracker_of
from hftlab.widgets.queue.view import QueueView
from tests.trading.updates import order_update
from tests.widgets.account import Trader, order, portfolio
from tests.widgets.market import NOON, Book, quote

SECOND = 1_000_000_000
PRICE = 175.25


@dataclass(eq=False)
class Followed(Trader):
    """A trader whose market moves by messages that the test sends; times in seconds after noon."""

    callbacks: list = field(default_factory=list)
    last: Trade | None = None

    def on(self, event, callback):
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback) if callback in self.callbacks else None

    def send(self, seconds: float, size: float, *trades: tuple[float, float, str]) -> None:
        """Send all trades since the message before; without any, the last one is repeated, as servers do."""
        ms = NOON / 1e6 + 1000 * seconds
        self.books["AAPL"] = Book("AAPL", [(PRICE, size, 3), (175.0, 900.0, 9)], [(175.5, 400.0, 2)])
        made = [Trade(price=price, size=sold, timestamp=ms, side=side) for price, sold, side in trades]
        self.last = made[-1] if made else self.last
        state = quote("AAPL", timestamp=ms, trades=made or None, last_trade=self.last)
        for callback in list(self.callbacks):
            callback(MarketData(timestamp=ms, symbols=[state]))

    def go_back(self, seconds: float, *still_there: int) -> None:
        """Go back as a replay does: the market first, then that orders are gone, then the state of the account."""
        self.send(seconds, 600)
        self.tell(
            Gap(timestamp=1.0, channel=PRIVATE_CHANNEL, from_sequence=1, to_sequence=9, reason="", withdrawn=True)
        )
        self.trading.records[:] = [resting(number) for number in still_there]
        self.tell(msgspec.structs.replace(portfolio(), snapshot=True))

    def tell(self, message) -> None:
        for callback in list(self.callbacks):
            callback(message)

    def update(self, place: int = -1, **changes) -> None:
        records = self.trading.records
        records[place] = msgspec.structs.replace(records[place], **changes)


def resting(number: int = 1, **changes):
    return order(number, order_id=str(number), price=PRICE, **changes)


@pytest.fixture
def client():
    return Followed()


@pytest.fixture
def tracker(client):
    tracker = QueueTracker(client)
    yield tracker
    tracker.close()
    assert client.callbacks == []


@pytest.fixture
def paper(client):
    """The client of a replay that takes orders: its books are the recorded ones, without them."""
    client.replay.status = ReplayStatus(timestamp=1.0, state=ReplayState.PAUSED, position=0.0, end=9.0, order_time=NOON)
    return client


def bounds(tracker: QueueTracker) -> list[tuple[float, float, float]]:
    points = [track.points[-1] for track in tracker.tracks()]
    return [(point.least, point.likely, point.most) for point in points]


class TestTracker:
    def test_from_entry_to_fill(self, client, tracker):
        client.send(0, 500)
        client.trading.records.append(resting())
        client.send(1, 600)  # the order's own 100 are in it
        assert bounds(tracker) == [(500, 500, 600)]
        client.send(2, 600)
        assert bounds(tracker) == [(500, 500, 500)]
        client.send(3, 450, (PRICE, 100.0, "SELL"))  # and 50 cancelled
        assert bounds(tracker) == [(350, 350, 350)]
        client.send(4, 950)
        client.send(5, 850)  # 100 of 850 others cancelled
        (least, likely, most) = bounds(tracker)[0]
        assert (least, most) == (250, 350)
        assert likely == pytest.approx(350 * (1 - 100 / 850))
        client.update(filled_quantity=40.0, remaining_quantity=60.0, status=OrderStatus.PARTIALLY_FILLED)
        client.send(6, 500, (PRICE, 390.0, "SELL"))
        assert bounds(tracker) == [(0, 0, 0)]
        client.update(filled_quantity=100.0, remaining_quantity=0.0, status=OrderStatus.FILLED)
        client.send(7, 300)
        (track,) = tracker.tracks()
        assert (outcome(track), track.ended) == ("filled", NOON + 7 * SECOND)

    def test_trades_of_the_other_side_and_at_other_prices_do_not_count(self, client, tracker):
        client.send(0, 500)
        client.trading.records.append(resting())
        client.send(1, 600)
        client.send(2, 600, (PRICE, 100.0, "BUY"), (175.0, 100.0, "SELL"))
        assert bounds(tracker) == [(500, 500, 500)]

    def test_a_trade_counts_once_though_the_next_message_repeats_it_as_the_last_one(self, client, tracker):
        client.send(0, 1000)
        client.trading.records.append(resting())
        client.send(1, 1100)
        client.send(2, 1100)
        client.send(3, 1000, (PRICE, 100.0, "SELL"))
        client.send(4, 1000)
        client.send(5, 950, (PRICE, 50.0, "SELL"))
        client.send(6, 950)
        assert bounds(tracker) == [(850, 850, 850)]

    def test_an_order_that_rested_before_is_somewhere_in_its_level(self, client):
        client.books["AAPL"] = Book("AAPL", [(PRICE, 600, 3)], [])
        client.trading.records.append(resting())
        tracker = QueueTracker(client)
        client.send(1, 600)
        assert bounds(tracker) == [(0, 250, 500)]

    def test_a_cancelled_order_ends(self, client, tracker):
        client.trading.records.append(resting())
        client.send(1, 600)
        client.update(status=OrderStatus.CANCELED, remaining_quantity=0.0)
        client.send(2, 500)
        assert [outcome(track) for track in tracker.tracks()] == ["canceled"]

    @pytest.mark.parametrize("change", [{"price": 175.0}, {"quantity": 200.0, "remaining_quantity": 200.0}], ids=str)
    def test_a_replacement_that_loses_its_place_begins_anew(self, client, tracker, change):
        client.trading.records.append(resting())
        client.send(1, 600)
        client.update(client_order_id="other", **change)
        client.send(2, 600)
        assert [outcome(track) for track in tracker.tracks()] == ["changed", "resting"]

    def test_a_smaller_order_keeps_its_place(self, client, tracker):
        client.trading.records.append(resting())
        client.send(1, 600)
        client.update(client_order_id="other", quantity=50.0, remaining_quantity=50.0)
        client.send(2, 550)
        assert [outcome(track) for track in tracker.tracks()] == ["resting"]
        assert bounds(tracker)[0][2] == 500

    @pytest.mark.parametrize(
        "change",
        [
            {"order_type": OrderType.STOP_LIMIT},
            {"order_type": OrderType.ICEBERG},
            {"status": OrderStatus.PENDING_NEW},
            {"price": 1.0},
            {"side": Side.SELL},
        ],
        ids=str,
    )
    def test_what_does_not_rest_in_sight_is_left_out(self, client, tracker, change):
        client.trading.records.append(msgspec.structs.replace(resting(), **change))
        client.send(1, 600)
        assert tracker.tracks() == []

    def test_many_orders_keep_their_places(self, client, tracker):
        """The newest are shown, and all are followed up to a number, beyond which one is not."""
        client.send(0, 5000)
        client.trading.records += [resting(number) for number in range(FOLLOWED + 1)]
        for seconds in range(1, 6):
            client.send(seconds, 20_000 - 1000 * seconds, (PRICE, 1000.0, "SELL"))
        assert [track.record.client_order_id for track in tracker.tracks()] == [
            f"order-{number}" for number in range(FOLLOWED - MOST, FOLLOWED)
        ]
        assert {len(track.points) for track in tracker.tracks()} == {4}
        assert len(tracker.ahead()) == FOLLOWED
        assert len(set(tracker.ahead().values())) == 1

    def test_those_that_have_ended_are_forgotten_first(self, client, tracker):
        client.trading.records += [resting(number) for number in range(MOST)]
        client.send(1, 5000)
        client.update(3, status=OrderStatus.CANCELED, remaining_quantity=0.0)
        client.trading.records.append(resting(99))
        client.send(2, 5000)
        ids = [track.record.client_order_id for track in tracker.tracks()]
        assert len(ids) == MOST
        assert "order-3" not in ids
        assert "order-99" in ids

    def test_a_replay_that_goes_back_begins_anew(self, client, tracker):
        client.trading.records.append(resting())
        client.send(10, 600)
        client.send(11, 600)
        client.send(5, 700)
        (track,) = tracker.tracks()
        assert [point.time for point in track.points] == [NOON + 5 * SECOND]

    def test_without_every_trade_the_last_one_is_taken_once(self, client, tracker):
        client.trading.records.append(resting())
        for seconds, (at, sold) in enumerate([(0, 10.0), (0, 10.0), (1, 50.0), (1, 50.0)], 1):
            client.books["AAPL"] = Book("AAPL", [(PRICE, 600.0, 3)], [])
            trade = Trade(price=PRICE, size=sold, timestamp=NOON / 1e6 + 1000 * at, side="SELL")
            ms = NOON / 1e6 + 1000 * seconds
            state = quote("AAPL", timestamp=ms, trades=None, last_trade=trade)
            for callback in client.callbacks:
                callback(MarketData(timestamp=ms, symbols=[state]))
        assert bounds(tracker)[0][2] == 450

    def test_in_a_replay_the_size_of_the_level_is_all_that_of_others(self, paper, tracker):
        paper.send(0, 500)
        paper.trading.records.append(resting())
        paper.send(1, 500)
        assert bounds(tracker) == [(500, 500, 500)]
        paper.send(2, 450, (PRICE, 50.0, "SELL"))
        assert bounds(tracker) == [(450, 450, 450)]

    @pytest.mark.parametrize(("price", "known"), [(175.4, True), (175.1, True), (174.0, False)])
    def test_in_a_replay_an_order_alone_at_its_price_has_nobody_ahead(self, paper, tracker, price, known):
        paper.trading.records.append(msgspec.structs.replace(resting(), price=price))
        paper.send(0, 500)
        assert bounds(tracker) == [(0, 0, 0)] * known

    def test_orders_that_are_withdrawn_leave_nothing(self, paper, tracker):
        paper.trading.records.append(resting())
        paper.send(5, 600)
        paper.go_back(4)
        assert tracker.tracks() == []
        paper.send(4.5, 600)
        assert tracker.tracks() == []

    def test_an_order_that_still_stands_is_followed_at_once(self, paper, tracker):
        paper.trading.records += [resting(1), resting(2)]
        paper.send(5, 600)
        paper.go_back(5, 1)  # to a time of which there is no other state of the market
        assert [track.record.client_order_id for track in tracker.tracks()] == ["order-1"]
        assert bounds(tracker) == [(0, 300, 600)]  # somewhere in its level
        assert tracker.ahead() == {"1": 300}

    def test_in_a_paused_replay_the_market_of_before_the_view_has_a_time(self, paper):
        paper.send(1, 500)
        paper.quotes["AAPL"] = quote("AAPL", timestamp=NOON / 1e6 + 1000)
        tracker = QueueTracker(paper)
        paper.trading.records.append(resting())
        paper.tell(order_update("order-1"))
        assert [track.points[-1].time for track in tracker.tracks()] == [NOON + SECOND]
        tracker.close()

    def test_in_a_paused_replay_an_order_has_its_place_at_once(self, paper, tracker):
        paper.send(1, 500)
        paper.trading.records.append(resting())
        paper.tell(order_update("order-1"))
        assert bounds(tracker) == [(500, 500, 500)]
        paper.send(2, 600)  # the 100 may have come before it
        assert bounds(tracker) == [(500, 550, 600)]
        paper.tell(order_update("order-1"))
        assert bounds(tracker) == [(500, 550, 600)]
        paper.update(status=OrderStatus.CANCELED, remaining_quantity=0.0)
        paper.tell(order_update("order-1", status=OrderStatus.CANCELED))
        assert [outcome(track) for track in tracker.tracks()] == ["canceled"]


def test_points_are_bounded_and_keep_both_ends():
    track = Track(resting(), QueueEstimate(1000))
    for number in range(10_000):
        track.estimate.observe(1000 - number / 10)
        track.add(NOON + number * SECOND // 10)
    assert POINTS / 2 <= len(track.points) <= POINTS
    assert track.points[0].time == NOON
    assert track.points[-1].time == NOON + 9_999 * SECOND // 10
    assert all(before.time < after.time for before, after in zip(track.points, track.points[1:], strict=False))


class TestView:
    def test_the_frame(self, client):
        view = QueueView(client)
        client.trading.records.append(resting())
        client.send(1, 600)
        client.send(2, 600)
        (track,) = json.loads(view.snapshot())["tracks"]
        assert (track["id"], track["symbol"], track["side"], track["price"]) == ("order-1", "AAPL", "BUY", PRICE)
        assert (track["outcome"], track["filled"], track["decimals"]) == ("resting", False, 2)
        assert (track["from"], track["points"]) == (
            NOON / 1e6 + 2000,
            [[0, 500, 250, 0, 100]],
        )
        assert (view.notice(), view.ages) == ("", False)
        view.close()

    def test_eight_long_tracks_fit_the_traffic(self, client):
        view = QueueView(client)
        client.trading.records += [resting(number) for number in range(MOST)]
        for number in range(2000):
            client.send(number / 7, 5000 - number / 3)
        assert len(view.snapshot()) < 60_000

    def test_the_picture(self, client):
        view = QueueView(client)
        assert "no resting orders" in view.picture().svg
        client.trading.records.append(resting())
        client.send(1, 600)
        client.send(2, 600)
        words = " ".join(element.text or "" for element in ElementTree.fromstring(view.picture().svg).iter())
        assert "buy 100 AAPL at 175.25" in words
        assert "250 ahead (0 to 500)" in words
        assert "estimated size ahead" in words

    def test_the_widget(self, client, still_loop):
        widget = QueuePosition(client, refresh_loop=still_loop)
        assert (repr(widget), widget.error) == ("QueuePosition()", "")
        widget.close()
        del widget
        gc.collect()
        assert client.callbacks == []

    def test_all_views_of_a_client_share_a_tracker(self, client):
        tracker = tracker_of(client)
        assert tracker_of(client) is tracker
        assert len(client.callbacks) == 1


def test_a_track_is_copied_for_its_reader(client, tracker):
    client.trading.records.append(resting())
    client.send(1, 600)
    (copy,) = tracker.tracks()
    client.send(2, 700)
    assert len(copy.points) == 1
