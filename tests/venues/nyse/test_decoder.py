from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_SNAPSHOT, EventBatch
from hftlab.instruments import NYSE, UNIT, find_instrument
from hftlab.venues.nyse import Decoder, Listing, Stats, message_bytes
from hftlab.venues.nyse.decode_kernel import decode
from tests.reference_book import ReferenceBooks
from tests.venues.mitch.oracle import message_of as mitch_message
from tests.venues.mitch.streams import unit as mitch_unit
from tests.venues.nyse.oracle import SECOND, SIZES, Oracle, Row
from tests.venues.nyse.streams import STREAMS, datagrams, packet

NOON = 1_600_000_000 * SECOND
MAPPING = message_bytes("3", symbol_index=7, symbol="ZZZ", system_id=3, price_scale_code=4)
NAMED: list[dict[int, tuple[str, int]] | None] = [None, {1: ("ABC", 4), 2: ("QQQ", 0)}]


def rows_of(batch: EventBatch) -> list[Row]:
    """A batch in the oracle's form."""
    return [
        Row(
            int(batch.ts_event[row]),
            int(batch.ts_recv[row]),
            int(batch.sequence[row]),
            batch.instruments[batch.instrument_id[row]].symbol,
            int(batch.order_id[row]),
            chr(batch.action[row]),
            chr(batch.side[row]),
            int(batch.price[row]),
            int(batch.size[row]),
            int(batch.flags[row]),
        )
        for row in range(len(batch))
    ]


def check_stats(stats: Stats, oracle: Oracle) -> None:
    assert stats.messages == {kind: n for kind, n in oracle.counts.items() if int(kind) in SIZES}
    assert stats.unknown_types == {kind: n for kind, n in oracle.counts.items() if int(kind) not in SIZES}
    assert (stats.unknown_orders, stats.unmapped) == (oracle.unknown, oracle.unmapped)
    names = (
        "packets", "heartbeats", "other_datagrams", "malformed", "seen_before", "missing", "stale_refreshes",
        "timed_by_packet", "repeated_orders", "excess_shares",
    )  # fmt: skip
    assert {name: getattr(stats, name) for name in names} == {name: oracle.tallies[name] for name in names}
    assert stats.live_orders == len(oracle.orders)


class TestAgainstOracle:
    @given(
        STREAMS,
        st.sampled_from([None, ["ABC"], ["BRK.A", "QQQ"]]),
        st.sampled_from(NAMED),
        st.sampled_from([None, None, 4]),
    )
    @example([], None, None, None)
    def test_every_row_and_every_count_is_the_oracles(
        self,
        payloads: list[bytes],
        symbols: list[str] | None,
        mapping: dict[int, tuple[str, int]] | None,
        price_scale: int | None,
    ) -> None:
        oracle = Oracle(payloads, symbols, mapping, price_scale)
        decoder = Decoder(symbols=symbols, mapping=mapping, price_scale=price_scale)
        batch = decoder.decode(datagrams(payloads))
        assert rows_of(batch) == oracle.rows
        check_stats(decoder.stats, oracle)
        EventBatch.from_arrow(batch.to_arrow())  # passes the checks that trusted batches skip

    @given(STREAMS, st.integers(4, 20), st.integers(1, 4))
    def test_neither_chunks_nor_parts_of_the_capture_matter(self, payloads: list[bytes], chunk: int, part: int) -> None:
        decoder, rows = Decoder(chunk=chunk, mapping=NAMED[1]), []
        for at in range(0, len(payloads), part):
            for batch in decoder.feed(datagrams(payloads[at : at + part], at)):
                assert len(batch) <= chunk
                rows += rows_of(batch)
        oracle = Oracle(payloads, mapping=NAMED[1])
        assert rows + rows_of(decoder.flush()) == oracle.rows
        check_stats(decoder.stats, oracle)

    @given(STREAMS)
    def test_books_are_the_reference_books(self, payloads: list[bytes]) -> None:
        batch = Decoder(price_scale=4).decode(datagrams(payloads))
        books, reference = BookSet(), ReferenceBooks()
        books.apply(batch)
        reference.apply(batch)
        for symbol, expected in reference.books.items():
            found, price = books[symbol], books[symbol].instrument.price
            assert found.bids(99) == [(price(ticks), float(lots), orders) for ticks, lots, orders in expected.bids(99)]
            assert found.asks(99) == [(price(ticks), float(lots), orders) for ticks, lots, orders in expected.asks(99)]

    @pytest.mark.no_cover
    def test_holds_when_the_tables_outgrow_their_room(self) -> None:
        payloads = long_stream(3)
        oracle, decoder = Oracle(payloads), Decoder()
        assert rows_of(decoder.decode(datagrams(payloads))) == oracle.rows
        assert decoder.stats.live_orders > 4096
        assert len(decoder.instruments) == 150
        check_stats(decoder.stats, oracle)


def long_stream(seed: int) -> list[bytes]:
    """Mappings of 150 symbols, then adds, fewer deletions and replacements of any order so far, and a clear."""
    random = np.random.default_rng(seed)
    parts = [message_bytes("3", symbol_index=n, symbol=f"S{n}", price_scale_code=4, system_id=1) for n in range(150)]
    for number, (kind, one) in enumerate(random.integers(0, [5, 2**30], (12_000, 2)).tolist(), 1):
        old = one % number
        index = old % 150 if kind >= 3 else number % 150
        common = {"symbol_index": index, "source_time_ns": number, "price": 10_000 + one % 50, "volume": 1 + one % 90}
        if kind < 3:
            parts.append(message_bytes("100", order_id=number, side="BS"[one % 2], **common))
        elif kind == 3:
            parts.append(message_bytes("102", order_id=old, symbol_index=index, source_time_ns=number))
        else:
            parts.append(message_bytes("104", order_id=old, new_order_id=number + 2**40, **common))
    parts.append(message_bytes("32", symbol_index=5, source_time=1))
    return [packet(*parts[at : at + 30], sequence=at + 1) for at in range(0, len(parts), 30)]


def message(kind: str, **fields: Any) -> bytes:
    """A message about the symbol 7, ZZZ."""
    return message_bytes(kind, symbol_index=7, **fields)


def decoded(*parts: bytes, **options: Any) -> list[tuple[str, str, int, float, int, int]]:
    """Rows (action, side, order, price, size, flags) of messages in a packet behind a mapping."""
    batch = Decoder(**options).decode(datagrams([packet(MAPPING, *parts)]))
    return [(row.action, row.side, row.order, row.price / UNIT, row.size, row.flags) for row in rows_of(batch)]


class TestMissing:
    """A symbol's sequence numbers tell that messages of it are missing."""

    add = staticmethod(lambda order, number: message("100", order_id=order, side="B", volume=5, symbol_seq_num=number))

    def test_messages_make_the_rows_behind_them_doubtful_until_a_clear(self) -> None:
        clear = message("32", source_time=1, next_source_seq_num=8)
        rows = decoded(self.add(1, 1), self.add(2, 2), self.add(3, 5), self.add(4, 6), clear, self.add(5, 8))
        assert [row[5] & F_MAYBE_BAD_BOOK for row in rows] == [0, 0, F_MAYBE_BAD_BOOK, F_MAYBE_BAD_BOOK, 0, 0]

    def test_of_one_symbol_leave_the_others_as_they_are(self) -> None:
        other = message_bytes("3", symbol_index=8, symbol="YYY", price_scale_code=4)
        one = message_bytes("100", symbol_index=8, order_id=9, side="B", volume=5, symbol_seq_num=1)
        rows = decoded(other, self.add(1, 1), self.add(2, 3), one)
        assert [row[5] & F_MAYBE_BAD_BOOK for row in rows] == [0, F_MAYBE_BAD_BOOK, 0]


class TestDays:
    """Captures of several days: sequence numbers begin anew with each."""

    first, second = 1_600_000_000, 1_600_000_000 + 86_400

    def day(self, second: int, *parts: bytes) -> bytes:
        return packet(message_bytes("1", source_time=second), *parts, flag=12, sent=second * UNIT)

    def test_begin_with_empty_books_and_new_numbers(self) -> None:
        add = [message("100", order_id=order, side="B", volume=5, symbol_seq_num=order) for order in (1, 2)]
        days = [self.day(self.first, MAPPING, *add), self.day(self.second, MAPPING, add[0])]
        decoder = Decoder()
        assert [(row.action, row.order) for row in rows_of(decoder.decode(datagrams(days)))] == [
            ("A", 1), ("A", 2), ("R", 0), ("A", 1),
        ]  # fmt: skip
        assert (decoder.stats.seen_before, decoder.stats.live_orders) == (0, 1)

    def test_begin_once_also_where_two_lines_tell_of_it(self) -> None:
        add = message("100", order_id=1, side="B", volume=5, symbol_seq_num=1)
        lines = [self.day(self.first, MAPPING, add)] * 2
        decoder = Decoder()
        assert len(decoder.decode(datagrams(lines))) == 1
        assert decoder.stats.seen_before == 1


def test_what_was_received_at_no_known_time_has_that_of_the_event() -> None:
    batch = Decoder().decode(datagrams([packet(MAPPING, message("100", order_id=1, side="B", volume=5))]))
    assert batch.ts_recv.tolist() == batch.ts_event.tolist() == [1_600_000_000 * UNIT]


def test_datagrams_of_another_feed_are_not_packets_though_their_heads_look_like_it() -> None:
    """A unit of MITCH with ten messages: the count stands where XDP has its delivery flag."""
    unit = mitch_unit(*[mitch_message(0x44, order=2**40 + number) for number in range(10)])
    decoder = Decoder()
    assert not len(decoder.decode(datagrams([unit])))
    assert (decoder.stats.packets, decoder.stats.other_datagrams, decoder.stats.malformed) == (0, 1, 0)


class TestRows:
    ADD = message("100", order_id=1, price=123_400, volume=300, side="S")

    def test_of_each_type(self) -> None:
        assert decoded(
            self.ADD,
            message("103", order_id=1, price=123_300, volume=100, printable_flag=1),
            message("103", order_id=1, price=123_300, volume=50, printable_flag=0),
            message("101", order_id=1, price=123_500, volume=70, position_change=1),
            message("104", order_id=1, new_order_id=2, price=123_600, volume=80),
            message("102", order_id=2),
            message("110", price=123_000, volume=9, printable_flag=1),
            message("110", price=123_000, volume=9, printable_flag=0),
            message("111", price=123_100, volume=1000),
        ) == [
            ("A", "A", 1, 12.34, 300, F_LAST),
            ("T", "B", 0, 12.33, 100, 0),
            ("F", "A", 1, 12.34, 100, 0),
            ("C", "A", 1, 12.34, 100, F_LAST),
            ("F", "A", 1, 12.34, 50, 0),
            ("C", "A", 1, 12.34, 50, F_LAST),
            ("M", "A", 1, 12.35, 70, F_LAST),
            ("C", "A", 1, 12.35, 70, 0),
            ("A", "A", 2, 12.36, 80, F_LAST),
            ("C", "A", 2, 12.36, 80, F_LAST),
            ("T", "N", 0, 12.3, 9, F_LAST),
            ("T", "N", 0, 12.31, 1000, F_LAST),
        ]

    @pytest.mark.parametrize(
        ("change", "rows"),
        [
            ({"volume": 200, "position_change": 0}, [("M", 200)]),
            ({"volume": 200, "position_change": 1}, [("C", 300), ("A", 200)]),
            ({"volume": 300, "position_change": 1}, [("C", 300), ("A", 300)]),
            ({"volume": 400, "position_change": 1}, [("M", 400)]),
        ],
    )
    def test_a_change_that_loses_its_place_is_two_rows_where_a_book_would_leave_it(
        self, change: dict[str, int], rows: list[tuple[str, int]]
    ) -> None:
        found = decoded(self.ADD, message("101", order_id=1, price=123_400, **change))[1:]
        assert [(action, size) for action, *_, size, _ in found] == rows

    @pytest.mark.parametrize("end", [message("32", source_time=5), message("34", security_status="X")])
    def test_a_clear_and_the_end_of_a_symbols_day_empty_its_book(self, end: bytes) -> None:
        found = decoded(self.ADD, end, message("102", order_id=1))
        assert [action for action, *_ in found] == ["A", "R"]

    def test_orders_of_a_refresh_are_a_snapshot(self) -> None:
        order = message("106", source_time=5, order_id=4, price=123_400, volume=1, side="B")
        assert decoded(message("32", source_time=5), order, order)[1:] == [("A", "B", 4, 12.34, 1, F_LAST | F_SNAPSHOT)]

    def test_a_refresh_is_older_than_a_book_that_has_gone_on(self) -> None:
        refresh = packet(
            message_bytes("35", last_symbol_seq_num=4),
            message("106", source_time=5, order_id=4, price=123_400, volume=1, side="B"),
            flag=17,
        )
        first = packet(MAPPING, message("100", symbol_seq_num=4, order_id=1, price=1, volume=1, side="S"))
        later = packet(message("100", symbol_seq_num=5, order_id=2, price=1, volume=1, side="S"))
        in_time, late = Decoder(), Decoder()
        assert len(in_time.decode(datagrams([first, refresh, later]))) == 3
        assert len(late.decode(datagrams([first, later, refresh]))) == 2
        assert (in_time.stats.stale_refreshes, late.stats.stale_refreshes) == (0, 1)


class TestTimes:
    def test_are_of_the_partitions_last_reference_and_before_it_of_the_packet(self) -> None:
        def add(nanos: int) -> bytes:
            return message("100", source_time_ns=nanos, order_id=nanos + 1, price=1, volume=1, side="B")

        reference = message_bytes("2", id=3, source_time=1_700_000_000)
        other = message_bytes("2", id=4, source_time=1_800_000_000)
        payload = packet(MAPPING, add(5), add(11), other, reference, add(6), add(999), sent=NOON + 10)
        decoder = Decoder()
        assert decoder.decode(datagrams([payload])).ts_event.tolist() == [
            NOON + 5,
            NOON - SECOND + 11,
            1_700_000_000 * SECOND + 6,
            1_700_000_000 * SECOND + 999,
        ]
        assert decoder.stats.timed_by_packet == 2

    def test_rows_have_the_packets_receive_time_and_the_messages_sequence_number(self) -> None:
        payloads = [packet(MAPPING, TestRows.ADD, sequence=41), packet(message("102", order_id=1), sequence=43)]
        batch = Decoder().decode(datagrams(payloads, first=1000))
        assert batch.ts_recv.tolist() == [1000, 1001]
        assert batch.sequence.tolist() == [42, 43]


class TestLines:
    def test_of_two_lines_each_message_counts_once(self) -> None:
        """A lost 2 and B lost 4; B is a little behind."""
        clear = packet(message("32", source_time=5, next_source_seq_num=1))
        one, two, three, four, five = (
            packet(message("100", symbol_seq_num=n, order_id=n, price=1, volume=1, side="B"), sequence=n)
            for n in range(1, 6)
        )
        lines = [clear, one, clear, one, two, three, three, four, five, five]
        decoder = Decoder(mapping={7: ("ZZZ", 4)})
        batch = decoder.decode(datagrams(lines))
        assert batch.order_id.tolist() == [0, 1, 2, 3, 4, 5]
        assert (decoder.stats.missing, decoder.stats.seen_before) == (0, 4)

    def test_what_no_line_has_is_counted(self) -> None:
        adds = [message("100", symbol_seq_num=n, order_id=n, price=1, volume=1, side="B") for n in (10, 11, 15)]
        decoder = Decoder()
        decoder.decode(datagrams([packet(MAPPING, *adds)]))
        assert decoder.stats.missing == 3


class TestSymbols:
    def test_are_known_ones_or_get_a_tick_that_holds_their_prices(self) -> None:
        fine = message_bytes("3", symbol_index=8, symbol="FINE", price_scale_code=6)
        known = message_bytes("3", symbol_index=9, symbol="BRK A", price_scale_code=3)
        decoder = Decoder()
        decoder.decode(datagrams([packet(MAPPING, fine, known)]))
        one, two, three = decoder.instruments
        assert (one.symbol, one.venue, one.tick, one.lot) == ("ZZZ", NYSE, UNIT // 10_000, UNIT)
        assert (two.symbol, two.tick) == ("FINE", UNIT // 1_000_000)
        assert three is find_instrument("BRK.A", "NYSE")
        assert decoder.listings[9] == Listing("BRK.A", 3, 0)

    def test_without_a_mapping_are_counted(self) -> None:
        decoder = Decoder()
        assert len(decoder.decode(datagrams([packet(TestRows.ADD, MAPPING, TestRows.ADD)]))) == 1
        assert decoder.stats.unmapped == {"100": 1}

    def test_without_a_mapping_are_called_by_index_if_the_scale_is_given(self) -> None:
        decoder = Decoder(price_scale=3)
        batch = decoder.decode(datagrams([packet(TestRows.ADD, MAPPING)]))
        assert ([one.symbol for one in batch.instruments], batch.price[0]) == (["#7"], 123_400 * 10**6)

    def test_may_be_named_by_the_user(self) -> None:
        decoder = Decoder(mapping={7: ("MINE", 2)})
        batch = decoder.decode(datagrams([packet(MAPPING, TestRows.ADD)]))
        assert ([one.symbol for one in batch.instruments], batch.price[0]) == (["MINE"], 123_400 * 10**7)

    def test_that_are_not_kept_make_no_rows(self) -> None:
        other = message_bytes("3", symbol_index=8, symbol="OTHER", price_scale_code=4)
        decoder = Decoder(symbols="OTHER")
        assert len(decoder.decode(datagrams([packet(MAPPING, other, TestRows.ADD)]))) == 0
        assert (decoder.others, [one.symbol for one in decoder.instruments]) == (["ZZZ"], ["OTHER"])

    def test_one_order_number_below_32_bits_may_be_of_two_symbols(self) -> None:
        other = message_bytes("3", symbol_index=8, symbol="OTHER", price_scale_code=4)
        same = message_bytes("100", symbol_index=8, order_id=1, price=5, volume=6, side="B")
        found = decoded(other, TestRows.ADD, same, message("102", order_id=1))
        assert [(action, size) for action, *_, size, _ in found] == [("A", 300), ("A", 6), ("C", 300)]


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"chunk": 3}, "chunk must be 4 or more rows, got 3"),
            ({"symbols": []}, "symbols is empty"),
            ({"price_scale": 10}, "price_scale is 10: give 0 to 9"),
            ({"mapping": {7: "ZZZ"}}, "mapping[7] is 'ZZZ': give the symbol and its price scale, as in ('JPM', 4)"),
            ({"mapping": {7: ("ZZZ", 12)}}, "mapping[7] has a price scale of 12"),
            ({"mapping": {-1: ("ZZZ", 4)}}, "mapping has the symbol index -1"),
        ],
    )
    def test_that_cannot_be_raise(self, options: Any, reason: str) -> None:
        with pytest.raises(ArgumentError, match=re.escape(reason)):
            Decoder(**options)


def test_one_compiled_kernel_serves_all() -> None:
    decoded(TestRows.ADD)
    assert len(decode.signatures) == 1  # type: ignore[attr-defined]
