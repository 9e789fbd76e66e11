from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, EventBatch
from hftlab.instruments import LSE, UNIT, find_instrument
from hftlab.venues.mitch import Decoder, Stats
from tests.venues.mitch.oracle import LEAST, SECOND, Oracle, Row, message_of
from tests.venues.mitch.streams import MIDNIGHT, STREAMS, datagrams, unit, units_of

TIME = message_of(0x54, seconds=30_000)
PRICE = 47_215_000_000


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
    known = {f"0x{kind:02x}" for kind in LEAST}
    assert stats.messages == {kind: n for kind, n in oracle.counts.items() if kind in known}
    assert stats.unknown_types == {kind: n for kind, n in oracle.counts.items() if kind not in known}
    assert stats.unknown_orders == oracle.unknown
    names = (
        "units", "heartbeats", "timed_by_capture", "other_books", "corrections", "repeated_orders", "excess_shares",
        "malformed",
    )  # fmt: skip
    assert {name: getattr(stats, name) for name in names} == {name: oracle.tallies[name] for name in names}
    assert stats.live_orders == len(oracle.orders)


def add(order: int = 1, side: bytes = b"B", size: int = 100, price: int = PRICE, **fields: Any) -> bytes:
    return message_of(0x41, order=order, side=side, size=size, number=7, price=price, **fields)


def decode(*some: bytes, **options: Any) -> tuple[list[tuple[Any, ...]], Decoder]:
    """The rows of messages, from their order on, and the decoder."""
    decoder = Decoder(midnight=MIDNIGHT, **options)
    rows = rows_of(decoder.decode(datagrams([unit(TIME, *some)])))
    return [row[4:] for row in rows], decoder


class TestAgainstOracle:
    @given(STREAMS, st.sampled_from([None, ["BP."], ["#1", "VOD"]]))
    @example([], None)
    def test_every_row_and_every_count_is_the_oracles(self, units: list[bytes], symbols: list[str] | None) -> None:
        oracle = Oracle(units, symbols, MIDNIGHT)
        decoder = Decoder(symbols=symbols, midnight=MIDNIGHT)
        batch = decoder.decode(datagrams(units))
        assert rows_of(batch) == oracle.rows
        check_stats(decoder.stats, oracle)
        EventBatch.from_arrow(batch.to_arrow())  # passes the checks that trusted batches skip

    @given(STREAMS, st.integers(3, 20), st.integers(1, 4))
    def test_neither_chunks_nor_parts_of_the_capture_matter(self, units: list[bytes], chunk: int, part: int) -> None:
        decoder, batches = Decoder(midnight=MIDNIGHT, chunk=chunk), []
        whole = datagrams(units)
        for first in range(0, len(units), part):
            some = datagrams(units[first : first + part])
            some.ts_recv[:] = whole.ts_recv[first : first + part]
            batches += decoder.feed(some)
        batches += decoder.end()
        assert all(len(batch) <= chunk and batch.flags[-1] & F_LAST for batch in batches)
        assert rows_of(EventBatch.concat(batches)) == Oracle(units, None, MIDNIGHT).rows if batches else True

    @given(STREAMS, st.data())
    def test_two_lines_that_lose_other_units_give_all_of_them(self, units: list[bytes], data: st.DataObject) -> None:
        """A unit comes on line A, on B, or on both, B somewhat later."""
        lines = [data.draw(st.sampled_from(["A", "B", "AB", "AB"])) for _ in units]
        sent = sorted(
            [(place, 0, one) for place, (one, on) in enumerate(zip(units, lines, strict=True)) if "A" in on]
            + [(place + 2, 1, one) for place, (one, on) in enumerate(zip(units, lines, strict=True)) if "B" in on]
        )
        both = datagrams([one for _, _, one in sent], lines=2)
        both.flow[:] = [line for _, line, _ in sent]
        both.ts_recv[:] = 0
        decoder = Decoder(midnight=MIDNIGHT)
        batch = decoder.decode(both)
        found = sorted((row.sequence, *row[3:]) for row in rows_of(batch))
        alone = Oracle(units, None, MIDNIGHT)
        if {one[3:4] for one in units} <= {b"A"}:
            # Each group is in order; between them there is none.
            assert found == sorted((row.sequence, *row[3:]) for row in alone.rows)
        assert decoder.stats.messages.total() + decoder.stats.unknown_types.total() == alone.counts.total()
        assert (decoder.stats.missing, decoder.gaps) == (0, ())


class TestOrders:
    def test_make_the_books_of_their_instrument(self) -> None:
        decoder = Decoder(midnight=MIDNIGHT)
        directory = message_of(0x52, number=7, isin=b"GB0007980591", sedol=b"0798059", currency=b"GBX")
        messages = [TIME, directory, add(1), add(2, b"S", 50, PRICE + 5_000_000), add(3, size=30)]
        batch = decoder.decode(datagrams([unit(*messages)]))
        books = BookSet()
        books.apply(batch)
        assert books["BP."].bids(5) == [(472.15, 130, 2)]
        assert books["BP."].asks(5) == [(472.2, 50, 1)]
        assert decoder.instruments == (find_instrument("BP.", LSE),)
        assert batch.ts_event[0] == MIDNIGHT + 30_000 * UNIT

    def test_that_keep_their_place_stay_in_front(self) -> None:
        keeps = message_of(0x55, order=1, size=60, price=PRICE, flags=1)
        rows, _ = decode(add(1), add(2), keeps)
        assert rows[2:] == [(1, "M", "B", 10 * PRICE, 60, F_LAST)]

    @pytest.mark.parametrize("size", [60, 100])
    def test_that_lose_their_place_go_to_the_back(self, size: int) -> None:
        loses = message_of(0x55, order=1, size=size, price=PRICE, flags=0)
        rows, _ = decode(add(1), add(2), loses)
        assert rows[2:] == [(1, "C", "B", 10 * PRICE, 100, 0), (1, "A", "B", 10 * PRICE, size, F_LAST)]

    @pytest.mark.parametrize(("size", "price"), [(101, PRICE), (100, PRICE - 1)])
    def test_that_a_book_sends_to_the_back_anyway_are_modified(self, size: int, price: int) -> None:
        rows, _ = decode(add(1), message_of(0x55, order=1, size=size, price=price, flags=0))
        assert rows[1:] == [(1, "M", "B", 10 * price, size, F_LAST)]

    def test_are_executed_at_their_price(self) -> None:
        rows, _ = decode(add(1), message_of(0x45, order=1, size=40), message_of(0x44, order=1))
        assert rows[1:] == [
            (0, "T", "A", 10 * PRICE, 40, 0),
            (1, "F", "B", 10 * PRICE, 40, 0),
            (1, "C", "B", 10 * PRICE, 40, F_LAST),
            (1, "C", "B", 10 * PRICE, 60, F_LAST),
        ]

    def test_are_executed_at_another_price(self) -> None:
        at = message_of(0x43, order=1, size=40, shown=60, printable=b"Y", price=PRICE - 1)
        rows, _ = decode(add(1), at)
        assert rows[1:] == [
            (0, "T", "A", 10 * PRICE - 10, 40, 0),
            (1, "F", "B", 10 * PRICE, 40, 0),
            (1, "C", "B", 10 * PRICE, 40, F_LAST),
        ]

    def test_that_show_their_next_part_are_modified(self) -> None:
        iceberg = message_of(0x43, order=1, size=100, shown=80, printable=b"N", price=PRICE)
        rows, _ = decode(add(1), iceberg)
        assert rows[1:] == [(1, "F", "B", 10 * PRICE, 100, 0), (1, "M", "B", 10 * PRICE, 80, F_LAST)]

    def test_without_a_price_make_no_rows_but_trades(self) -> None:
        market, auction = add(1, price=0, flags=16), message_of(0x43, order=1, size=100, printable=b"Y", price=PRICE)
        rows, decoder = decode(market, auction)
        assert rows == [(0, "T", "A", 10 * PRICE, 100, F_LAST)]
        assert decoder.stats.live_orders == 0

    def test_of_other_books_make_no_rows(self) -> None:
        rows, decoder = decode(
            add(1, flags=64), add(2), message_of(0x79, number=7, flags=64), message_of(0x44, order=1)
        )
        assert [row[0] for row in rows] == [2]
        assert (decoder.stats.other_books, decoder.stats.unknown_orders) == (2, {"0x44": 1})

    def test_are_cleared_with_their_book(self) -> None:
        rows, decoder = decode(add(1), add(2, flags=32), message_of(0x79, number=7))
        assert rows[1:] == [(0, "R", "N", 0, 0, F_LAST)]
        assert decoder.stats.live_orders == 1

    def test_that_are_many_make_room(self) -> None:
        decoder = Decoder(midnight=MIDNIGHT)
        units = units_of([(b"A", [TIME] + [add(number + 25 * place) for number in range(25)]) for place in range(400)])
        assert len(decoder.decode(datagrams(units))) == 10_000
        assert decoder.stats.live_orders == 10_000


class TestTrades:
    @pytest.mark.parametrize("kind", [0x50, 0x51])
    def test_of_hidden_orders_and_auctions_have_no_side(self, kind: int) -> None:
        rows, _ = decode(message_of(kind, size=5, number=7, price=PRICE))
        assert rows == [(0, "T", "N", 10 * PRICE, 5, F_LAST)]

    @pytest.mark.parametrize("flags", [1, 2])
    def test_that_are_cancelled_or_amended_make_no_row(self, flags: int) -> None:
        rows, decoder = decode(message_of(0x50, size=5, number=7, price=PRICE, flags=flags))
        assert rows == []
        assert decoder.stats.corrections == 1

    def test_may_have_a_negative_price(self) -> None:
        rows, _ = decode(message_of(0x50, size=5, number=7, price=-PRICE))
        assert rows == [(0, "T", "N", -10 * PRICE, 5, F_LAST)]


class TestTimes:
    def test_are_of_the_last_time_message_of_the_group(self) -> None:
        later = message_of(0x54, seconds=40_000)
        units = units_of([(b"A", [TIME]), (b"B", [later, add(1, ns=3)]), (b"A", [add(2, ns=4)])])
        batch = Decoder(midnight=MIDNIGHT).decode(datagrams(units))
        assert batch.ts_event.tolist() == [MIDNIGHT + 40_000 * UNIT + 3, MIDNIGHT + 30_000 * UNIT + 4]

    @pytest.mark.parametrize(("ns", "back"), [(999, 0), (1_001, 1)])
    def test_before_the_first_one_are_of_the_capture(self, ns: int, back: int) -> None:
        some = datagrams([unit(add(ns=ns))])
        noon = MIDNIGHT + 43_200 * SECOND
        some.ts_recv[:] = noon + 1000
        decoder = Decoder()
        assert decoder.decode(some).ts_event.tolist() == [noon - back * SECOND + ns]
        assert decoder.stats.timed_by_capture == 1

    def test_count_from_the_london_midnight_of_the_capture(self) -> None:
        some = datagrams([unit(TIME, add())])
        some.ts_recv[:] = 1_782_900_000 * UNIT  # 2026-07-01 10:00 UTC
        summer = 1_782_860_400 * UNIT  # 2026-06-30 23:00 UTC
        assert Decoder().decode(some).ts_event.tolist() == [summer + 30_000 * UNIT]


class TestInstruments:
    def test_without_a_code_that_is_known_have_their_sedol(self) -> None:
        rows = [
            message_of(0x52, number=1, isin=b"GB00B0CNTR96", sedol=b"B0CNTR9", currency=b"EUR"),
            message_of(0x52, number=2, isin=b"GB00B0CNTR96", currency=b"EUR"),
            message_of(0x52, number=3, sedol=b"BH4HKS3", currency=b"USD"),
        ]
        _, decoder = decode(*rows, add())
        assert [one.symbol for one in decoder.instruments] == ["B0CNTR9", "GB00B0CNTR96", "VOD", "#7"]
        assert [(one.currency, one.tick) for one in decoder.instruments] == [
            ("EUR", 10), ("EUR", 10), ("USD", 10), ("", 10),
        ]  # fmt: skip

    @pytest.mark.parametrize("code", [1, "B0CNTR9", "GB00B0CNTR96"])
    def test_can_be_given_names(self, code: int | str) -> None:
        directory = message_of(0x52, number=1, isin=b"GB00B0CNTR96", sedol=b"B0CNTR9", currency=b"EUR")
        _, decoder = decode(directory, names={code: "NICE"})
        assert [one.symbol for one in decoder.instruments] == ["NICE"]

    def test_that_are_not_wanted_are_told(self) -> None:
        rows, decoder = decode(add(), symbols=["BP."])
        assert rows == []
        assert (decoder.others, decoder.instruments) == (["#7"], ())

    def test_that_are_many_make_room(self) -> None:
        lists = [
            [message_of(0x52, number=number) for number in range(first, first + 20)] for first in range(0, 3000, 20)
        ]
        decoder = Decoder()
        decoder.decode(datagrams(units_of([(b"A", some) for some in lists])))
        assert len(decoder.instruments) == 3000


class TestGaps:
    def test_are_declared(self) -> None:
        units = [unit(TIME, add(1), sequence=1), unit(add(2), sequence=5), unit(sequence=6)]
        decoder = Decoder(midnight=MIDNIGHT)
        batch = decoder.decode(datagrams(units))
        assert batch.order_id.tolist() == [1, 2]
        assert [(gap.stream, gap.first, gap.last) for gap in decoder.gaps] == [(ord("A"), 3, 4)]
        assert (decoder.stats.missing, decoder.stats.gaps) == (2, 1)

    def test_make_the_rows_behind_them_doubtful_until_a_clear(self) -> None:
        clear = message_of(0x79, number=7)
        lists = [(1, [TIME, add(1)]), (5, [add(2), clear]), (7, [add(3)])]
        other = unit(add(9), group=b"B", sequence=1)
        some = [unit(*messages, sequence=sequence) for sequence, messages in lists]
        batch = Decoder(midnight=MIDNIGHT).decode(datagrams([*some, other]))
        doubtful = {
            order: bool(flags & F_MAYBE_BAD_BOOK) for order, flags in zip(batch.order_id, batch.flags, strict=True)
        }
        assert doubtful == {1: False, 2: True, 0: False, 3: False, 9: False}

    def test_are_remembered_from_part_to_part(self) -> None:
        decoder, whole = Decoder(midnight=MIDNIGHT), [unit(add(1)), unit(add(2), sequence=5), unit(add(3), sequence=6)]
        flags = []
        for number, one in enumerate(whole):
            part = datagrams([one])
            part.ts_recv[:] = number * UNIT
            flags += [flag for batch in decoder.feed(part) for flag in batch.flags.tolist()]
        flags += [flag for batch in decoder.end() for flag in batch.flags.tolist()]
        assert flags == [F_LAST, F_LAST | F_MAYBE_BAD_BOOK, F_LAST | F_MAYBE_BAD_BOOK]

    def test_units_without_a_number_are_counted(self) -> None:
        decoder = Decoder(midnight=MIDNIGHT)
        assert not len(decoder.decode(datagrams([unit(TIME, add(), sequence=0), unit(sequence=0), b"none"])))
        stats = decoder.stats
        assert (stats.units, stats.heartbeats, stats.unnumbered, stats.other_datagrams) == (2, 1, 1, 1)

    @pytest.mark.parametrize("wrong", [b"", b"\x09\0\0A\1\0\0\0", b"\x0a\0\1A\1\0\0\0\x03\x54", b"\x09\0\1A\1\0\0\0\1"])
    def test_datagrams_that_messages_do_not_fill_are_not_units(self, wrong: bytes) -> None:
        decoder = Decoder()
        decoder.decode(datagrams([wrong]))
        assert (decoder.stats.units, decoder.stats.other_datagrams) == (0, 1)

    def test_a_unit_may_end_before_its_datagram(self) -> None:
        decoder = Decoder()
        assert len(decoder.decode(datagrams([unit(add()) + b"\0\0"]))) == 1


class TestDays:
    def test_are_those_of_the_capture(self) -> None:
        """The third unit was received after midnight, and tells of the second before it."""
        day = 86_400 * UNIT
        units = [
            unit(TIME, add(1)),
            unit(TIME, add(2), sequence=3),
            unit(message_of(0x54, seconds=86_399), add(3), sequence=5),
        ]
        whole = datagrams(units)
        whole.ts_recv[:] = [MIDNIGHT + 30_001 * UNIT, MIDNIGHT + day + 30_001 * UNIT, MIDNIGHT + 2 * day + UNIT]
        batch = Decoder().decode(whole)
        times = batch.ts_event - MIDNIGHT
        assert times.tolist() == [30_000 * UNIT, day + 30_000 * UNIT, day + 30_000 * UNIT, 2 * day - UNIT]
        assert bytes(batch.action.tolist()) == b"ARAA"

    def test_that_are_given_are_those_of_all_units(self) -> None:
        whole = datagrams([unit(TIME, add(1))])
        whole.ts_recv[:] = MIDNIGHT + 5 * 86_400 * UNIT
        assert Decoder(midnight=MIDNIGHT).decode(whole).ts_event.tolist() == [MIDNIGHT + 30_000 * UNIT]

    def test_without_a_receive_time_it_is_that_of_the_event(self) -> None:
        batch = Decoder(midnight=MIDNIGHT).decode(datagrams([unit(TIME, add(1))]))
        assert batch.ts_recv.tolist() == batch.ts_event.tolist() == [MIDNIGHT + 30_000 * UNIT]


class TestFurtherDays:
    """Orders of the day before are gone with the first message about their instrument or themselves."""

    def decoded(self, *days: list[bytes], apart: int, **options: Any) -> tuple[str, Stats]:
        """Actions and counts of days, each of one unit with the number 1, so much ns after the one before."""
        whole = datagrams([unit(TIME, *some) for some in days])
        whole.ts_recv[:] = [MIDNIGHT + 30_001 * UNIT + number * apart for number in range(len(days))]
        decoder = Decoder(**options)
        return bytes(decoder.decode(whole).action.tolist()).decode(), decoder.stats

    @pytest.mark.parametrize("options", [{}, {"midnight": MIDNIGHT}])
    def test_are_told_by_when_they_are_received(self, options: dict[str, Any]) -> None:
        actions, stats = self.decoded([add(1), add(2)], [add(1)], [add(1)], apart=86_400 * UNIT, **options)
        assert (actions, stats.repeated_orders, stats.live_orders) == ("AARARA", 0, 1)

    def test_are_not_begun_by_messages_that_go_on_at_night(self) -> None:
        """As when an old day is sent again; the third unit comes behind an hour of silence."""
        whole = datagrams([unit(TIME, add(number), sequence=2 * number - 1) for number in (1, 2, 3)])
        for apart, actions in ((1_800 * UNIT, b"AAA"), (4_000 * UNIT, b"AARA")):
            night = MIDNIGHT + 86_400 * UNIT
            whole.ts_recv[:] = [night + 3_000 * UNIT, night + 4_000 * UNIT, night + 4_000 * UNIT + apart]
            assert bytes(Decoder().decode(whole).action.tolist()) == actions

    def test_begin_with_a_start_of_day_behind_an_end_of_day(self) -> None:
        start, end = message_of(0x53, event=b"O"), message_of(0x53, event=b"C")
        actions, stats = self.decoded([start, add(1), end, start, add(1), start, add(2), end, end, add(3)], apart=0)
        assert (actions, stats.repeated_orders, stats.live_orders) == ("ARAAA", 0, 3)

    @pytest.mark.parametrize(
        ("kind", "actions"), [(0x44, "AR"), (0x55, "AR"), (0x45, "AR"), (0x50, "ART"), (0x79, "ARR")]
    )
    def test_do_not_know_the_orders_of_the_day_before(self, kind: int, actions: str) -> None:
        message = message_of(kind, order=1, number=7, size=1, price=PRICE)
        found, stats = self.decoded([add(1)], [message], apart=86_400 * UNIT)
        assert (found, stats.live_orders) == (actions, 0)
        assert stats.unknown_orders.total() == (kind in (0x44, 0x55, 0x45))

    def test_make_no_rows_of_instruments_that_are_not_wanted(self) -> None:
        actions, stats = self.decoded([add(1)], [add(1)], apart=86_400 * UNIT, symbols=["BP."])
        assert (actions, stats.repeated_orders, stats.live_orders) == ("", 0, 1)

    def test_of_a_group_are_not_those_of_another(self) -> None:
        other = message_of(0x41, order=5, side=b"B", size=1, number=8)
        whole = datagrams([unit(TIME, add(1)), unit(TIME, other, group=b"B"), unit(TIME, add(1), sequence=3)])
        whole.ts_recv[:] = [MIDNIGHT + 30_001 * UNIT + at for at in (0, 86_400 * UNIT, 86_400 * UNIT)]
        assert bytes(Decoder().decode(whole).action.tolist()) == b"AARA"


class TestArguments:
    def test_that_cannot_be_raise(self) -> None:
        with pytest.raises(ArgumentError, match=re.escape("chunk must be 3 or more rows, got 2")):
            Decoder(chunk=2)
        with pytest.raises(ArgumentError, match="symbols is empty"):
            Decoder(symbols=[])
