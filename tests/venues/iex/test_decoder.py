from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_MBP, F_TOB, EventBatch
from hftlab.instruments import IEX, UNIT, Instrument
from hftlab.venues.iex import Decoder, Stats
from tests.venues.iex.oracle import SIZES, Oracle, Row, message_of, segment
from tests.venues.iex.streams import LEVELS, STREAMS, datagrams, segments_of

PRICE = 1_365_000
TOP = F_MBP | F_TOB
START = 1_727_787_282_638_070_000


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
    assert stats.messages == {kind: n for kind, n in oracle.counts.items() if kind in SIZES}
    assert stats.unknown_types == {kind: n for kind, n in oracle.counts.items() if kind not in SIZES}
    assert stats.unknown_orders == oracle.unknown
    names = ("segments", "heartbeats", "repeated_orders", "excess_shares", "malformed")
    assert {name: getattr(stats, name) for name in names} == {name: oracle.tallies[name] for name in names}
    assert stats.live_orders == len(oracle.orders)


def of(kind: str, **fields: Any) -> bytes:
    return message_of(kind, **{"symbol": b"IBKR    ", "price": PRICE, "size": 100, **fields})


def decode(*some: bytes, **options: Any) -> tuple[list[tuple[Any, ...]], Decoder]:
    """The rows of messages, from their order on, and the decoder."""
    decoder = Decoder(**options)
    return [row[4:] for row in rows_of(decoder.decode(datagrams([segment(*some)])))], decoder


class TestAgainstOracle:
    @given(STREAMS, st.sampled_from([None, ["IBKR"], ["ZVZZT", "ABCDEFGH"]]))
    @example([], None)
    def test_every_row_and_every_count_is_the_oracles(self, segments: list[bytes], symbols: list[str] | None) -> None:
        oracle, decoder = Oracle(segments, symbols), Decoder(symbols=symbols)
        batch = decoder.decode(datagrams(segments))
        assert rows_of(batch) == oracle.rows
        check_stats(decoder.stats, oracle)
        EventBatch.from_arrow(batch.to_arrow())  # passes the checks that trusted batches skip

    @given(STREAMS, st.integers(4, 20), st.integers(1, 4))
    def test_neither_chunks_nor_parts_of_the_capture_matter(self, segments: list[bytes], chunk: int, part: int) -> None:
        decoder, batches, whole = Decoder(chunk=chunk), [], datagrams(segments)
        for first in range(0, len(segments), part):
            some = datagrams(segments[first : first + part])
            some.ts_recv[:] = whole.ts_recv[first : first + part]
            batches += decoder.feed(some)
        batches += decoder.end()
        assert all(batch.flags[-1] & F_LAST for batch in batches[:-1])
        found = [row for batch in batches for row in rows_of(batch)]
        assert found == Oracle(segments).rows

    @given(STREAMS, st.data())
    def test_two_lines_that_lose_other_segments_give_all_of_them(
        self, segments: list[bytes], data: st.DataObject
    ) -> None:
        """A segment comes on line A, on B, or on both, B somewhat later."""
        lines = [data.draw(st.sampled_from(["A", "B", "AB", "AB"])) for _ in segments]
        placed = list(enumerate(zip(segments, lines, strict=True)))
        sent = sorted(
            [(place, 0, one) for place, (one, on) in placed if "A" in on]
            + [(place + 2, 1, one) for place, (one, on) in placed if "B" in on]
        )
        both = datagrams([one for _, _, one in sent], lines=2)
        both.flow[:] = [line for _, line, _ in sent]
        both.ts_recv[:] = 0
        decoder = Decoder()
        found = [row._replace(received=0) for row in rows_of(decoder.decode(both))]
        assert found == [row._replace(received=0) for row in Oracle(segments).rows]
        assert (decoder.stats.missing, decoder.gaps) == (0, ())


class TestOrders:
    def test_make_the_books_of_their_symbol(self) -> None:
        sells = of("a", flag=0x35, order=2, price=PRICE + 100, size=50)
        batch = Decoder().decode(datagrams([segment(of("a", flag=0x38, order=1), sells)]))
        books = BookSet()
        books.apply(batch)
        assert books["IBKR"].bids(5) == [(136.5, 100, 1)]
        assert books["IBKR"].asks(5) == [(136.51, 50, 1)]

    @pytest.mark.parametrize("size", [60, 100])
    def test_that_lose_their_place_go_to_the_back(self, size: int) -> None:
        add = of("a", flag=0x38, order=1)
        keeps, loses = (of("M", flag=flag, order=1, size=size) for flag in (1, 0))
        assert decode(add, keeps)[0][1:] == [(1, "M", "B", 136_500_000_000, size, F_LAST)]
        assert decode(add, loses)[0][1:] == [
            (1, "C", "B", 136_500_000_000, 100, 0),
            (1, "A", "B", 136_500_000_000, size, F_LAST),
        ]

    @pytest.mark.parametrize(("size", "price"), [(101, PRICE), (100, PRICE - 1)])
    def test_that_a_book_sends_to_the_back_anyway_are_modified(self, size: int, price: int) -> None:
        rows, _ = decode(of("a", flag=0x38, order=1), of("M", flag=0, order=1, size=size, price=price))
        assert rows[1:] == [(1, "M", "B", 100_000 * price, size, F_LAST)]

    def test_are_executed_at_the_trades_price(self) -> None:
        rows, decoder = decode(of("a", flag=0x35, order=1), of("L", order=1, size=40, price=PRICE + 100))
        assert rows[1:] == [
            (0, "T", "B", 136_510_000_000, 40, 0),
            (1, "F", "A", 136_500_000_000, 40, 0),
            (1, "C", "A", 136_500_000_000, 40, F_LAST),
        ]
        assert decoder.stats.live_orders == 1

    def test_are_cleared_with_their_symbol(self) -> None:
        adds = of("a", flag=0x38, order=1), of("a", flag=0x38, order=2, symbol=b"ZVZZT   ")
        rows, decoder = decode(*adds, of("C"))
        assert rows[2:] == [(0, "R", "N", 0, 0, F_LAST)]
        assert decoder.stats.live_orders == 1

    def test_of_another_symbol_are_unknown(self) -> None:
        _, decoder = decode(of("a", flag=0x38, order=1), of("R", order=1, symbol=b"ZVZZT   "))
        assert decoder.stats.unknown_orders == {"R": 1}

    def test_that_are_many_make_room(self) -> None:
        lists = [[of("a", flag=0x38, order=number + 25 * place) for number in range(25)] for place in range(400)]
        decoder = Decoder()
        assert len(decoder.decode(datagrams(segments_of(lists)))) == 10_000
        assert decoder.stats.live_orders == 10_000


class TestQuotes:
    def test_give_what_has_changed(self) -> None:
        quotes = [(100, PRICE, PRICE + 100, 200), (100, PRICE, PRICE + 200, 200), (0, 0, PRICE + 200, 300)]
        names = ("bid_size", "bid", "ask", "ask_size")
        rows, _ = decode(*(of("Q", **dict(zip(names, one, strict=True))) for one in [*quotes, quotes[-1]]))
        assert [row[1:3] + row[4:] for row in rows] == [
            ("M", "B", 100, TOP), ("M", "A", 200, TOP | F_LAST),
            ("C", "A", 200, TOP), ("M", "A", 200, TOP | F_LAST),
            ("C", "B", 100, TOP), ("M", "A", 300, TOP | F_LAST),
        ]  # fmt: skip

    def test_make_books_of_one_level(self) -> None:
        first = of("Q", bid_size=100, bid=PRICE, ask=PRICE + 100, ask_size=200)
        second = of("Q", bid_size=50, bid=PRICE - 100, ask=PRICE, ask_size=200)
        books = BookSet("raise")
        books.apply(Decoder().decode(datagrams([segment(first, second)])))
        assert books["IBKR"].bids(5) == [(136.49, 50, 0)]
        assert books["IBKR"].asks(5) == [(136.5, 200, 0)]


class TestLevels:
    def test_are_events_up_to_the_one_that_is_marked(self) -> None:
        rows, _ = decode(of("8", flag=0), of("8", flag=1, size=0), of("5", flag=1, price=PRICE + 100))
        assert [row[1:3] + row[4:] for row in rows] == [
            ("M", "B", 100, F_MBP), ("C", "B", 0, F_MBP | F_LAST), ("M", "A", 100, F_MBP | F_LAST),
        ]  # fmt: skip

    @given(LEVELS)
    def test_batches_are_of_whole_events(self, segments: list[bytes]) -> None:
        decoder = Decoder(chunk=4)
        batches = [*decoder.feed(datagrams(segments)), *decoder.end()]
        assert all(batch.flags[-1] & F_LAST for batch in batches[:-1])

    def test_more_than_a_chunk_make_a_larger_batch(self) -> None:
        levels = [of("8", flag=number == 49, price=PRICE - number) for number in range(50)]
        decoder = Decoder(chunk=4)
        batches = [*decoder.feed(datagrams([segment(*levels, *levels[-1:])])), *decoder.end()]
        assert sum(map(len, batches)) == 51
        assert all(batch.flags[-1] & F_LAST for batch in batches)


class TestFeeds:
    def test_are_that_of_the_first_segment(self) -> None:
        order, quote = of("a", flag=0x38, order=1), of("Q", bid_size=1, bid=PRICE)
        both = [segment(order), segment(quote, protocol=0x8003)]
        decoder = Decoder()
        assert [row.action for row in rows_of(decoder.decode(datagrams(both)))] == ["A"]
        assert (decoder.stats.segments, decoder.stats.other_feeds) == (2, 1)
        assert [row.action for row in rows_of(Decoder(feed="tops").decode(datagrams(both)))] == ["M"]

    def test_have_a_numbering_for_each_channel_and_session(self) -> None:
        order = [of("a", flag=0x38, order=number) for number in range(3)]
        some = [segment(order[0]), segment(order[1], channel=2), segment(order[2], session=8)]
        decoder = Decoder()
        assert len(decoder.decode(datagrams(some))) == 3
        assert decoder.gaps == ()

    def test_declare_their_gaps(self) -> None:
        add = of("a", flag=0x38, order=1)
        decoder = Decoder()
        decoder.decode(datagrams([segment(add, sequence=1), segment(add, sequence=5), b"none"]))
        assert [(gap.stream, gap.first, gap.last) for gap in decoder.gaps] == [(0, 2, 4)]
        stats = decoder.stats
        assert (stats.missing, stats.gaps, stats.other_datagrams, stats.repeated_orders) == (3, 1, 1, 1)

    def test_more_streams_than_a_capture_can_have_are_damage(self) -> None:
        decoder = Decoder()
        decoder.decode(datagrams([segment(of("T"), session=number) for number in range(1030)]))
        assert (decoder.stats.messages, decoder.stats.other_datagrams) == ({"T": 1024}, 6)

    def test_make_the_rows_behind_gaps_doubtful_until_a_clear(self) -> None:
        add, clear = of("a", flag=0x38, order=1), of("C")
        some = [segment(add, sequence=1), segment(add, clear, sequence=5), segment(add, sequence=7)]
        other = segment(of("a", flag=0x38, order=2, symbol=b"ZVZZT   "), channel=2)
        rows = rows_of(Decoder().decode(datagrams([*some, other])))
        doubtful = [(row.symbol, row.action, bool(row.flags & F_MAYBE_BAD_BOOK)) for row in rows]
        assert sorted(doubtful) == sorted([
            ("IBKR", "A", False), ("IBKR", "A", True), ("IBKR", "R", False), ("IBKR", "A", False),
            ("ZVZZT", "A", False),
        ])  # fmt: skip

    def test_quotes_are_right_behind_gaps_and_levels_are_not(self) -> None:
        quote, level = of("Q", bid_size=100, bid=PRICE), of("8", flag=1)
        for protocol, one, doubt in ((0x8003, quote, 0), (0x8004, level, F_MAYBE_BAD_BOOK)):
            some = [segment(of("T"), protocol=protocol), segment(one, sequence=5, protocol=protocol)]
            assert Decoder().decode(datagrams(some)).flags[-1] & F_MAYBE_BAD_BOOK == doubt


def at(message: bytes, time: int) -> bytes:
    """The message with another time."""
    return message[:2] + struct.pack("<q", time) + message[10:]


class TestFurtherDays:
    """A session is a day's; a symbol begins each further one with an R."""

    def actions(self, protocol: int, *days: list[bytes], apart: int = 86_400 * UNIT) -> tuple[str, Stats]:
        decoder = Decoder()
        segments = [
            segment(*(at(one, number * apart) for one in some), session=number, protocol=protocol)
            for number, some in enumerate(days, 1)
        ]
        return bytes(decoder.decode(datagrams(segments)).action.tolist()).decode(), decoder.stats

    def test_leave_no_orders(self) -> None:
        add, execute = of("a", flag=0x38, order=1), of("L", order=1)
        found, stats = self.actions(0x8005, [add], [execute, add], [of("M", order=1), of("R", order=1), of("T")])
        assert (found, stats.repeated_orders, stats.live_orders) == ("ARART", 0, 0)
        assert stats.unknown_orders == {"L": 1, "M": 1, "R": 1}

    def test_leave_no_levels_and_no_quotes(self) -> None:
        level, quote = of("8", flag=1), of("Q", bid_size=100, bid=PRICE)
        assert self.actions(0x8004, [level], [level])[0] == "MRM"
        assert self.actions(0x8003, [quote, quote], [quote, quote])[0] == "MRM"

    def test_are_those_of_each_symbol(self) -> None:
        add, other = of("a", flag=0x38, order=1), of("a", flag=0x38, order=2, symbol=b"ZVZZT   ")
        assert self.actions(0x8005, [add, other], [add], [add, other])[0] == "AARARARA"

    def test_are_not_begun_by_another_session_of_the_same_day(self) -> None:
        add = of("a", flag=0x38, order=1)
        assert self.actions(0x8005, [add], [add], apart=UNIT)[0] == "AA"

    def test_go_on_from_part_to_part(self) -> None:
        decoder, add = Decoder(), of("a", flag=0x38, order=1)
        add, later = at(add, START), at(add, START + 86_400 * UNIT)
        parts = [segment(add), segment(later, session=8), segment(later, session=8, sequence=2)]
        rows = [
            batch.action.tolist() for part in parts for batch in [*decoder.feed(datagrams([part])), decoder.flush()]
        ]
        assert [bytes(some) for some in rows] == [b"A", b"RA", b"A"]
        assert decoder.stats.repeated_orders == 1


class TestSegments:
    whole = segment(message_of("S"))

    @pytest.mark.parametrize(
        "wrong",
        [
            b"",
            whole[:39],
            b"\2" + whole[1:],
            whole[:-1],
            whole[:12] + b"\x0b" + whole[13:],
            whole[:14] + b"\2" + whole[15:],
            whole[:40] + b"\0\0" + whole[42:],
            whole[:31] + b"\x80" + whole[32:],
            whole[:31] + b"\x40" + whole[32:],
        ],
    )
    def test_are_those_that_their_messages_fill(self, wrong: bytes) -> None:
        decoder = Decoder()
        decoder.decode(datagrams([wrong, self.whole]))
        assert (decoder.stats.segments, decoder.stats.other_datagrams) == (1, 1)

    def test_may_end_before_their_datagram(self) -> None:
        decoder = Decoder()
        decoder.decode(datagrams([self.whole + b"\0\0"]))
        assert decoder.stats.messages == {"S": 1}


class TestInstruments:
    def test_are_iexs(self) -> None:
        _, decoder = decode(*(of("T", symbol=symbol) for symbol in (b"AAPL    ", b"ZVZZT   ")))
        assert decoder.instruments == (
            Instrument("AAPL", IEX, UNIT // 10_000, UNIT, "USD", primary=False),
            Instrument("ZVZZT", IEX, UNIT // 10_000, UNIT, "USD"),
        )
        assert [one.wire_symbol for one in decoder.instruments] == ["AAPL:IEX", "ZVZZT"]

    def test_that_are_not_wanted_are_told(self) -> None:
        rows, decoder = decode(of("T"), symbols="AAPL")
        assert (rows, decoder.others) == ([], ["IBKR"])

    def test_that_are_many_make_room(self) -> None:
        names = [f"S{number}".encode().ljust(8) for number in range(1000)]
        decoder = Decoder()
        lists = [[of("T", symbol=name) for name in names[first : first + 20]] for first in range(0, 1000, 20)]
        decoder.decode(datagrams(segments_of(lists)))
        assert [one.symbol for one in decoder.instruments] == [f"S{number}" for number in range(1000)]


class TestArguments:
    def test_that_cannot_be_raise(self) -> None:
        with pytest.raises(ArgumentError, match=re.escape("chunk must be 4 or more rows, got 3")):
            Decoder(chunk=3)
        with pytest.raises(ArgumentError, match="symbols is empty"):
            Decoder(symbols=[])
        with pytest.raises(ArgumentError, match=re.escape("feed is 'dpls': give one of deep+, deep, tops")):
            Decoder(feed="dpls")  # type: ignore[arg-type]
