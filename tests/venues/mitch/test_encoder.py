from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import EventError
from hftlab.events import COLUMNS, F_LAST, F_MBP, EventBatch
from hftlab.instruments import LSE, UNIT, Instrument
from hftlab.venues.mitch import Decoder, Encoder
from hftlab.venues.pcap import Datagrams
from tests.batches import COIN
from tests.venues.mitch.oracle import Oracle, fields_of
from tests.venues.mitch.streams import MIDNIGHT, STOCKS, EventWriter, batches

TIME = MIDNIGHT + 30_000 * UNIT + 5_000

Said = tuple[str, str, int, int, int, int]
"""Action, side, order, price in pence, size, flags."""

ADD: Said = ("A", "B", 1, 472, 100, F_LAST)


def batch_of(*rows: Said, stocks: tuple[Instrument, ...] = STOCKS, time: int = TIME) -> EventBatch:
    actions, sides, orders, prices, sizes, flags = zip(*rows, strict=True)
    return EventBatch(
        ts_event=np.full(len(rows), time),
        ts_recv=np.full(len(rows), time),
        sequence=np.arange(len(rows)),
        instrument_id=np.zeros(len(rows), np.int32),
        order_id=np.array(orders, np.uint64),
        action=[ord(one) for one in actions],
        side=[ord(one) for one in sides],
        price=np.array(prices) * UNIT,
        size=list(sizes),
        flags=list(flags),
        instruments=stocks,
    )


def encoded(*some: EventBatch) -> list[Datagrams]:
    encoder = Encoder()
    return [part for batch in some for part in encoder.encode(batch)] + [encoder.end()]


def decode_all(parts: list[Datagrams]) -> EventBatch:
    decoder = Decoder(midnight=MIDNIGHT)
    found = [batch for part in parts for batch in decoder.feed(part)] + list(decoder.end())
    assert decoder.stats.other_datagrams == decoder.stats.missing == decoder.stats.malformed == 0
    return EventBatch.concat([*found, decoder.flush()])


def units_in(parts: list[Datagrams]) -> list[bytes]:
    return [part.payload(number) for part in parts for number in range(len(part))]


def messages_in(parts: list[Datagrams]) -> list[bytes]:
    found = []
    for unit in units_in(parts):
        at = 8
        for _ in range(unit[2]):
            found.append(unit[at : at + unit[at]])
            at += unit[at]
        assert at == len(unit) == int.from_bytes(unit[:2], "little")
    return found


def types_of(*rows: Said) -> list[str]:
    """The types of the messages between the directory and the end of the day."""
    kinds = [f"{one[1]:02x}" for one in messages_in(encoded(batch_of(*rows)))]
    return kinds[2 + len(STOCKS) : -1]


def check_same(found: EventBatch, wanted: EventBatch, *, but: tuple[str, ...] = ("sequence",)) -> None:
    assert found.instruments == wanted.instruments[: len(found.instruments)]
    for name in COLUMNS:
        if name not in but:
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)


class TestRoundTrip:
    @given(batches())
    def test_what_is_decoded_is_what_was_encoded(self, batch: EventBatch) -> None:
        check_same(decode_all(encoded(batch)), batch)

    @given(batches())
    def test_the_oracle_reads_the_same(self, batch: EventBatch) -> None:
        parts = encoded(batch)
        oracle = Oracle(units_in(parts), None, MIDNIGHT)
        symbols = [batch.instruments[number].symbol for number in batch.instrument_id.tolist()]
        assert [row.symbol for row in oracle.rows] == symbols
        for name, column in (("time", "ts_event"), ("order", "order_id"), ("price", "price"), ("size", "size")):
            assert [getattr(row, name) for row in oracle.rows] == getattr(batch, column).tolist()
        assert not oracle.unknown
        assert not oracle.tallies["malformed"] + oracle.tallies["excess_shares"] + oracle.tallies["timed_by_capture"]

    @given(batches(), st.integers(1, 39))
    def test_it_does_not_matter_how_the_events_are_cut(self, batch: EventBatch, place: int) -> None:
        ends = np.flatnonzero(batch.flags & F_LAST) + 1
        cut = int(ends[min(place, len(ends) - 1)])
        pieces = messages_in(encoded(batch[:cut], batch[cut:]))
        assert pieces == messages_in(encoded(batch))

    def test_of_more_rows_than_are_encoded_at_once(self) -> None:
        writer = EventWriter()
        for number in range(20_000):
            writer.time += 1_000_000
            writer.add(number % 2, "BA"[number % 2], 1_000_000_000 * (number % 7), 100)
            if number % 3:
                writer.execute(writer.last_order, 40, writer.live[writer.last_order][2])
        check_same(decode_all(encoded(writer.batch())), writer.batch())


class TestUnits:
    def test_are_numbered_and_short(self) -> None:
        writer = EventWriter()
        for _ in range(500):
            writer.add(0, "B", 47_200_000_000, 100)
        units = units_in(encoded(writer.batch()))
        assert all(len(one) <= 1400 for one in units)
        numbers = [int.from_bytes(one[4:8], "little") for one in units]
        assert numbers[0] == 1
        assert all(first + unit[2] == second for (first, second), unit in zip(pairwise(numbers), units, strict=False))
        assert len(units) == 1 + -(-500 * 44 // (1392 // 44 * 44)) + 1

    def test_have_what_was_received_together(self) -> None:
        writer = EventWriter()
        for delay in (7, 7, 8):
            writer.delay = delay
            writer.add(0, "B", 47_200_000_000, 100)
        counts = [unit[2] for unit in units_in(encoded(writer.batch()))]
        assert counts == [4, 2, 1, 1]  # time, start and directory; adds; the end of the day

    def test_begin_with_the_directory_and_each_second_with_its_time(self) -> None:
        writer = EventWriter()
        writer.add(0, "B", 47_200_000_000, 100)
        writer.time += UNIT
        writer.add(1, "B", 47_200_000_000, 100)
        messages = messages_in(encoded(writer.batch()))
        assert [f"{one[1]:02x}" for one in messages] == ["54", "53", "52", "52", "41", "54", "41", "53"]
        assert [fields_of(one)["seconds"] for one in messages if one[1] == 0x54] == [30_000, 30_001]
        first, second = (fields_of(one) for one in messages if one[1] == 0x52)
        assert (first["isin"], first["sedol"], first["currency"]) == (b"GB0007980591", b"0798059     ", b"GBX")
        assert (second["isin"].strip(), second["sedol"], second["number"]) == (b"", b"ABC         ", 2)
        assert [fields_of(one)["event"] for one in messages if one[1] == 0x53] == [b"O", b"C"]

    def test_describe_instruments_as_they_come(self) -> None:
        encoder = Encoder()
        parts = [*encoder.encode(batch_of(ADD, stocks=STOCKS[:1]))]
        parts += encoder.encode(batch_of(("A", "B", 2, 3, 1, F_LAST), stocks=STOCKS[1:]))
        assert Counter(one[1] for one in messages_in(parts)) == {0x54: 1, 0x53: 1, 0x52: 2, 0x41: 2}
        assert decode_all(parts).instruments == STOCKS


class TestForms:
    @pytest.mark.parametrize(
        ("rows", "types"),
        [
            ([], []),
            ([("C", "B", 1, 472, 100, F_LAST)], ["44"]),
            ([("C", "B", 1, 472, 60, F_LAST)], ["55"]),
            ([("C", "B", 1, 472, 100, 0), ("A", "B", 1, 472, 100, F_LAST)], ["55"]),
            ([("C", "B", 1, 472, 100, 0), ("A", "B", 1, 473, 100, F_LAST)], ["44", "41"]),
            ([("C", "B", 1, 472, 100, 0), ("A", "B", 1, 472, 101, F_LAST)], ["44", "41"]),
            ([("C", "B", 1, 472, 100, 0), ("A", "B", 2, 472, 100, F_LAST)], ["44", "41"]),
            ([("M", "B", 1, 472, 100, F_LAST)], []),
            ([("M", "B", 1, 473, 100, F_LAST)], ["55"]),
            ([("M", "B", 1, 472, 0, F_LAST)], ["44"]),
            ([("T", "A", 0, 472, 5, 0), ("F", "B", 1, 472, 5, 0), ("C", "B", 1, 472, 5, F_LAST)], ["45"]),
            ([("T", "A", 0, 471, 5, 0), ("F", "B", 1, 472, 5, 0), ("C", "B", 1, 472, 5, F_LAST)], ["43"]),
            ([("F", "B", 1, 472, 5, 0), ("C", "B", 1, 472, 5, F_LAST)], ["43"]),
            ([("T", "A", 0, 472, 5, 0), ("F", "B", 1, 472, 5, 0), ("M", "B", 1, 472, 99, F_LAST)], ["43"]),
            ([("T", "A", 0, 472, 100, 0), ("F", "B", 1, 472, 100, 0), ("M", "B", 1, 472, 50, F_LAST)], ["43"]),
            ([("T", "A", 0, 472, 100, 0), ("F", "B", 1, 472, 100, 0), ("M", "B", 1, 472, 0, F_LAST)], ["45"]),
            ([("T", "A", 0, 472, 5, 0), ("F", "B", 1, 472, 5, 0), ("M", "B", 1, 473, 9, F_LAST)], ["45", "55"]),
            ([("T", "A", 0, 472, 100, 0), ("F", "B", 1, 472, 100, 0), ("M", "B", 1, 473, 9, F_LAST)], ["45", "41"]),
            ([("T", "A", 0, 472, 5, F_LAST)], ["50"]),
            ([("T", "A", 0, 472, 5, 0), ("F", "B", 9, 472, 5, F_LAST)], ["50"]),
            ([("R", "N", 0, 0, 0, F_LAST), ADD], ["79", "41"]),
            ([("N", "N", 0, 0, 0, F_LAST), ("F", "B", 1, 472, 5, F_LAST)], []),
        ],
    )
    def test_have_these_messages(self, rows: list[Said], types: list[str]) -> None:
        assert types_of(ADD, *rows) == ["41", *types]

    def test_without_a_message_are_counted(self) -> None:
        encoder = Encoder()
        list(encoder.encode(batch_of(ADD, ("N", "N", 0, 0, 0, F_LAST), ("F", "B", 1, 472, 5, F_LAST))))
        assert (encoder.skipped, encoder.live_orders) == (2, 1)

    def test_of_nothing_are_nothing(self) -> None:
        assert list(Encoder().encode(batch_of(ADD)[:0])) == []


class TestTimes:
    def test_are_of_the_first_rows_day_in_london(self) -> None:
        seconds = [fields_of(one)["seconds"] for one in messages_in(encoded(batch_of(ADD))) if one[1] == 0x54]
        assert seconds == [30_000]

    def test_without_a_day_are_taken_as_they_are(self) -> None:
        batch = batch_of(ADD, time=30_000 * UNIT + 1)
        assert messages_in(encoded(batch))[0] == messages_in(encoded(batch_of(ADD)))[0]

    def test_of_another_day_than_the_encoders_raise(self) -> None:
        with pytest.raises(EventError, match="in row 0: MITCH needs times of one day in London"):
            list(Encoder("2026-01-05").encode(batch_of(ADD)))


class TestRefusals:
    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            ([ADD, ADD], "row 1 of the batch, A of order 1 of BP., adds an order that exists already"),
            ([("C", "B", 1, 1, 1, F_LAST)], "row 0 of the batch, C of order 1 of BP., names an order that was never"),
            ([("M", "B", 1, 1, 1, F_LAST)], "names an order that was never added"),
            ([ADD, ("C", "B", 1, 472, 101, F_LAST)], "takes more than the order has left"),
            ([ADD, ("F", "B", 1, 472, 101, 0), ("C", "B", 1, 472, 101, F_LAST)], "takes more than the order has left"),
            ([ADD, ("F", "B", 1, 1, 5, 0), ("C", "B", 1, 1, 6, F_LAST)], "is of another size than the other rows"),
            ([ADD, ("T", "A", 0, 1, 5, 0), ("F", "B", 1, 1, 6, 0), ("C", "B", 1, 1, 6, F_LAST)], "another size"),
            ([("F", "B", 1, 1, 1, 0), ("C", "B", 1, 1, 1, F_LAST)], "names an order that was never added"),
            ([("A", "N", 1, 1, 1, F_LAST)], "column side has 78 in row 0: MITCH needs B or A for an order"),
            ([("A", "B", 1, 1, 0, F_LAST)], "column size has 0 in row 0: MITCH needs 1 to 4294967295 shares"),
            ([("A", "B", 1, 1, 2**32, F_LAST)], "column size has 4294967296 in row 0"),
            ([("A", "B", 1, 1, 1, F_MBP | F_LAST)], "column flags has 144 in row 0: MITCH needs orders"),
        ],
    )
    def test_name_the_row_and_the_reason(self, rows: list[Said], reason: str) -> None:
        with pytest.raises(EventError, match=re.escape(reason)):
            list(Encoder().encode(batch_of(*rows)))

    def test_a_price_finer_than_mitchs_raises(self) -> None:
        columns = {name: getattr(batch_of(ADD), name) for name in COLUMNS}
        batch = EventBatch(**{**columns, "price": [5]}, instruments=STOCKS)
        with pytest.raises(EventError, match=r"column price has 5 in row 0: MITCH needs multiples of 0\.00000001"):
            list(Encoder().encode(batch))

    @pytest.mark.parametrize("stock", [COIN, Instrument("TOOLONGASYMBOL", LSE, 1, UNIT, "GBX")])
    def test_only_shares_with_short_names_can_be_said(self, stock: Instrument) -> None:
        with pytest.raises(EventError, match="is not an instrument that MITCH can name"):
            list(Encoder().encode(batch_of(ADD, stocks=(stock,))))
