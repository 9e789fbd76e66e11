from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import EventError
from hftlab.events import COLUMNS, F_LAST, F_MBP, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.itch import Decoder, Encoder
from tests.batches import COIN
from tests.venues.itch.streams import STOCKS, EventWriter, batches

NINE_THIRTY = (9 * 3600 + 1800) * UNIT
DAY = dt.date(2019, 12, 30)
MIDNIGHT = 1_577_682_000 * UNIT  # 05:00 UTC of that day

Said = tuple[str, str, int, int, int, int]
"""Action, side, order, price in 1e-4, size, flags."""


def batch_of(*rows: Said, stocks: tuple[Instrument, ...] = STOCKS, time: int = NINE_THIRTY) -> EventBatch:
    actions, sides, orders, prices, sizes, flags = zip(*rows, strict=True)
    return EventBatch(
        ts_event=np.full(len(rows), time),
        ts_recv=np.full(len(rows), time),
        sequence=np.arange(len(rows)),
        instrument_id=np.zeros(len(rows), np.int32),
        order_id=np.array(orders, np.uint64),
        action=[ord(one) for one in actions],
        side=[ord(one) for one in sides],
        price=np.array(prices) * 100_000,
        size=list(sizes),
        flags=list(flags),
        instruments=stocks,
    )


def said(batch: EventBatch) -> list[Said]:
    """The rows of a batch in the form of `batch_of()`."""
    return [
        (chr(action), chr(side), int(order), int(price) // 100_000, int(size), int(flags))
        for action, side, order, price, size, flags in zip(
            batch.action, batch.side, batch.order_id, batch.price, batch.size, batch.flags, strict=True
        )
    ]


def types_of(data: bytes) -> str:
    """The letters of the messages behind the five that begin a day of two stocks: S R H R H S S."""
    letters, at = "", 0
    while at < len(data):
        letters += chr(data[at + 2])
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    assert letters.startswith("SRHRHSS")
    return letters[7:]


def check_same(found: EventBatch, expected: EventBatch) -> None:
    """Equal but for the sequence, which is the message's number."""
    for name in COLUMNS.keys() - {"sequence"}:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name
    assert found.instruments == expected.instruments


class TestLaw:
    # No deadline: the first example loads or compiles the kernels.
    @given(batches(), st.integers(1, 30))
    def test_decoding_what_was_encoded_gives_the_batch(self, batch: EventBatch, size: int) -> None:
        encoder, decoder = Encoder(), Decoder()
        ends = np.flatnonzero(batch.flags & F_LAST)[::size] + 1
        cuts = [0, *ends.tolist(), len(batch)]
        data = b"".join(encoder.encode(batch[a:b]) for a, b in pairwise(cuts)) + encoder.end()
        check_same(decoder.decode(data), batch)
        stats = decoder.stats
        assert (encoder.skipped, stats.malformed, stats.truncated_bytes) == (0, 0, 0)
        assert not stats.unknown_references
        assert stats.live_orders == encoder.live_orders

    def test_holds_for_a_batch_that_is_encoded_in_many_stretches(self) -> None:
        writer, random = EventWriter(), np.random.default_rng(5)
        for stock, price, size, kind in random.integers(0, [2, 10_000, 99, 3], (60_000, 4)).tolist():
            writer.time += 1000
            if kind == 2 and writer.live:
                writer.take(next(iter(writer.live)), 1)
            else:
                writer.add(stock, "BA"[kind % 2], price, size + 1)
        batch = writer.batch()
        check_same(Decoder().decode(Encoder().encode(batch)), batch)


ADD: Said = ("A", "B", 1, 10_000, 100, F_LAST)


class TestMessages:
    @pytest.mark.parametrize(
        ("rows", "letters"),
        [
            ([ADD], "A"),
            ([ADD, ("C", "B", 1, 10_000, 40, F_LAST)], "AX"),
            ([ADD, ("C", "B", 1, 10_000, 100, F_LAST)], "AD"),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "B", 2, 9_900, 50, F_LAST)], "AU"),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "A", 2, 9_900, 50, F_LAST)], "ADA"),
            ([ADD, ("C", "B", 1, 10_000, 100, F_LAST), ("A", "B", 2, 9_900, 50, F_LAST)], "ADA"),
            ([ADD, ("C", "B", 1, 10_000, 40, 0), ("A", "B", 2, 9_900, 50, F_LAST)], "AXA"),
            (
                [ADD, ("T", "A", 9, 10_000, 40, 0), ("F", "B", 1, 10_000, 40, 0), ("C", "B", 1, 10_000, 40, F_LAST)],
                "AE",
            ),
            (
                [ADD, ("T", "A", 9, 10_001, 40, 0), ("F", "B", 1, 10_000, 40, 0), ("C", "B", 1, 10_000, 40, F_LAST)],
                "AC",
            ),
            ([ADD, ("F", "B", 1, 10_000, 40, 0), ("C", "B", 1, 10_000, 40, F_LAST)], "AC"),
            ([ADD, ("T", "A", 0, 10_000, 40, F_LAST)], "AP"),
            ([ADD, ("T", "A", 0, 10_000, 40, 0), ("F", "B", 7, 10_000, 40, F_LAST)], "AP"),
            ([ADD, ("F", "B", 7, 10_000, 40, F_LAST), ("N", "N", 0, 0, 0, F_LAST)], "A"),
            ([ADD, ("M", "B", 1, 10_000, 30, F_LAST)], "AX"),
            ([ADD, ("M", "B", 1, 10_000, 100, F_LAST)], "A"),
            ([ADD, ("M", "B", 1, 10_000, 0, F_LAST)], "AD"),
            ([ADD, ("M", "B", 1, 10_000, 130, F_LAST)], "AU"),
            ([ADD, ("M", "B", 1, 10_100, 30, F_LAST), ("C", "B", 1, 10_100, 30, F_LAST)], "AUD"),
            ([ADD, ("R", "N", 0, 0, 0, F_LAST), ADD], "ADA"),
        ],
    )
    def test_rows_become_the_messages_of_the_table(self, rows: list[Said], letters: str) -> None:
        data = Encoder().encode(batch_of(*rows))
        assert types_of(data) == letters

    def test_a_sweep_of_several_orders_is_one_message_each(self) -> None:
        rows: list[Said] = [ADD, ("A", "B", 2, 9_900, 100, F_LAST)]
        for order, price, left in ((1, 10_000, 100), (2, 9_900, 40)):
            rows += [
                ("T", "A", 3, price, left, 0),
                ("F", "B", order, price, left, 0),
                ("C", "B", order, price, left, 0),
            ]
        rows += [("A", "A", 3, 9_950, 60, F_LAST)]
        data = Encoder().encode(batch_of(*rows))
        assert types_of(data) == "AAEEA"
        books = BookSet()
        books.apply(Decoder().decode(data))
        assert books["ABC"].best() == ((0.99, 60.0, 1), (0.995, 60.0, 1))

    def test_an_order_that_was_modified_stays_reachable_by_its_own_number(self) -> None:
        batch = batch_of(ADD, ("M", "B", 1, 10_100, 30, F_LAST), ("C", "B", 1, 10_100, 10, F_LAST))
        decoder = Decoder()
        new = 2**62
        assert said(decoder.decode(Encoder().encode(batch)))[1:] == [
            ("C", "B", 1, 10_000, 100, 0),
            ("A", "B", new, 10_100, 30, F_LAST),
            ("C", "B", new, 10_100, 10, F_LAST),
        ]

    @pytest.mark.parametrize(("filled", "after", "letters"), [(100, 70, "AEA"), (60, 40, "AE"), (60, 90, "AEU")])
    def test_a_reserve_order_shows_its_next_part_under_a_new_reference(
        self, filled: int, after: int, letters: str
    ) -> None:
        rows = [
            ADD,
            ("T", "A", 0, 10_000, filled, 0),
            ("F", "B", 1, 10_000, filled, 0),
            ("M", "B", 1, 10_000, after, F_LAST),
        ]
        data = Encoder().encode(batch_of(*rows))  # type: ignore[arg-type]
        assert types_of(data) == letters
        books = BookSet()
        books.apply(Decoder().decode(data))
        assert books["ABC"].bids() == [(1.0, float(after), 1)]

    def test_a_clear_deletes_only_its_instruments_orders(self) -> None:
        writer = EventWriter()
        for number in range(6000):
            writer.add(number % 2, "B", 10_000, 5)
        writer.put(1, 0, "R", "N", 0, 0, F_LAST)
        decoder = Decoder()
        batch = decoder.decode(Encoder().encode(writer.batch()))
        assert Counter(chr(action) for action in batch.action) == {"A": 6000, "C": 3000}
        assert (batch.instrument_id[6000:] == 1).all()
        assert decoder.stats.live_orders == 3000

    def test_a_day_begins_and_ends_with_the_venues_own_messages(self) -> None:
        encoder = Encoder(DAY)
        batch = batch_of(ADD, time=MIDNIGHT + NINE_THIRTY)
        data = encoder.encode(batch) + encoder.message("H", STOCKS[0], trading_state="H", reason="T1") + encoder.end()
        decoder = Decoder(midnight=MIDNIGHT)
        check_same(decoder.decode(data), batch)
        assert decoder.stats.messages == {"S": 6, "R": 2, "H": 3, "A": 1}

    def test_an_instrument_that_comes_later_is_described_then(self) -> None:
        encoder = Encoder()
        first, second = batch_of(ADD, stocks=STOCKS[:1]), batch_of(("A", "A", 2, 1, 1, F_LAST), stocks=STOCKS[1:])
        decoder = Decoder()
        batch = decoder.decode(encoder.encode(first) + encoder.encode(second))
        assert batch.instruments == STOCKS
        assert batch.instrument_id.tolist() == [0, 1]
        assert decoder.stats.messages["R"] == 2


class TestTimes:
    def test_are_of_the_first_rows_day_in_new_york(self) -> None:
        batch = batch_of(ADD, time=MIDNIGHT + 1)
        assert Decoder().decode(Encoder().encode(batch)).ts_event[0] == 1

    def test_of_another_day_than_the_encoders_raise(self) -> None:
        with pytest.raises(EventError, match="in row 0: ITCH needs times of one day in New York"):
            Encoder(DAY).encode(batch_of(ADD))


class TestRefusals:
    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            ([ADD, ADD], "row 1 of the batch, A of order 1 of ABC, adds an order that exists already"),
            (
                [("C", "B", 1, 10_000, 1, F_LAST)],
                "row 0 of the batch, C of order 1 of ABC, names an order that was never added",
            ),
            ([("M", "B", 1, 10_000, 1, F_LAST)], "names an order that was never added"),
            ([ADD, ("C", "B", 1, 10_000, 101, F_LAST)], "takes more than the order has left"),
            ([ADD, ("F", "B", 1, 1, 101, 0), ("C", "B", 1, 1, 101, F_LAST)], "takes more than the order has left"),
            ([ADD, ("F", "B", 1, 1, 5, 0), ("C", "B", 1, 1, 6, F_LAST)], "is of another size than the other rows"),
            ([ADD, ("T", "A", 0, 1, 5, 0), ("F", "B", 1, 1, 6, 0), ("C", "B", 1, 1, 6, F_LAST)], "another size"),
            ([("F", "B", 1, 1, 1, 0), ("C", "B", 1, 1, 1, F_LAST)], "names an order that was never added"),
            ([("A", "N", 1, 1, 1, F_LAST)], "column side has 78 in row 0: ITCH needs B or A for an order"),
            ([("A", "B", 1, 1, 0, F_LAST)], "column size has 0 in row 0: ITCH needs 1 to 1073741823 shares"),
            ([("A", "B", 1, 1, 2**30, F_LAST)], "column size has 1073741824 in row 0"),
            ([("A", "B", 1, 2**32, 1, F_LAST)], "column price has 429496729600000 in row 0: ITCH needs multiples of"),
            ([("A", "B", 1, 1, 1, F_MBP | F_LAST)], "column flags has 144 in row 0: ITCH needs orders"),
        ],
    )
    def test_name_the_row_and_the_reason(self, rows: list[Said], reason: str) -> None:
        with pytest.raises(EventError, match=re.escape(reason)):
            Encoder().encode(batch_of(*rows))

    def test_a_row_far_into_a_batch_is_named_by_its_number_there(self) -> None:
        rows: list[Said] = [("A", "B", order, 10_000, 1, F_LAST) for order in range(40_000)]
        with pytest.raises(EventError, match="row 40000 of the batch, C of order 50000 of ABC"):
            Encoder().encode(batch_of(*rows, ("C", "B", 50_000, 1, 1, F_LAST)))

    @pytest.mark.parametrize("stock", [COIN, Instrument("TOOLONGSYM", STOCKS[0].venue, 1, UNIT, "USD")])
    def test_only_stocks_can_be_said(self, stock: Instrument) -> None:
        with pytest.raises(EventError, match="is not a stock that ITCH can name"):
            Encoder().encode(batch_of(ADD, stocks=(stock,)))
