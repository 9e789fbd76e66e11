from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import ArgumentError, EventError
from hftlab.events import COLUMNS, F_LAST, F_MBP, EventBatch
from hftlab.instruments import NYSE, UNIT, Instrument
from hftlab.venues.nyse import Decoder, Encoder, Version
from hftlab.venues.nyse.message_tables import MessageTables
from hftlab.venues.pcap import Datagrams
from tests.batches import COIN
from tests.venues.nyse.streams import STOCKS, EventWriter, batches

TIME = 1_767_364_200 * UNIT
VERSIONS: list[Version] = ["2.1", "2.5"]

Said = tuple[str, str, int, int, int, int]
"""Action, side, order, price in 1e-4, size, flags."""


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
        price=np.array(prices) * 100_000,
        size=list(sizes),
        flags=list(flags),
        instruments=stocks,
    )


def encoded(*some: EventBatch, version: Version = "2.5") -> list[Datagrams]:
    encoder = Encoder(version)
    return [part for batch in some for part in encoder.encode(batch)] + [encoder.end()]


def decode_all(parts: list[Datagrams]) -> tuple[EventBatch, Decoder]:
    decoder = Decoder()
    found = [batch for part in parts for batch in decoder.feed(part)]
    return EventBatch.concat([*found, decoder.flush()]), decoder


def types_of(parts: list[Datagrams]) -> list[str]:
    """The types of the messages behind what a day begins with, and before the summaries."""
    tables = MessageTables("2.5", {})
    numbered = []
    for part in parts[:-1]:
        frames = tables.tables(part)
        numbered += [(number, kind) for kind in frames.keys() - {"packet"} for number in frames[kind]["number"]]
    kinds = [kind for _, kind in sorted(numbered)]
    assert kinds[:4] == ["1", "3", "3", "2"]
    return kinds[4:]


def check_same(found: EventBatch, expected: EventBatch) -> None:
    """Equal but for the sequence, which is the message's number."""
    for name in COLUMNS.keys() - {"sequence"}:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


class TestRoundTrip:
    @given(batches(), st.integers(1, 30), st.sampled_from(VERSIONS))
    def test_decoding_what_was_encoded_gives_the_batch(self, batch: EventBatch, size: int, version: Version) -> None:
        ends = np.flatnonzero(batch.flags & F_LAST)[::size] + 1
        cuts = [0, *ends.tolist(), len(batch)]
        encoder = Encoder(version)
        parts = [part for a, b in pairwise(cuts) for part in encoder.encode(batch[a:b])] + [encoder.end()]
        found, decoder = decode_all(parts)
        check_same(found, batch)
        stats = decoder.stats
        assert (encoder.skipped, stats.malformed, stats.missing, stats.timed_by_packet) == (0, 0, 0, 0)
        assert not stats.unknown_orders
        assert stats.live_orders == encoder.live_orders

    def test_holds_for_a_batch_that_is_encoded_in_many_stretches(self) -> None:
        writer, random = EventWriter(), np.random.default_rng(5)
        for stock, price, size, kind in random.integers(0, [2, 10_000, 99, 3], (60_000, 4)).tolist():
            writer.time += 1000 * (kind == 0)
            if kind == 2 and writer.live:
                order = next(iter(writer.live))
                writer.take(order, writer.live[order][3])
            else:
                writer.add(stock, "BA"[kind % 2], price, size + 1)
        batch = writer.batch()
        check_same(decode_all(encoded(batch))[0], batch)


ADD: Said = ("A", "B", 1, 10_000, 100, F_LAST)


class TestMessages:
    @pytest.mark.parametrize(
        ("rows", "kinds"),
        [
            ([ADD], ["100"]),
            ([ADD, ("C", "B", 1, 10_000, 40, F_LAST)], ["100", "101"]),
            ([ADD, ("C", "B", 1, 10_000, 100, F_LAST)], ["100", "102"]),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "B", 2, 9_900, 50, F_LAST)], ["100", "104"]),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "B", 1, 10_000, 50, F_LAST)], ["100", "101"]),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "B", 1, 9_900, 50, F_LAST)], ["100", "102", "100"]),
            ([ADD, ("C", "B", 1, 10_000, 100, 0), ("A", "A", 2, 9_900, 50, F_LAST)], ["100", "102", "100"]),
            ([ADD, ("C", "B", 1, 10_000, 100, F_LAST), ("A", "B", 2, 9_900, 50, F_LAST)], ["100", "102", "100"]),
            (
                [ADD, ("T", "A", 9, 10_001, 40, 0), ("F", "B", 1, 10_000, 40, 0), ("C", "B", 1, 10_000, 40, F_LAST)],
                ["100", "103"],
            ),
            ([ADD, ("F", "B", 1, 10_000, 40, 0), ("C", "B", 1, 10_000, 40, F_LAST)], ["100", "103"]),
            ([ADD, ("T", "A", 0, 10_000, 40, F_LAST)], ["100", "110"]),
            ([ADD, ("T", "A", 0, 10_000, 40, 0), ("F", "B", 7, 10_000, 40, F_LAST)], ["100", "110"]),
            ([ADD, ("F", "B", 7, 10_000, 40, F_LAST), ("N", "N", 0, 0, 0, F_LAST)], ["100"]),
            ([ADD, ("M", "B", 1, 10_000, 30, F_LAST)], ["100", "101"]),
            ([ADD, ("M", "B", 1, 10_000, 100, F_LAST)], ["100"]),
            ([ADD, ("M", "B", 1, 10_000, 0, F_LAST)], ["100", "102"]),
            ([ADD, ("R", "N", 0, 0, 0, F_LAST), ADD], ["100", "32", "100"]),
        ],
    )
    def test_rows_become_the_messages_of_the_table(self, rows: list[Said], kinds: list[str]) -> None:
        assert types_of(encoded(batch_of(*rows))) == kinds

    @pytest.mark.parametrize(
        ("filled", "after", "kinds"),
        [(100, 70, ["103", "100"]), (60, 40, ["103"]), (60, 90, ["103", "101"]), (60, 10, ["103", "101"])],
    )
    def test_a_reserve_order_shows_its_next_part(self, filled: int, after: int, kinds: list[str]) -> None:
        rows: list[Said] = [
            ADD,
            ("T", "A", 0, 10_000, filled, 0),
            ("F", "B", 1, 10_000, filled, 0),
            ("M", "B", 1, 10_000, after, F_LAST),
        ]
        parts = encoded(batch_of(*rows))
        assert types_of(parts)[1:] == kinds
        books = BookSet()
        books.apply(decode_all(parts)[0])
        assert books["ABC"].bids() == [(1.0, float(after), 1)]

    def test_a_second_has_one_time_reference(self) -> None:
        writer = EventWriter()
        for step in (0, 1, UNIT, 0, 2 * UNIT):
            writer.time += step
            writer.add(0, "B", 10_000, 5)
        assert Counter(types_of(encoded(writer.batch()))) == {"2": 2, "100": 5}

    def test_packets_are_full_and_have_one_receive_time(self) -> None:
        writer = EventWriter()
        for number in range(1000):
            writer.delay = 5 + number // 500
            writer.add(0, "B", 10_000, 5)
        parts = encoded(writer.batch())
        headers = MessageTables("2.5", {}).tables(parts[1])["packet"]
        assert headers["pkt_size"][:2].to_list() == [16 + 16 + 35 * 39, 16 + 35 * 39]
        assert headers["number_msgs"].sum() == 1001
        assert headers["seq_num"].diff().drop_nulls().to_list() == headers["number_msgs"].to_list()[:-1]
        assert set(parts[1].ts_recv.tolist()) == {writer.time + 5, writer.time + 6}

    def test_a_day_ends_with_the_summaries_of_its_printed_trades(self) -> None:
        trades: list[Said] = [("T", "N", 0, price, 10, F_LAST) for price in (10_000, 12_000, 9_000, 11_000)]
        summary = MessageTables("2.5", {}).tables(encoded(batch_of(*trades))[-1])["223"]
        fields = ("symbol_index", "high_price", "low_price", "open", "close", "total_volume")
        assert summary.select(fields).rows() == [(1, 12_000, 9_000, 10_000, 11_000, 40), (2, 0, 0, 0, 0, 0)]

    def test_a_dear_stock_has_prices_of_three_decimals(self) -> None:
        row: Said = ("A", "B", 1, 5_150_000_000, 1, F_LAST)
        batch = batch_of(row)
        found, decoder = decode_all(encoded(batch))
        check_same(found, batch)
        assert [one.price_scale for one in decoder.listings.values()] == [3, 4]
        assert [one.symbol for one in found.instruments] == ["ABC", "DEF.A"]

    def test_an_instrument_that_comes_later_is_described_then(self) -> None:
        first, second = batch_of(ADD, stocks=STOCKS[:1]), batch_of(("A", "A", 2, 1, 1, F_LAST), stocks=STOCKS[1:])
        found, decoder = decode_all(encoded(first, second))
        assert found.instruments == STOCKS
        assert found.instrument_id.tolist() == [0, 1]
        assert decoder.stats.messages["3"] == 2


class TestRefusals:
    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            ([ADD, ADD], "row 1 of the batch, A of order 1 of ABC, adds an order that exists already"),
            ([("C", "B", 1, 1, 1, F_LAST)], "row 0 of the batch, C of order 1 of ABC, names an order that was never"),
            ([("M", "B", 1, 1, 1, F_LAST)], "names an order that was never added"),
            ([ADD, ("C", "B", 1, 10_000, 101, F_LAST)], "takes more than the order has left"),
            ([ADD, ("F", "B", 1, 1, 5, 0), ("C", "B", 1, 1, 6, F_LAST)], "is of another size than the other rows"),
            ([ADD, ("T", "A", 0, 1, 5, 0), ("F", "B", 1, 1, 6, 0), ("C", "B", 1, 1, 6, F_LAST)], "another size"),
            ([("A", "N", 1, 1, 1, F_LAST)], "column side has 78 in row 0: the Integrated Feed needs B or A"),
            ([("A", "B", 1, 1, 0, F_LAST)], "column size has 0 in row 0: the Integrated Feed needs 1 to 4294967295"),
            ([("A", "B", 1, 1, 2**32, F_LAST)], "column size has 4294967296 in row 0"),
            ([ADD, ("A", "B", 2, 2**33 * 10 + 1, 1, F_LAST)], "column price has 8589934592100000 in row 1"),
            ([("A", "B", 1, 1, 1, F_MBP | F_LAST)], "column flags has 144 in row 0: the Integrated Feed needs orders"),
        ],
    )
    def test_name_the_row_and_the_reason(self, rows: list[Said], reason: str) -> None:
        with pytest.raises(EventError, match=re.escape(reason)):
            encoded(batch_of(*rows))

    def test_a_row_far_into_a_batch_is_named_by_its_number_there(self) -> None:
        rows: list[Said] = [("A", "B", order, 10_000, 1, F_LAST) for order in range(40_000)]
        with pytest.raises(EventError, match="row 40000 of the batch, C of order 50000 of ABC"):
            encoded(batch_of(*rows, ("C", "B", 50_000, 1, 1, F_LAST)))

    def test_times_before_1970_cannot_be_said(self) -> None:
        with pytest.raises(EventError, match=r"column ts_event has -1 in row 0: .* times from 1970"):
            encoded(batch_of(ADD, time=-1))

    @pytest.mark.parametrize("stock", [COIN, Instrument("ELEVENCHARS", NYSE, 1, UNIT, "USD")])
    def test_only_stocks_can_be_said(self, stock: Instrument) -> None:
        with pytest.raises(EventError, match="is not a stock that the feed can name"):
            encoded(batch_of(ADD, stocks=(stock,)))

    def test_another_version_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match=r"version is '2\.2'"):
            Encoder("2.2")  # type: ignore[arg-type]
