"""What is not believed never reaches a book, is counted with its reason, and takes no event's end with it."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.events import COLUMNS, F_BAD_TS_RECV, F_LAST, F_MBP, F_SNAPSHOT, TRADE, EventBatch
from hftlab.instruments import UNIT, find_instrument
from hftlab.market import Filters, Processor
from hftlab.venues import binance
from tests.batches import COIN, SHARE, Row, make_batch
from tests.shared_data import shared_data

MS = 1_000_000
BOOK = [Row("A", "B", 10000, 1500), Row("A", "A", 10002, 500)]
AAPL = find_instrument("AAPL")
assert AAPL is not None


def changed(batch: EventBatch, **columns: Any) -> EventBatch:
    values = {name: getattr(batch, name) for name in COLUMNS} | {
        name: np.asarray(values, COLUMNS[name]) for name, values in columns.items()
    }
    return EventBatch(**values, instruments=batch.instruments)


def bids_of(processor: Processor) -> list[tuple[float, float]]:
    return [(price, size) for price, size, _ in processor.books[COIN].bids()]


class TestPrices:
    def test_of_zero_or_less_are_dropped(self) -> None:
        processor = Processor([COIN])
        processor.process(make_batch([*BOOK, Row("A", "B", 0, 1), Row("M", "B", -5, 1), Row("T", "B", 0, 1)]))
        assert processor.filtered == {"price": 3}
        assert bids_of(processor) == [(100.0, 1.5)]

    def test_of_zero_or_less_pass_where_they_may_be(self) -> None:
        """The bands are then around a price below zero, too."""
        processor = Processor([COIN], filters=Filters(positive=False, band=0.5))
        rows = [Row("A", "B", -10, 1), Row("A", "A", 0, 1), Row("T", "B", -10, 1), Row("T", "B", -15, 1)]
        processor.process(make_batch([*rows, Row("T", "B", -23, 1), Row("T", "B", 10, 1)]))
        assert processor.filtered == {"outside bands": 2}
        assert processor.books[COIN].best() == ((-0.1, 0.001, 0), (0.0, 0.001, 0))

    def test_between_ticks_are_dropped_for_quotes_and_not_for_trades(self) -> None:
        processor = Processor([AAPL])
        ticks = [1500000, 1500001, 9999, 1500050]
        rows = [Row("A", "B", tick, 1) for tick in ticks] + [Row("T", "B", 1500051, 1)]
        messages = processor.process(make_batch(rows, (AAPL,)))
        assert processor.filtered == {"off-tick": 2}
        assert [price for price, _, _ in processor.books[AAPL].bids()] == [150.0, 0.9999]
        assert messages[-1][1].symbols[0].price == 150.0051

    def test_of_removals_are_let_through(self) -> None:
        processor = Processor([COIN], filters=Filters(band=0.01))
        processor.process(make_batch([*BOOK, Row("A", "B", 9990, 1)]))
        processor.process(make_batch([Row("T", "B", 20000, 1), Row("C", "B", 9990, 1)]))
        assert processor.filtered == {"outside bands": 1}
        assert bids_of(processor) == [(100.0, 1.5)]


class TestBands:
    def test_are_around_the_last_trade_that_was_believed(self) -> None:
        processor = Processor([COIN], filters=Filters(band=0.05))
        ticks = [10000, 10500, 10501, 20000, 11000, 11026, 11600]
        messages = processor.process(make_batch([*BOOK, *(Row("T", "B", one, 1) for one in ticks)]))
        traded = [trade.price for _, message in messages for trade in message.symbols[0].trades or ()]
        # 105.01 is within 5 % of 105.00 though not of 100.00; 115.50 is 5 % above 110.00, 115.76 above 110.25.
        assert traded == [100.0, 105.0, 105.01, 110.0, 110.26]
        assert processor.filtered == {"outside bands": 2}

    def test_are_around_the_mid_before_the_first_trade(self) -> None:
        processor = Processor([COIN], filters=Filters(band=0.05))
        processor.process(make_batch(BOOK))
        processor.process(make_batch([Row("A", "B", 9000, 1), Row("A", "B", 9600, 1)]))
        assert processor.filtered == {"outside bands": 1}
        assert bids_of(processor) == [(100.0, 1.5), (96.0, 0.001)]

    def test_are_off_by_default(self) -> None:
        processor = Processor([COIN])
        processor.process(make_batch([*BOOK, Row("T", "B", 10000, 1), Row("A", "B", 1, 1)]))
        assert processor.filtered == {}


class TestStale:
    def test_is_what_was_captured_too_late(self) -> None:
        processor = Processor([COIN], filters=Filters(max_delay=5 * MS))
        batch = make_batch([*BOOK, Row("A", "B", 9990, 1), Row("A", "B", 9991, 1, F_MBP | F_LAST | F_BAD_TS_RECV)])
        late = batch.ts_event + np.array([5, 5, 6, 60]) * MS
        processor.process(changed(batch, ts_recv=late))
        assert processor.filtered == {"stale": 1}
        assert bids_of(processor) == [(100.0, 1.5), (99.91, 0.001)]

    def test_is_what_happened_before_what_is_known(self) -> None:
        processor = Processor([COIN, SHARE], filters=Filters(max_step_back=10 * MS))
        rows = [Row("A", "B", 100, 1, time=100), Row("A", "B", 101, 1, time=90), Row("A", "B", 102, 1, time=89)]
        other = Row("A", "B", 100, 1, instrument=1, time=5)
        processor.process(make_batch([*rows, other], (COIN, SHARE)))
        assert processor.filtered == {"stale": 1}
        assert [price for price, _ in bids_of(processor)] == [1.01, 1.0]
        assert processor.books[SHARE].levels == (1, 0)


class TestDuplicates:
    def test_are_whole_events(self) -> None:
        rows = [Row("M", "B", 10000, 5, F_MBP), Row("M", "A", 10002, 5), Row("M", "B", 10000, 7)]
        batch = changed(make_batch(rows), sequence=[41, 41, 42], ts_event=[MS, MS, 2 * MS])
        again = changed(batch, ts_recv=batch.ts_recv + MS)
        processor = Processor([COIN])
        assert len(processor.process(batch)) == 2
        assert processor.process(again) == []
        assert processor.filtered == {"duplicate": 3}
        assert bids_of(processor) == [(100.0, 0.007)]

    def test_are_not_trades_that_share_a_number_with_a_book_event(self) -> None:
        batch = make_batch([*BOOK, Row("T", "B", 10002, 1)])
        processor = Processor([COIN])
        messages = processor.process(changed(batch, sequence=[1, 7, 7], ts_event=[MS, 2 * MS, 2 * MS]))
        assert len(messages) == 3
        assert processor.filtered == {}

    def test_are_not_snapshots_nor_what_has_no_number(self) -> None:
        rows = [Row("R", flags=F_SNAPSHOT, time=1), Row("A", "B", 1, 1, F_SNAPSHOT | F_MBP | F_LAST, time=1)]
        processor = Processor([COIN])
        for sequence in (9, 9, 0, 0):
            processor.process(changed(make_batch(rows), sequence=[sequence] * 2))
            processor.process(changed(make_batch([Row("M", "B", 1, 2, time=5)]), sequence=[0]))
        assert processor.filtered == {}

    def test_are_found_among_the_latest_4096(self) -> None:
        count = 10_000
        batch = changed(
            make_batch(Row("M", "B", 1, 1 + number) for number in range(count)), sequence=np.arange(1, count + 1)
        )
        processor = Processor([COIN])
        processor.process(batch)
        processor.process(batch[-4096:])
        assert processor.filtered == {"duplicate": 4096}
        processor.process(batch[:1000])
        assert processor.filtered == {"duplicate": 4096}

    @given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 3)), max_size=40))
    def test_may_come_in_any_order(self, messages: list[tuple[int, int]]) -> None:
        """An event that is late is none, one that has been there is; before the first of all nothing is remembered."""
        rows = [Row("M", "B", 1, size, time=sequence) for sequence, size in messages]
        processor = Processor([COIN])
        processor.process(changed(make_batch(rows), sequence=[sequence for sequence, _ in messages]))
        first = min(messages[:1], default=(0, 0))
        assert processor.filtered.get("duplicate", 0) >= sum(
            messages.index(message) < place for place, message in enumerate(messages) if message[0] > first[0]
        )
        assert processor.filtered.get("duplicate", 0) <= len(messages) - len(set(messages))

    def test_can_be_let_through(self) -> None:
        batch = changed(make_batch(BOOK), sequence=[1, 2])
        processor = Processor([COIN], filters=Filters(duplicates=False))
        assert [len(processor.process(batch)) for _ in range(2)] == [2, 2]


class TestOrders:
    """Order-level rows: what belongs to an order that was not believed goes with it."""

    def test_of_a_filtered_add_are_orphans(self) -> None:
        processor = Processor([AAPL])
        rows = [
            Row("A", "B", 1500000, 100, F_LAST),
            Row("A", "B", 1500001, 100, F_LAST),
            Row("T", "A", 1500000, 30, 0),
            Row("F", "B", 1500000, 30, 0),
            Row("C", "B", 1500000, 30, F_LAST),
        ]
        batch = changed(make_batch(rows, (AAPL,)), order_id=[1, 2, 0, 1, 1])
        later = changed(make_batch([Row("C", "B", 1500001, 100, F_LAST)], (AAPL,)), order_id=[2])
        messages = processor.process(batch) + processor.process(later)
        assert processor.filtered == {"off-tick": 1, "orphan": 1}
        assert processor.books[AAPL].bids() == [(150.0, 70.0, 1)]
        assert [level.orders for level in messages[-1][1].symbols[0].bids or ()] == [1]


class TestEnds:
    """F_LAST of a filtered row."""

    def test_goes_to_the_last_row_kept(self) -> None:
        processor = Processor([COIN])
        messages = processor.process(make_batch([Row("A", "B", 100, 1, F_MBP), Row("A", "B", 0, 1)]))
        assert [message.symbols[0].bid for _, message in messages] == [1.0]

    def test_is_gone_with_its_whole_event(self) -> None:
        processor = Processor([COIN])
        messages = processor.process(make_batch([*BOOK, Row("A", "B", 0, 1, F_MBP), Row("A", "B", -1, 1)]))
        assert len(messages) == 2

    def test_ends_an_event_of_the_batch_before(self) -> None:
        processor = Processor([COIN])
        assert processor.process(make_batch([Row("A", "B", 100, 1, F_MBP)])) == []
        assert processor.process(make_batch([Row("A", "B", 101, 1, F_MBP)])) == []
        messages = processor.process(make_batch([Row("A", "B", 0, 1)]))
        assert [message.symbols[0].bid for _, message in messages] == [1.01]

    @given(st.data())
    def test_does_not_depend_on_how_the_batches_are_cut(self, data: st.DataObject) -> None:
        """Whatever is filtered, the messages are those of the believed rows alone, one an event that has any."""
        number = st.integers(-1, 4)
        rows = [
            Row("AMT"[kind], side, ticks * 10, 1, F_MBP | (F_LAST if is_last else 0))
            for kind, side, ticks, is_last in data.draw(
                st.lists(st.tuples(st.integers(0, 2), st.sampled_from("BA"), number, st.booleans()), max_size=30)
            )
        ]
        # The rows of an event have one time.
        numbers = list(accumulate((bool(row.flags & F_LAST) for row in rows[:-1]), initial=1))
        rows = [row._replace(time=number) for row, number in zip(rows, numbers, strict=False)]
        cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
        whole = changed(make_batch(rows), sequence=np.zeros(len(rows), np.int64))
        cut, uncut = Processor([COIN]), Processor([COIN])
        found = [
            message for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) for message in cut.process(whole[a:b])
        ]
        assert found == uncut.process(whole)
        assert (
            cut.filtered == uncut.filtered == ({"price": bad} if (bad := sum(row.ticks <= 0 for row in rows)) else {})
        )
        events, has_any = 0, False
        is_known = False
        for row in rows:
            has_any |= row.ticks > 0
            is_known |= row.ticks > 0 and row.action in "AM"
            if row.flags & F_LAST:
                events, has_any = events + (has_any and is_known), False
        assert len(found) == events


class TestConfiguration:
    @pytest.mark.parametrize("name", ["band", "max_delay", "max_step_back"])
    def test_negative_bounds_are_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"{name} must be 0 or more, got -1"):
            Filters(**{name: -1})

    @pytest.mark.parametrize("name", ["band"])
    def test_nan_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"{name} must be 0 or more, got nan"):
            Filters(**{name: float("nan")})


class TestRealCapture:
    @pytest.mark.no_cover
    def test_is_believed_and_its_duplicates_are_not(self) -> None:
        """Each batch of a real capture handed over twice: the second time all but a snapshot is filtered."""
        reader = binance.read(shared_data("binance/spot_btcusdt_20240808.gz"), chunk=5000)
        processor = Processor([reader.instrument])
        rows = snapshots = 0
        for batch in reader:
            processor.process(batch)
            before = processor.filtered.get("duplicate", 0)
            assert before == rows - snapshots
            processor.process(batch)
            rows += len(batch)
            snapshots += int(np.count_nonzero(batch.flags & F_SNAPSHOT))
        assert processor.filtered == {"duplicate": rows - snapshots}
        assert rows > 100_000
        assert (batch.action == TRADE).any()
        assert processor.books[reader.instrument].best()[0] is not None
        assert UNIT % reader.instrument.tick == 0
