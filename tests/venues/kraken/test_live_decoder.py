"""The decoder of live frames: its rows, its checksums, and what it asks for, against a slow book of Kraken's rules."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.live_decoder import LiveDecoder
from hftlab.venues.symbol_parts import Change, SymbolParts, Wanted
from tests.venues.captures import rows_of
from tests.venues.kraken_frames import OracleBook, ack, book_frame, trade_frame

BTC = Instrument("BTC/USD", KRAKEN, UNIT // 10, 10, "USD")
ETH = Instrument("ETH/USD", KRAKEN, UNIT // 100, 10, "USD")
NOW = 1_790_000_000 * UNIT
BOOK, SNAP, DOUBT, LAST = F_MBP, F_MBP | F_SNAPSHOT, F_MAYBE_BAD_BOOK, F_LAST
BIDS = {"100.1": "2.00000000", "100.0": "3.00000000"}
ASKS = {"100.2": "1.50000000"}


@dataclass
class Venue:
    """Writes messages with the right checksum, and gives them to a decoder."""

    decoder: LiveDecoder
    book: OracleBook = field(default_factory=OracleBook)
    now: int = NOW

    def send(
        self, kind: str, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None, *, wrong: bool = False
    ) -> str | None:
        bids, asks = bids or {}, asks or {}
        self.book.apply(bids.items(), asks.items(), is_snapshot=kind == "snapshot")
        self.now += 1
        return self.decoder.receive(book_frame(kind, bids, asks, self.book.checksum() ^ wrong), self.now)


@pytest.fixture
def venue() -> Venue:
    return Venue(LiveDecoder([BTC, ETH]))


def parts(taken: list[SymbolParts]) -> list[object]:
    """Return rows of batches and the reasons of changes, of the only pair."""
    (one,) = taken
    return [part.reason if isinstance(part, Change) else rows_of(part) for part in one.parts]


class TestRows:
    def test_of_a_snapshot_an_update_and_a_trade(self, venue: Venue) -> None:
        assert venue.send("snapshot", BIDS, ASKS) == "BTC/USD"
        venue.send("update", {"100.1": "0.00000000", "99.9": "4.00000000"}, {"100.2": "1.00000000"})
        assert venue.decoder.receive(trade_frame("update", 7, side="sell"), venue.now) == "BTC/USD"
        (taken,) = venue.decoder.take()
        change, batch = taken.parts
        assert change == Change("BTC/USD", NOW + 1, None)
        assert isinstance(batch, EventBatch)
        assert rows_of(batch) == [
            ("R", "N", 0.0, 0.0, F_SNAPSHOT),
            ("A", "B", 100.1, 2.0, SNAP),
            ("A", "B", 100.0, 3.0, SNAP),
            ("A", "A", 100.2, 1.5, SNAP | LAST),
            ("C", "B", 100.1, 0.0, BOOK),
            ("M", "B", 99.9, 4.0, BOOK),
            ("M", "A", 100.2, 1.0, BOOK | LAST),
            ("T", "A", 100.5, 0.5, LAST),
        ]
        assert batch.sequence[-1] == 7
        assert (batch.ts_event == 1_790_358_504 * UNIT + 799_230_000).all()

    def test_levels_that_fall_out_of_the_depth_are_cancelled(self, venue: Venue) -> None:
        assert venue.decoder.receive(ack(10), NOW) == "BTC/USD"
        venue.send("snapshot", {f"{90 + at}.0": "1.00000000" for at in range(10)}, ASKS)
        venue.decoder.take()
        venue.send("update", {"99.5": "1.00000000"})
        assert parts(venue.decoder.take()) == [[("M", "B", 99.5, 1.0, BOOK), ("C", "B", 90.0, 0.0, BOOK | LAST)]]

    def test_an_update_without_levels_is_an_event(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.decoder.take()
        venue.send("update")
        assert parts(venue.decoder.take()) == [[("N", "N", 0.0, 0.0, BOOK | LAST)]]

    def test_prices_that_no_batch_can_hold_count_in_the_checksum_and_are_not_passed_on(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS | {"99999999999.0": "1.00000000"})
        (taken,) = venue.decoder.take()
        assert len(taken.parts) == 2
        assert venue.decoder.pairs["BTC/USD"].stats.out_of_range == 1

    def test_of_a_snapshot_of_trades_only_the_missed_ones_are_passed_on(self, venue: Venue) -> None:
        venue.decoder.receive(trade_frame("snapshot", 1, 2, 3), NOW)
        venue.decoder.receive(trade_frame("update", 4), NOW)
        venue.decoder.receive(trade_frame("snapshot", 3, 4, 5, 6), NOW)
        (taken,) = venue.decoder.take()
        (batch,) = taken.parts
        assert isinstance(batch, EventBatch)
        assert batch.sequence.tolist() == [4, 5, 6]
        assert batch.flags.tolist() == [LAST, LAST | F_SNAPSHOT, LAST | F_SNAPSHOT]
        assert venue.decoder.pairs["BTC/USD"].stats.trades_repeated == 5


class TestReliability:
    def test_a_wrong_checksum_makes_rows_doubtful_until_the_next_snapshot(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.send("update", {"100.0": "5.00000000"}, wrong=True)
        venue.send("update", {"100.0": "6.00000000"})
        reason = "the checksum of the book is not the venue's"
        assert parts(venue.decoder.take())[2:] == [
            reason,
            [("M", "B", 100.0, 5.0, BOOK | DOUBT | LAST)],
            [("M", "B", 100.0, 6.0, BOOK | DOUBT | LAST)],
        ]
        assert venue.decoder.wanted() == [Wanted("BTC/USD", 1)]
        venue.send("update", {"100.0": "7.00000000"}, wrong=True)
        venue.decoder.take()
        assert venue.decoder.wanted() == []  # asked for
        venue.send("snapshot", BIDS, ASKS)
        taken = parts(venue.decoder.take())
        assert taken[0] is None
        assert venue.decoder.wanted() == []

    def test_a_snapshot_of_no_use_is_wanted_again(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS, wrong=True)
        assert len(parts(venue.decoder.take())) == 1
        assert venue.decoder.wanted() == [Wanted("BTC/USD", 1)]
        venue.send("snapshot", BIDS, ASKS, wrong=True)
        assert venue.decoder.wanted() == [Wanted("BTC/USD", 2)]

    def test_a_new_connection_brings_its_snapshot_by_itself(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.decoder.take()
        venue.decoder.lost(["BTC/USD", "ETH/USD"], NOW, "reset")
        assert [one.parts for one in venue.decoder.take()] == [[Change("BTC/USD", NOW, "reset")]]
        assert venue.decoder.wanted() == []
        venue.send("snapshot", BIDS, ASKS)
        assert parts(venue.decoder.take())[0] is None

    def test_frames_lost_on_this_side_make_all_books_wanted(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.decoder.take()
        venue.decoder.doubt(NOW, "dropped")
        assert parts(venue.decoder.take()[:1]) == ["dropped"]
        assert [one.symbol for one in venue.decoder.wanted()] == ["BTC/USD", "ETH/USD"]

    def test_a_book_that_the_caller_distrusts_is_cleared(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.decoder.take()
        venue.decoder.distrust("BTC/USD", NOW, "crossed")
        assert parts(venue.decoder.take()) == ["crossed", [("R", "N", 0.0, 0.0, LAST)]]
        venue.send("update", {"100.0": "7.00000000"})
        assert venue.decoder.take() == []
        assert venue.decoder.wanted() == [Wanted("BTC/USD", 1)]

    def test_a_number_off_its_grid_is_a_wrong_book(self, venue: Venue) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.send("update", {"100.05": "7.00000000"})
        assert parts(venue.decoder.take())[2:] == [
            "the price '100.05' is not a multiple of the tick",
            [("R", "N", 0.0, 0.0, LAST)],
        ]

    def test_numbers_whose_zeros_were_lost_on_the_way_have_the_checksum_too(self, venue: Venue) -> None:
        venue.book.apply(BIDS.items(), ASKS.items(), is_snapshot=True)
        frame = book_frame("snapshot", {"100.1": "2", "100": "3.0"}, {"100.2": "1.5e0"}, venue.book.checksum())
        venue.decoder.receive(frame, NOW)
        assert parts(venue.decoder.take())[0] is None


class TestFrames:
    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"[]",
            b"\xff",
            b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD"}]}',
            book_frame("update", {"-1": "1"}, {}, 0),
            book_frame("update", {}, {}, 0, time="yesterday"),
            book_frame("update", {}, {}, 0, time="2026-13-25T17:48:24Z"),
            b'{"channel":"trade","type":"update","data":{}}',
            book_frame("update", {"9" * 5000: "1"}, {}, 0),
            trade_frame("update", 2**63),
        ],
    )
    def test_what_cannot_be_read_is_counted_and_puts_books_in_doubt(self, venue: Venue, payload: bytes) -> None:
        venue.send("snapshot", BIDS, ASKS)
        venue.decoder.take()
        assert venue.decoder.receive(payload, NOW) is None
        assert venue.decoder.undecoded == 1
        venue.decoder.take()
        assert ("BTC/USD" in {one.symbol for one in venue.decoder.wanted()}) is (b"channel" in payload)

    def test_others_are_counted_by_name(self, venue: Venue) -> None:
        for payload in (
            b'{"channel":"heartbeat"}',
            b'{"channel":"status","type":"update","data":[{"system":"online"}]}',
            b'{"method":"pong","req_id":1}',
            b'{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"BTC/USD"}',
            book_frame("snapshot", BIDS, ASKS, 1, "XRP/USD"),
            trade_frame("update", 1, symbol="XRP/USD"),
            b"{}",
        ):
            assert venue.decoder.receive(payload, NOW) is None
        assert dict(venue.decoder.unknown) == {
            "heartbeat": 1,
            "status": 1,
            "pong": 1,
            "subscribe": 1,
            "book XRP/USD": 1,
            "trade XRP/USD": 1,
            "neither channel nor method": 1,
        }


PRICES = st.integers(1, 40).map(lambda at: f"{at / 10:.1f}")
SIZES = st.sampled_from(["0.00000000", "0.00000001", "1.50000000", "20.00000000"])
SIDE = st.dictionaries(PRICES, SIZES, max_size=14)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), SIDE, SIDE), min_size=1, max_size=12), st.sampled_from([10, 25]))
def test_the_book_of_the_rows_is_that_of_the_rules(
    messages: list[tuple[bool, dict[str, str], dict[str, str]]], depth: int
) -> None:
    venue = Venue(LiveDecoder([BTC]), OracleBook(depth))
    venue.decoder.subscribed(["BTC/USD"], depth)
    books = BookSet()
    venue.send("snapshot", BIDS, ASKS)
    for is_snapshot, bids, asks in messages:
        if is_snapshot:
            bids, asks = ({price: size for price, size in side.items() if float(size)} for side in (bids, asks))
        venue.send("snapshot" if is_snapshot else "update", bids, asks)
    for part in venue.decoder.take()[0].parts:
        if isinstance(part, EventBatch):
            books.apply(part)
    assert venue.decoder.pairs["BTC/USD"].verification.differing == 0
    book = books[BTC]
    assert [level[:2] for level in book.bids(50)] == [(float(price), float(size)) for price, size in venue.book.bids]
    assert [level[:2] for level in book.asks(50)] == [(float(price), float(size)) for price, size in venue.book.asks]


FRAMES = [
    book_frame("snapshot", BIDS, ASKS, 7),
    book_frame("update", BIDS, {}, 7),
    trade_frame("update", 1, 2),
    ack(10),
]


@settings(max_examples=200)
@given(st.sampled_from(FRAMES), st.integers(0, 400), st.integers(0, 40), st.binary(max_size=12))
def test_whatever_a_frame_has_become_on_the_way_it_is_an_event_or_counted(
    frame: bytes, start: int, length: int, put: bytes
) -> None:
    decoder = LiveDecoder([BTC])
    decoder.receive(FRAMES[0], NOW)
    decoder.receive(frame[:start] + put + frame[start + length :], NOW + 1)
    for one in decoder.take():
        assert all(isinstance(part, EventBatch | Change) for part in one.parts)
    decoder.wanted()
    assert decoder.frames == 2
