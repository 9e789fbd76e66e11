from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book import BookSet, OrderBook, Tops
from hftlab.book.anomalies import KINDS
from hftlab.book.apply_kernel import apply_rows, find_mixed
from hftlab.errors import BookAnomaly, EventError
from hftlab.events import F_LAST, F_MBP, EventBatch
from hftlab.instruments import BINANCE_USDM, Instrument
from tests.batches import COIN, SHARE, Row, make_batch
from tests.reference_book import Anomaly, Levels, ReferenceBook, ReferenceBooks

# COIN has price levels and SHARE has orders.
INSTRUMENTS = (COIN, SHARE)

SIDES = st.sampled_from("BA" * 10 + "N")
RARELY = st.sampled_from([0] * 20 + [1])

LEVEL_ROWS = st.builds(
    Row,
    action=st.sampled_from("AAAAMMCCCTFNR"),
    side=SIDES,
    ticks=st.integers(-5, 30),
    lots=st.integers(0, 9),
    flags=st.sampled_from([F_MBP, F_MBP | F_LAST]),
    instrument=st.just(0),
    time=RARELY,
    order=st.just(0),
    off_tick=RARELY,
)


def order_row(action: str, order: int, ticks: int, lots: int, flags: int, time: int, side: str) -> Row:
    """An id nearly always keeps its side, and there are few prices: so that most rows fit the orders that are there."""
    own = "BA"[order % 2] if side == "own" else side
    return Row(action, own, 3 * (own == "A") + ticks, lots, flags, 1, time, order, off_tick=int(side == "B"))


ORDER_ROWS = st.builds(
    order_row,
    action=st.sampled_from("AAAAAMMMCF" * 8 + "TTTTNR"),
    order=st.sampled_from([0, 1, 2, 4, 5, 6, 8, 2**63, 2**64 - 1]),
    ticks=st.sampled_from([0, 0, 0, 0, 1, -4]),
    lots=st.integers(0, 5),
    flags=st.sampled_from([0, F_LAST]),
    time=RARELY,
    side=st.sampled_from(["own"] * 20 + ["B", "A", "N"]),
)
# Without a least length hypothesis makes lists of about five.
ROWS = st.sampled_from([0, 60]).flatmap(
    lambda least: st.lists(st.one_of(LEVEL_ROWS, ORDER_ROWS, ORDER_ROWS), min_size=least, max_size=80)
)
POLICIES = st.one_of(
    st.sampled_from(["skip", "skip", "skip", "raise", "clear"]).map(lambda policy: dict.fromkeys(KINDS, policy)),
    st.dictionaries(st.sampled_from(KINDS), st.sampled_from(["skip", "raise", "clear"])),
)


def cut(batch: EventBatch, cuts: list[int]) -> Iterator[EventBatch]:
    """The batch in pieces whose lengths repeat `cuts`."""
    start = number = 0
    while start < len(batch):
        length = cuts[number % len(cuts)]
        yield batch[start : start + length]
        start, number = start + length, number + 1


def tops_of(tops: Tops) -> list[tuple[Levels, Levels]]:
    """Tops in the reference's form."""

    def levels(row: int, *columns: np.ndarray) -> Levels:
        return [tuple(level) for level in np.stack([column[row] for column in columns], 1).tolist() if level[1]]

    return [
        (
            levels(row, tops.bid_ticks, tops.bid_lots, tops.bid_orders),
            levels(row, tops.ask_ticks, tops.ask_lots, tops.ask_orders),
        )
        for row in range(len(tops.rows))
    ]


def check_book(book: OrderBook, expected: ReferenceBook) -> None:
    """Every level, every order in its place, every tally."""
    price, size = book.instrument.price, book.instrument.size
    for side, found in (("B", book.bids(9999)), ("A", book.asks(9999))):
        levels = expected.levels(side)
        assert found == [(price(ticks), size(lots), orders) for ticks, lots, orders in levels]
        for ticks, _, _ in levels:
            queue = expected.queue(side, ticks)
            assert book.orders(side, price(ticks)) == [(order.order_id, size(order.lots)) for order in queue]
    assert book.levels == (len(expected.levels("B")), len(expected.levels("A")))
    assert book.anomalies == {kind: count for kind, count in expected.anomalies.items() if count}
    assert book.clears == expected.clears


def check_positions(book: OrderBook, expected: ReferenceBook) -> None:
    price, size = book.instrument.price, book.instrument.size
    for order in expected.orders:
        queue = expected.queue(order.side, order.ticks)
        ahead = queue[: queue.index(order)]
        position = book.queue_position(order.order_id)
        assert (position.side, position.price, position.size) == (order.side, price(order.ticks), size(order.lots))
        assert position.orders_ahead == len(ahead)
        assert position.size_ahead == size(sum(other.lots for other in ahead))
        assert position.level_orders == len(queue)
        assert position.level_size == size(sum(other.lots for other in queue))


def flow(seed: int, rows: int, levels: int, alive: int) -> list[Row]:
    """Orders that come, change and go as at a venue, now and then with something wrong; about `alive` at a time."""
    random = np.random.default_rng(seed)
    live: list[Row] = []
    made = []
    for number in range(rows):
        flags = F_LAST if random.random() < 0.8 else 0
        if len(live) < 2 or random.random() < (0.65 if len(live) < alive else 0.35):
            is_ask = bool(random.integers(2))
            ticks = int(random.integers(1, levels))
            side, ticks = ("A", 10**6 + ticks) if is_ask else ("B", 10**6 - ticks)
            row = Row("A", side, ticks, int(random.integers(1, 9)), flags, 1, order=number * 37 + 1)
            live.append(row)
        else:
            place = int(random.integers(len(live)))
            old = live[place]
            kind = random.random()
            if kind < 0.6:
                row = old._replace(action="C", flags=flags)
                live.pop(place)
            elif kind < 0.8:
                row = old._replace(action="C", lots=int(random.integers(old.lots)), flags=flags)
                live[place] = old._replace(lots=old.lots - row.lots)
            elif kind < 0.98:
                ticks = old.ticks + int(random.integers(-1, 2))
                row = live[place] = old._replace(action="M", ticks=ticks, lots=int(random.integers(1, 9)), flags=flags)
            else:
                row = old._replace(action="AC"[number % 2], lots=99, flags=flags)
        made.append(row)
    return made


class TestAgainstReference:
    # No deadline: the first example loads or compiles the kernels.
    @given(
        ROWS,
        POLICIES,
        st.lists(st.integers(1, 20), min_size=1, max_size=4),
        st.integers(1, 5),
        st.integers(0, 20),
    )
    def test_holds_whatever_comes(
        self, rows: list[Row], policy: dict[str, str], cuts: list[int], depth: int, restored_at: int
    ) -> None:
        expected, books = ReferenceBooks(policy), BookSet(policy)  # type: ignore[arg-type]
        for number, batch in enumerate(cut(make_batch(rows, INSTRUMENTS), cuts)):
            if number == restored_at:
                books = BookSet.restore(pickle.loads(pickle.dumps(books.checkpoint())))
            try:
                tops = expected.apply(batch, depth)
            except Anomaly as anomaly:
                with pytest.raises(BookAnomaly) as raised:
                    books.trace(batch, depth)
                assert (raised.value.kind, raised.value.row) == (anomaly.kind, anomaly.row)
            else:
                traced = books.trace(batch, depth)
                assert traced.rows.tolist() == np.flatnonzero(batch.flags & F_LAST).tolist()
                assert tops_of(traced) == tops
            for symbol, book in expected.books.items():
                check_book(books[symbol], book)
                check_positions(books[symbol], book)

    @pytest.mark.no_cover
    @pytest.mark.parametrize(("seed", "levels", "alive"), [(1, 5, 100), (2, 3000, 300)])
    def test_holds_over_a_long_flow_of_orders(self, seed: int, levels: int, alive: int) -> None:
        expected, books = ReferenceBooks(), BookSet()
        whole = make_batch(flow(seed, 2500, levels, alive), INSTRUMENTS)
        for number, batch in enumerate(cut(whole, [1, 700, 13])):
            assert tops_of(books.trace(batch, 3)) == expected.apply(batch, 3)
            check_book(books["SHARE"], expected.books["SHARE"])
            if number % 7 == 0:
                check_positions(books["SHARE"], expected.books["SHARE"])
                books = BookSet.restore(books.checkpoint())
        assert expected.books["SHARE"].anomalies.keys() >= {"repeated_order", "over_cancel"}

    def test_holds_when_every_array_outgrows_its_room_many_times(self) -> None:
        rows = flow(3, 40_000, 20_000, 15_000)
        books = BookSet()
        books.apply(make_batch(rows, INSTRUMENTS))
        live: dict[int, Row] = {}
        totals: dict[tuple[str, int], int] = {}
        for row in rows:
            old = live.pop(row.order, None)
            if row.action == "C" and old and row.lots <= old.lots and old.lots > row.lots:
                live[row.order] = old._replace(lots=old.lots - row.lots)
            elif row.action == "M":
                live[row.order] = row
            elif row.action == "A" or (old and row.lots > old.lots):
                live[row.order] = old or row
        for row in live.values():
            totals[row.side, row.ticks] = totals.get((row.side, row.ticks), 0) + row.lots
        found = {
            (side, SHARE.ticks(price)): SHARE.lots(size)
            for side, levels in (("B", books["SHARE"].bids(10**6)), ("A", books["SHARE"].asks(10**6)))
            for price, size, _ in levels
        }
        assert len(live) > 10_000
        assert found == totals

    def test_levels_hold_when_sides_outgrow_their_room_many_times(self) -> None:
        random = np.random.default_rng(1)
        numbers = random.integers(0, [4, 2, 3_000, 99], (4_000, 4)).tolist()
        rows = [
            Row("AAAC"[kind], "BA"[side], int(ticks), int(lots), F_MBP | F_LAST * (number % 50 == 0))
            for number, (kind, side, ticks, lots) in enumerate(numbers)
        ]
        expected, books = ReferenceBooks(), BookSet()
        batch = make_batch(rows, INSTRUMENTS)
        assert tops_of(books.trace(batch)) == expected.apply(batch)
        check_book(books["COIN"], expected.books["COIN"])


class TestPolicy:
    ROWS = (
        Row("A", "B", 10, 5, F_LAST, order=1),
        Row("A", "A", 12, 5, F_LAST, order=2),
        Row("C", "B", 10, 6, F_LAST, order=1),
        Row("A", "B", 11, 7, F_LAST, order=3),
    )

    def test_skip_counts_and_goes_on(self) -> None:
        books = BookSet()
        books.apply(make_batch(self.ROWS))
        assert books["COIN"].bids() == [(0.11, 0.007, 1), (0.1, 0.005, 1)]
        assert books.anomalies == books["COIN"].anomalies == {"over_cancel": 1}

    def test_clear_empties_the_book_and_goes_on(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch(self.ROWS))
        assert books["COIN"].bids() == [(0.11, 0.007, 1)]
        assert books["COIN"].asks() == []
        assert books.anomalies == {"over_cancel": 1}
        assert books["COIN"].clears == 0
        with pytest.raises(KeyError, match="order 1 is not in the book of COIN"):
            books["COIN"].queue_position(1)

    def test_raise_says_what_is_wrong_and_leaves_the_books_as_before_the_batch(self) -> None:
        books = BookSet("raise")
        books.apply(make_batch(self.ROWS[:1]))
        with pytest.raises(BookAnomaly, match=r"row 1 has .* over_cancel \(order 1 of COIN\)") as raised:
            books.apply(make_batch(self.ROWS[1:]))
        assert (raised.value.kind, raised.value.row, raised.value.order_id) == ("over_cancel", 1, 1)
        assert books["COIN"].bids() == [(0.1, 0.005, 1)]
        assert books["COIN"].asks() == []
        assert not books.anomalies

    def test_each_kind_may_have_its_own(self) -> None:
        books = BookSet({"crossed": "raise", "unknown_order": "clear"})
        books.apply(make_batch(self.ROWS))
        with pytest.raises(BookAnomaly, match="crossed"):
            books.apply(make_batch([Row("A", "B", 12, 1, F_LAST, order=9, time=9)]))

    def test_a_crossed_event_is_judged_at_its_end(self) -> None:
        rows = [Row("A", "A", 10, 1, F_LAST, order=1), Row("A", "B", 10, 1, 0, order=2)]
        books = BookSet()
        books.apply(make_batch([*rows, Row("C", "A", 10, 1, F_LAST, order=1)]))
        assert books["COIN"].crossed == 0
        books.apply(make_batch([Row("A", "A", 10, 1, 0, order=3, time=9), Row("N", flags=F_LAST, time=9)]))
        assert books["COIN"].crossed == 1

    def test_names_that_do_not_exist(self) -> None:
        with pytest.raises(ValueError, match="'ignore' is not a policy"):
            BookSet("ignore")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="'odd' is not a kind of anomaly"):
            BookSet({"odd": "skip"})  # type: ignore[dict-item]


class TestMixedRows:
    @pytest.mark.parametrize(
        ("flags", "other", "reason"),
        [
            (F_MBP, 0, "flags has no F_MBP in row 1, but the rows of COIN before it name price levels"),
            (0, F_MBP, "flags has F_MBP in row 1, but the rows of COIN before it name orders"),
        ],
    )
    def test_change_nothing(self, flags: int, other: int, reason: str) -> None:
        books = BookSet()
        rows = [Row("A", "B", 1, 1, flags, order=1), Row("A", "B", 2, 1, other, order=2)]
        with pytest.raises(EventError, match=reason):
            books.apply(make_batch(rows))
        assert books["COIN"].levels == (0, 0)
        books.apply(make_batch(rows[1:]))
        assert books["COIN"].levels == (1, 0)

    def test_do_not_include_trades_and_clears(self) -> None:
        books = BookSet()
        books.apply(make_batch([Row("A", "B", 1, 1, F_MBP), Row("T", "A", 1, 1, F_LAST), Row("R", flags=F_LAST)]))
        assert books["COIN"].clears == 1


class TestSet:
    @pytest.fixture
    def books(self) -> BookSet:
        books = BookSet()
        books.apply(make_batch([Row("A", "B", 6183763, 3788), Row("A", "A", 6183764, 1546)]))
        return books

    def test_finds_books_by_symbol_and_by_instrument(self, books: BookSet) -> None:
        assert "COIN" in books
        assert COIN in books
        assert "NONE" not in books
        assert books[COIN].bids() == books["COIN"].bids()
        assert [book.instrument for book in books] == [COIN]
        assert len(books) == 1
        assert repr(books) == "BookSet(COIN)"
        with pytest.raises(KeyError, match=r"there is no book of 'NONE', nor any other yet: apply\(\) a batch"):
            BookSet()["NONE"]
        with pytest.raises(KeyError, match=r"there is no book of 'NONE' \(nearest: 'COIN'\)"):
            books["NONE"]

    def test_one_symbol_at_two_venues_needs_the_instrument(self, books: BookSet) -> None:
        other = Instrument("COIN", BINANCE_USDM, COIN.tick, COIN.lot, "USDT")
        books.apply(make_batch([Row("A", "B", 1, 1)], (other,)))
        assert books[other].levels == (1, 0)
        with pytest.raises(KeyError, match="COIN is in the books of BINANCE and BINANCE_USDM"):
            books["COIN"]

    def test_batches_may_number_instruments_differently(self) -> None:
        books = BookSet()
        books.apply(make_batch([Row("A", "B", 1, 1), Row("A", "B", 2, 2, instrument=1)], (COIN, SHARE)))
        books.apply(make_batch([Row("A", "B", 3, 3), Row("A", "B", 4, 4, instrument=1)], (SHARE, COIN)))
        assert books["COIN"].bids() == [(0.04, 0.004, 0), (0.01, 0.001, 0)]
        assert books["SHARE"].bids() == [(0.15, 3.0, 0), (0.1, 2.0, 0)]

    def test_one_order_id_may_live_in_two_books(self) -> None:
        books = BookSet()
        rows = [Row("A", "B", 5, 1, F_LAST, order=7), Row("A", "A", 6, 2, F_LAST, 1, order=7)]
        books.apply(make_batch([*rows, Row("C", "B", 5, 1, F_LAST, order=7)], INSTRUMENTS))
        assert books["COIN"].levels == (0, 0)
        assert books["SHARE"].queue_position(7).size == 2

    def test_depth_must_be_positive(self, books: BookSet) -> None:
        with pytest.raises(ValueError, match="depth must be 1 or more"):
            books.trace(make_batch([]), 0)

    def test_a_checkpoint_is_no_view(self, books: BookSet) -> None:
        checkpoint = books.checkpoint()
        books.apply(make_batch([Row("R", time=9)]))
        for _ in range(2):
            restored = BookSet.restore(checkpoint)
            assert restored["COIN"].bids() == [(61837.63, 3.788, 0)]
            restored.apply(make_batch([Row("R", time=9)]))

    def test_whoever_made_the_arrays_one_compiled_kernel_serves_them(self, books: BookSet) -> None:
        batch = make_batch([Row("A", "B", 1, 1), Row("A", "B", 2, 1)])
        books = BookSet.restore(pickle.loads(pickle.dumps(books.checkpoint())))
        for variant in (batch[1:], batch[::-1], EventBatch.from_polars(batch.to_polars(), batch.instruments)):
            books.trace(variant)
        assert len(apply_rows.signatures) == len(find_mixed.signatures) == 1  # type: ignore[attr-defined]


def order(action: str, number: int, lots: int, ticks: int = 10, side: str = "B") -> Row:
    return Row(action, side, ticks, lots, F_LAST, order=number)


class TestIcebergs:
    """A modify after a fill of its order, which leaves more than the fill did, queues behind all others."""

    BOTH = (order("A", 1, 10), order("A", 2, 7))

    @pytest.mark.parametrize(
        ("rows", "ahead_of_second"),
        [
            ([order("F", 1, 10), order("M", 1, 10)], 0),
            ([order("F", 1, 10), order("M", 1, 4)], 0),
            ([order("F", 1, 10), order("F", 1, 10), order("M", 1, 3)], 0),
            ([order("F", 1, 4), order("M", 1, 8)], 0),
            ([order("T", 0, 10, side="A"), order("F", 1, 10), order("F", 2, 1), order("M", 1, 10)], 0),
            ([order("F", 1, 4), order("M", 1, 6)], 1),
            ([order("F", 1, 4), order("F", 1, 3), order("M", 1, 3)], 1),
            ([order("F", 1, 4), order("M", 1, 6), order("M", 1, 5)], 1),
            ([order("F", 1, 4), order("C", 1, 4), order("M", 1, 5)], 1),
            ([order("F", 2, 7), order("M", 1, 9)], 1),
            ([order("M", 1, 9)], 1),
        ],
    )
    def test_the_order_behind_knows_its_place(self, rows: list[Row], ahead_of_second: int) -> None:
        books = BookSet()
        for row in (*self.BOTH, *rows):
            books.apply(make_batch([row._replace(time=9)]))
        assert books["COIN"].queue_position(2).orders_ahead == ahead_of_second
        assert not books.anomalies

    def test_a_fill_alone_changes_nothing(self) -> None:
        books = BookSet()
        books.apply(make_batch([*self.BOTH, order("F", 1, 10), order("F", 9, 10)]))
        assert books["COIN"].orders("B", 0.1) == [(1, 0.01), (2, 0.007)]

    def test_a_fill_is_forgotten_with_its_order(self) -> None:
        """The number and its place in memory are used again."""
        books = BookSet()
        rows = [*self.BOTH, order("F", 1, 4), order("C", 1, 10), order("A", 1, 10), order("A", 3, 1)]
        books.apply(make_batch([*rows, order("M", 1, 9)]))
        assert [one for one, _ in books["COIN"].orders("B", 0.1)] == [2, 1, 3]

    def test_fills_of_one_batch_are_known_in_the_next_and_in_a_checkpoint(self) -> None:
        books = BookSet()
        books.apply(make_batch([*self.BOTH, order("F", 1, 10)]))
        for restored in (BookSet.restore(pickle.loads(pickle.dumps(books.checkpoint()))), books):
            restored.apply(make_batch([order("M", 1, 10)._replace(time=9)]))
            assert restored["COIN"].queue_position(2).orders_ahead == 0


class TestOpening:
    CROSSED = (order("A", 1, 5, 10, "A"), order("A", 2, 5, 12, "B"))
    UNCROSSED = (order("C", 1, 5, 10, "A"), order("C", 2, 5, 12, "B"))
    TRADE = order("T", 0, 5, 11)
    BOOK = (order("A", 3, 5, 13, "A"), order("A", 4, 5, 9, "B"))

    @pytest.mark.parametrize("policy", ["clear", {"crossed": "clear"}])
    def test_a_book_that_is_crossed_before_it_opens_stays(self, policy: str) -> None:
        books = BookSet(policy)  # type: ignore[arg-type]
        books.apply(make_batch(self.CROSSED))
        assert (books["COIN"].levels, books["COIN"].crossed, books.anomalies) == ((1, 1), 1, {"crossed": 1})

    def test_the_auctions_own_trades_do_not_yet_open_it(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch([*self.CROSSED, *self.BOOK, self.TRADE, self.UNCROSSED[0]]))
        assert books["COIN"].levels == (2, 1)
        books.apply(make_batch([self.UNCROSSED[1]._replace(time=9), order("A", 5, 1, 14, "B")._replace(time=9)]))
        assert books["COIN"].levels == (0, 0)

    def test_after_a_trade_it_is_cleared(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch([*self.BOOK, self.TRADE, *self.CROSSED]))
        assert books["COIN"].levels == (0, 0)

    def test_levels_may_cross_before_the_opening_too(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch([Row("A", "A", 10, 5), Row("A", "B", 12, 5)]))
        assert books["COIN"].levels == (1, 1)

    def test_a_clear_begins_another_opening(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch([*self.BOOK, self.TRADE, Row("R", flags=F_LAST), *self.CROSSED]))
        assert books["COIN"].levels == (1, 1)

    def test_phases_may_be_told(self) -> None:
        books = BookSet("clear")
        books.apply(make_batch([*self.BOOK, self.TRADE]))
        books.begin_auction("COIN")
        books.apply(make_batch([row._replace(time=9) for row in self.CROSSED]))
        assert (books["COIN"].levels, books.anomalies) == ((2, 2), {})
        books.begin_continuous("COIN")
        books.apply(make_batch([order("A", 9, 1, 1)._replace(time=9)]))
        assert books["COIN"].levels == (0, 0)

    def test_in_an_auction_raise_does_not_raise(self) -> None:
        books = BookSet("raise")
        books.apply(make_batch(self.BOOK))
        books.begin_auction(books["COIN"].instrument)
        books.apply(make_batch([row._replace(time=9) for row in self.CROSSED]))
        assert books["COIN"].levels == (2, 2)

    def test_an_unknown_book_has_no_phase(self) -> None:
        with pytest.raises(KeyError, match="GOLD"):
            BookSet().begin_auction("GOLD")


class TestPricesOfZeroAndBelow:
    def test_orders_queue_and_move_through_zero(self) -> None:
        books = BookSet("raise")
        rows = [order("A", 1, 5, -2), order("A", 2, 6, 0), order("A", 3, 7, 1, "A"), order("A", 4, 7, 3, "A")]
        books.apply(make_batch([*rows, order("M", 1, 4, 0), order("C", 3, 7, 1, "A"), order("M", 4, 7, 2, "A")]))
        assert books["COIN"].bids() == [(0.0, 0.01, 2)]
        assert books["COIN"].asks() == [(0.02, 0.007, 1)]
        assert books["COIN"].queue_position(1).size_ahead == 0.006

    def test_a_book_below_zero_is_traced(self) -> None:
        books = BookSet("raise")
        tops = books.trace(make_batch([order("A", 1, 5, -7), order("A", 2, 6, -3, "A")]), 1)
        assert (tops.bid_ticks[-1, 0], tops.ask_ticks[-1, 0]) == (-7, -3)
        assert books["COIN"].best() == ((-0.07, 0.005, 1), (-0.03, 0.006, 1))
