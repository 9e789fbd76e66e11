from __future__ import annotations

from hftlab.events import CLEAR, EventBatch
from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.venues.binance.book_sync import BookSync, Change, Trust
from hftlab.venues.binance.messages import BookTicker, DepthSnapshot, DepthUpdate, Level, Trade
from tests.venues.captures import START, SYMBOL

INSTRUMENT = Instrument(SYMBOL, BINANCE, UNIT // 100, UNIT // 100_000, "USDT")
NOW = START * UNIT
BIDS, ASKS = [Level("100.00", "1")], [Level("100.01", "2")]


def update(first: int, last: int, *, previous: int | None = None, price: str = "99.99") -> DepthUpdate:
    return DepthUpdate(SYMBOL, START * 1000 + last, first, last, [Level(price, "3")], [], previous)


def snapshot(last: int) -> DepthSnapshot:
    return DepthSnapshot(last, BIDS, ASKS)


def changes(sync: BookSync) -> list[str | None]:
    """The reasons of the changes since the last call; None where the book became reliable."""
    return [part.reason for part in sync.take() if isinstance(part, Change)]


def live(last: int = 10) -> BookSync:
    sync = BookSync(INSTRUMENT)
    sync.subscribed()
    sync.snapshot(snapshot(last), NOW)
    assert changes(sync) == [None]
    return sync


class TestBookSync:
    def test_a_snapshot_is_needed_from_the_subscription_on(self) -> None:
        sync = BookSync(INSTRUMENT)
        assert not sync.needs_snapshot
        sync.subscribed()
        assert sync.needs_snapshot
        sync.asked = True
        assert not sync.needs_snapshot
        sync.snapshot(snapshot(10), NOW)
        assert (sync.trust, sync.last_update_id, sync.needs_snapshot) == (Trust.LIVE, 10, False)

    def test_updates_wait_for_a_snapshot_that_they_join(self) -> None:
        """Spot: the first has U <= lastUpdateId + 1 <= u; older ones are dropped."""
        sync = BookSync(INSTRUMENT)
        sync.subscribed()
        for ids in ((5, 8), (9, 12), (13, 14)):
            sync.update(update(*ids), NOW)
        sync.snapshot(snapshot(3), NOW)  # late: 4 is missing
        assert (sync.trust, sync.attempts) == (Trust.NONE, 1)
        sync.snapshot(snapshot(10), NOW)
        assert (sync.trust, sync.last_update_id) == (Trust.LIVE, 14)

    def test_a_futures_update_names_the_one_before(self) -> None:
        sync = BookSync(INSTRUMENT)
        sync.subscribed()
        sync.update(update(5, 12, previous=4), NOW)
        sync.snapshot(snapshot(10), NOW)
        assert sync.last_update_id == 12
        sync.update(update(15, 18, previous=12), NOW)
        assert sync.last_update_id == 18
        sync.update(update(19, 20, previous=17), NOW)
        assert sync.trust is Trust.NONE

    def test_a_missing_update_ends_the_book(self) -> None:
        sync = live()
        sync.update(update(12, 13), NOW)
        parts = sync.take()
        assert isinstance(parts[0], EventBatch)
        assert parts[0].action.tolist() == [CLEAR]
        assert parts[1] == Change(SYMBOL, NOW, "depth updates before 12 are missing")
        assert sync.needs_snapshot

    def test_a_lost_connection_leaves_a_book_in_doubt_that_the_next_update_continues(self) -> None:
        sync = live()
        sync.lost(NOW, "disconnected")
        assert changes(sync) == ["disconnected"]
        assert not sync.needs_snapshot
        sync.subscribed()
        assert sync.needs_snapshot
        sync.update(update(11, 12), NOW)
        assert changes(sync) == [None]

    def test_a_snapshot_of_the_same_update_ends_the_doubt(self) -> None:
        sync = live()
        sync.lost(NOW, "disconnected")
        sync.subscribed()
        sync.snapshot(snapshot(9), NOW)
        assert sync.trust is Trust.DOUBTFUL
        sync.snapshot(snapshot(10), NOW)
        assert sync.trust is Trust.LIVE

    def test_a_snapshot_that_comes_while_nothing_is_connected_is_not_relied_on(self) -> None:
        sync = live()
        sync.lost(NOW, "disconnected")
        sync.snapshot(snapshot(15), NOW)
        assert (sync.trust, sync.last_update_id) == (Trust.DOUBTFUL, 15)
        assert not sync.needs_snapshot
        sync.subscribed()
        assert sync.needs_snapshot
        sync.update(update(16, 17), NOW)
        assert sync.trust is Trust.LIVE

    def test_copies_are_counted_and_dropped(self) -> None:
        sync = live()
        trade = Trade(SYMBOL, START * 1000, 7, "100.00", "1", True)
        for _ in range(2):
            sync.update(update(11, 12), NOW)
            sync.trade(trade, NOW)
        (batch,) = sync.take()
        assert isinstance(batch, EventBatch)
        assert len(batch) == 2
        assert (sync.repeated, sync.stats.trades_repeated) == (1, 1)

    def test_a_number_off_the_grid_ends_the_book(self) -> None:
        sync = live()
        sync.update(update(11, 12, price="99.999"), NOW)
        assert changes(sync) == ["the price '99.999' is not a multiple of the tick"]
        assert sync.trust is Trust.NONE

    def test_distrust_clears_the_book(self) -> None:
        sync = live()
        sync.distrust(NOW, "it is crossed")
        assert changes(sync) == ["it is crossed"]
        sync.update(update(11, 12), NOW)
        sync.snapshot(snapshot(11), NOW)
        assert (sync.trust, sync.last_update_id) == (Trust.LIVE, 12)

    def test_the_ticker_of_the_books_own_update_is_found(self) -> None:
        """Whether it comes before the update or after it; others wait, and those of the past are dropped."""
        sync = live()
        tickers = [BookTicker(SYMBOL, number, "100.00", "1", "100.01", "2") for number in (9, 12, 13)]
        for ticker in tickers:
            sync.ticker(ticker, NOW)
        assert sync.matching_ticker() is None
        sync.update(update(11, 12), NOW)
        assert sync.matching_ticker() == tickers[1]
        assert sync.matching_ticker() is None
        sync.update(update(13, 13), NOW)
        assert sync.matching_ticker() == tickers[2]
        assert sync.checked == 2
