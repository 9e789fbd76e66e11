from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.events import EventBatch
from hftlab.instruments import INSTRUMENTS, NASDAQ, UNIT, find_instrument
from hftlab.venues.itch import Decoder, Stats, message_bytes
from hftlab.venues.itch.decode_kernel import decode
from tests.reference_book import ReferenceBooks
from tests.venues.itch.oracle import SIZES, Oracle, Row
from tests.venues.itch.streams import STREAMS, SYMBOLS


def rows_of(batch: EventBatch) -> list[Row]:
    """A batch in the oracle's form."""
    return [
        Row(
            int(batch.ts_event[row]),
            int(batch.sequence[row]),
            batch.instruments[batch.instrument_id[row]].symbol,
            int(batch.order_id[row]),
            chr(batch.action[row]),
            chr(batch.side[row]),
            int(batch.price[row]) // 100_000,
            int(batch.size[row]),
            int(batch.flags[row]),
        )
        for row in range(len(batch))
    ]


def check_stats(stats: Stats, oracle: Oracle) -> None:
    assert stats.messages == {letter: n for letter, n in oracle.counts.items() if letter in SIZES}
    assert stats.unknown_types == {letter: n for letter, n in oracle.counts.items() if letter not in SIZES}
    assert stats.unknown_references == oracle.unknown
    assert stats.sideless_references == oracle.sideless
    assert (stats.malformed, stats.empty) == (oracle.malformed, oracle.empty)
    assert (stats.repeated_references, stats.excess_shares) == (oracle.repeated, oracle.excess)
    assert (stats.live_orders, stats.truncated_bytes) == (len(oracle.orders), oracle.truncated)


class TestAgainstOracle:
    # No deadline: the first example loads or compiles the kernels.
    @given(STREAMS, st.sampled_from([None, ["AAPL"], ["Z", "ABCDEFGH"]]))
    @example(b"", None)
    @example(b"\x00", None)
    def test_every_row_and_every_count_is_the_oracles(self, data: bytes, symbols: list[str] | None) -> None:
        decoder, oracle = Decoder(symbols=symbols), Oracle(data, symbols)
        batch = decoder.decode(data)
        assert rows_of(batch) == oracle.rows
        assert (batch.ts_recv == batch.ts_event).all()
        check_stats(decoder.stats, oracle)
        EventBatch.from_arrow(batch.to_arrow())  # passes the checks that trusted batches skip

    @settings(deadline=None)
    @given(STREAMS, st.integers(3, 20), st.integers(1, 90))
    def test_neither_chunks_nor_cuts_of_the_input_matter(self, data: bytes, chunk: int, cut: int) -> None:
        decoder, rows, rest = Decoder(chunk=chunk), [], b""
        for at in range(0, len(data), cut):
            array = np.frombuffer(rest + data[at : at + cut], np.uint8).copy()
            feeding = decoder.feed(array, len(array))
            try:
                while True:
                    batch = next(feeding)
                    assert len(batch) <= chunk
                    rows += rows_of(batch)
            except StopIteration as done:
                rest = array[done.value :].tobytes()
        decoder.truncated_bytes = len(rest)
        oracle = Oracle(data)
        assert rows + rows_of(decoder.flush()) == oracle.rows
        check_stats(decoder.stats, oracle)

    @settings(deadline=None)
    @given(STREAMS)
    def test_books_are_the_reference_books(self, data: bytes) -> None:
        batch = Decoder().decode(data)
        books, reference = BookSet(), ReferenceBooks()
        books.apply(batch)
        reference.apply(batch)
        for symbol, expected in reference.books.items():
            found, price = books[symbol], books[symbol].instrument.price
            assert found.bids(99) == [(price(ticks), float(lots), orders) for ticks, lots, orders in expected.bids(99)]
            assert found.asks(99) == [(price(ticks), float(lots), orders) for ticks, lots, orders in expected.asks(99)]

    @pytest.mark.no_cover
    @pytest.mark.parametrize("seed", [1, 2])
    def test_holds_when_the_map_of_orders_outgrows_its_room(self, seed: int) -> None:
        data = long_stream(seed, 40_000)
        oracle, decoder = Oracle(data), Decoder()
        assert rows_of(decoder.decode(data)) == oracle.rows
        assert decoder.stats.live_orders > 4096
        check_stats(decoder.stats, oracle)


def long_stream(seed: int, count: int) -> bytes:
    """Adds, and fewer deletions and replacements of any of the references so far."""
    random = np.random.default_rng(seed)
    parts = []
    for number, (kind, one, lots) in enumerate(random.integers(0, [5, 2**30, 90], (count, 3)).tolist(), 1):
        head = {"stock_locate": one % 3, "timestamp": number}
        old = (one % number) * 4
        if kind < 3:
            side, price = "BS"[one % 2], 10_000 + one % 50
            stock = SYMBOLS[one % 3]
            parts.append(
                message_bytes(
                    "A",
                    order_reference_number=4 * number,
                    stock=stock,
                    buy_sell_indicator=side,
                    shares=lots,
                    price=price,
                    **head,
                )
            )
        elif kind == 3:
            parts.append(message_bytes("D", order_reference_number=old, **head))
        else:
            numbers = {"original_order_reference_number": old, "new_order_reference_number": 4 * number}
            parts.append(message_bytes("U", **numbers, shares=lots, price=9_999, **head))
    return b"".join(parts)


class TestRows:
    ADD = message_bytes(
        "A",
        stock_locate=7,
        timestamp=5,
        order_reference_number=1,
        buy_sell_indicator="S",
        shares=300,
        stock="ZZZ",
        price=123_456,
    )

    def test_times_count_from_midnight_and_prices_are_1e_9(self) -> None:
        batch = Decoder(midnight=1000).decode(self.ADD)
        assert (batch.ts_event[0], batch.price[0], batch.size[0]) == (1005, 12_345_600_000, 300)

    def test_instruments_are_the_known_ones_or_have_a_tick_of_a_hundredth_of_a_cent(self) -> None:
        decoder = Decoder()
        decoder.decode(self.ADD + message_bytes("R", stock_locate=8, stock="AAPL"))
        other, known = decoder.instruments
        assert (other.symbol, other.venue, other.tick, other.lot) == ("ZZZ", NASDAQ, UNIT // 10_000, UNIT)
        assert known is find_instrument("AAPL", "NASDAQ")
        assert known in INSTRUMENTS

    def test_batches_share_one_tuple_of_instruments_until_there_is_a_new_one(self) -> None:
        decoder = Decoder()
        first, second = decoder.decode(self.ADD), decoder.decode(self.ADD)
        assert second.instruments is first.instruments

    @pytest.mark.parametrize("body", [ADD[2:] + b"n", ADD[2:-1]], ids=["longer", "shorter"])
    def test_a_message_of_another_length_than_its_type_is_malformed(self, body: bytes) -> None:
        decoder = Decoder()
        assert len(decoder.decode(len(body).to_bytes(2, "big") + body + self.ADD)) == 1
        assert decoder.stats.malformed == 1

    @pytest.mark.parametrize("stock", [b"        ", b" ZZZ    ", b"ZZ\n     ", b"Z\xc9      "])
    def test_a_stock_that_no_symbol_can_be_is_malformed(self, stock: bytes) -> None:
        decoder = Decoder()
        assert len(decoder.decode(self.ADD.replace(b"ZZZ     ", stock))) == 0
        assert (decoder.stats.malformed, decoder.instruments) == (1, ())


class TestArguments:
    def test_a_batch_needs_room_for_one_message(self) -> None:
        with pytest.raises(ValueError, match="chunk must be 3 or more rows, got 2"):
            Decoder(chunk=2)

    @pytest.mark.parametrize("symbol", ["", "NINECHARS", "É"])
    def test_a_symbol_that_nasdaq_cannot_have_keeps_nothing(self, symbol: str) -> None:
        decoder = Decoder(symbols=[symbol])
        assert len(decoder.decode(TestRows.ADD)) == 0
        assert decoder.others == ["ZZZ"]

    def test_no_symbols_are_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="symbols is empty"):
            Decoder(symbols=[])

    def test_one_symbol_may_be_plain_text(self) -> None:
        assert len(Decoder(symbols="ZZZ").decode(TestRows.ADD)) == 1
        assert len(Decoder(symbols="Z").decode(TestRows.ADD)) == 0


def test_one_compiled_kernel_serves_all() -> None:
    Decoder().decode(TestRows.ADD)
    assert len(decode.signatures) == 1  # type: ignore[attr-defined]
