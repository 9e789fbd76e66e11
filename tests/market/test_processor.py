from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.clock import to_milliseconds
from hftlab.errors import EventError
from hftlab.events import F_LAST, F_MBP, F_SNAPSHOT, TRADE, EventBatch
from hftlab.instruments import UNIT, listings
from hftlab.market import Processor
from hftlab.protocol.codec import decode, encode
from hftlab.protocol.enums import Side
from hftlab.protocol.messages import MarketData, MarketDataSymbol, OrderBookLevel, Trade
from hftlab.venues import binance
from tests.batches import COIN, SHARE, Row, make_batch
from tests.shared_data import shared_data

MS = 1_000_000
BOOK = [Row("A", "B", 10000, 1500, F_MBP), Row("A", "B", 9999, 2000, F_MBP), Row("A", "A", 10002, 500)]


@pytest.fixture
def processor() -> Processor:
    return Processor([COIN])


def messages_of(processor: Processor, *rows: Row) -> list[MarketData]:
    return [message for _, message in processor.process(make_batch(rows))]


def symbols_of(processor: Processor, *rows: Row) -> list[MarketDataSymbol]:
    messages = messages_of(processor, *rows)
    for message in messages:
        assert len(message.symbols) == 1
    return [message.symbols[0] for message in messages]


class TestMessage:
    def test_of_the_first_book_says_everything(self, processor: Processor) -> None:
        ((ts_recv, message),) = processor.process(make_batch(BOOK))
        assert ts_recv == 4_000_000
        assert message == MarketData(
            timestamp=3.0,
            ts_recv=4.0,
            symbols=[
                MarketDataSymbol(
                    symbol="COIN",
                    exchange="BINANCE",
                    price=100.01,
                    bid=100.0,
                    ask=100.02,
                    bid_size=1.5,
                    ask_size=0.5,
                    volume=0.0,
                    change=0.0,
                    change_percent=0.0,
                    high=100.01,
                    low=100.01,
                    open=100.01,
                    previous_close=100.01,
                    timestamp=3.0,
                    bids=[
                        OrderBookLevel(price=100.0, size=1.5, orders=0),
                        OrderBookLevel(price=99.99, size=2.0, orders=0),
                    ],
                    asks=[OrderBookLevel(price=100.02, size=0.5, orders=0)],
                )
            ],
        )
        assert message.id is None
        assert message.sequence is None

    def test_comes_with_every_event_and_with_no_row_between(self, processor: Processor) -> None:
        rows = [*BOOK, Row("M", "A", 10002, 1, F_MBP), Row("M", "A", 10003, 1), Row("N"), Row("T", "B", 10002, 1)]
        assert [message.timestamp for message in messages_of(processor, *rows)] == [3.0, 5.0, 6.0, 7.0]

    def test_has_at_most_the_depth_asked_for(self) -> None:
        levels = [Row("A", "B", ticks, 1, F_MBP) for ticks in range(100, 130)]
        (symbol,) = symbols_of(Processor([COIN], depth=3), *levels, Row("N"))
        assert symbol.bids is not None
        assert [level.price for level in symbol.bids] == [1.29, 1.28, 1.27]

    def test_of_an_empty_side_has_zeros(self, processor: Processor) -> None:
        (symbol,) = symbols_of(processor, Row("A", "A", 10002, 500))
        assert (symbol.bid, symbol.bid_size, symbol.bids) == (0.0, 0.0, [])
        assert symbol.price == 100.02

    def test_waits_for_the_book(self, processor: Processor) -> None:
        """A trade before it is not lost: the first message has it."""
        assert messages_of(processor, Row("R"), Row("T", "B", 10001, 7), Row("N")) == []
        (symbol,) = symbols_of(processor, *BOOK)
        assert symbol.price == 100.01
        assert symbol.trades is not None
        assert [trade.size for trade in symbol.trades] == [0.007]

    def test_tells_that_the_book_is_void(self, processor: Processor) -> None:
        cleared, traded = symbols_of(processor, *BOOK, Row("R"), Row("T", "B", 10001, 7))[1:]
        assert (cleared.bids, cleared.asks, cleared.price) == ([], [], 100.01)
        assert (traded.bids, traded.last_trade is not None) == ([], True)

    def test_of_a_snapshot_is_one(self, processor: Processor) -> None:
        rows = [Row("R", flags=F_SNAPSHOT)] + [row._replace(flags=row.flags | F_SNAPSHOT) for row in BOOK]
        assert len(messages_of(processor, *BOOK, *rows)) == 2


class TestTrades:
    def test_come_once_each_with_the_aggressors_side(self, processor: Processor) -> None:
        rows = [*BOOK, Row("T", "B", 10002, 1), Row("T", "A", 10000, 2), Row("M", "A", 10002, 499)]
        first, second, third = symbols_of(processor, *rows)[1:]
        buy = Trade(price=100.02, size=0.001, timestamp=4.0, side=Side.BUY)
        sell = Trade(price=100.0, size=0.002, timestamp=5.0, side=Side.SELL)
        assert (first.trades, first.last_trade) == ([buy], buy)
        assert (second.trades, second.last_trade) == ([sell], sell)
        assert (third.trades, third.last_trade) == (None, sell)

    def test_of_one_event_are_in_one_message(self, processor: Processor) -> None:
        rows = [*BOOK, Row("T", "B", 10002, 1, 0), Row("T", "B", 10003, 2, 0), Row("F", "A", 10003, 2, F_LAST)]
        (symbol,) = symbols_of(processor, *rows)[1:]
        assert symbol.trades is not None
        assert [trade.price for trade in symbol.trades] == [100.02, 100.03]

    def test_of_an_event_that_ends_in_the_next_batch_wait_for_it(self, processor: Processor) -> None:
        assert len(symbols_of(processor, *BOOK, Row("T", "B", 10002, 1, 0))) == 1
        (symbol,) = symbols_of(processor, Row("N"))
        assert symbol.trades is not None
        assert len(symbol.trades) == 1

    def test_without_a_side_are_guessed_by_the_tick_test(self, processor: Processor) -> None:
        rows = [*BOOK, Row("T", "N", 10001, 1), Row("T", "N", 10000, 1), Row("T", "N", 10000, 1)]
        sides = [symbol.last_trade.side for symbol in symbols_of(processor, *rows)[1:] if symbol.last_trade]
        assert sides == [Side.BUY, Side.SELL, Side.BUY]

    def test_run_the_statistics(self, processor: Processor) -> None:
        trades = [Row("T", "B", ticks, 1) for ticks in (10002, 10010, 9990, 10003)]
        last = symbols_of(processor, *BOOK, *trades)[-1]
        assert (last.open, last.high, last.low, last.price, last.volume) == (100.02, 100.1, 99.9, 100.03, 0.004)
        assert last.previous_close == last.open
        # 100.03 - 100.02 between doubles would be 0.010000000000005116.
        assert last.change == 0.01
        assert last.change_percent == pytest.approx(0.01 / 100.02 * 100)


class TestInstruments:
    def test_keep_their_own_state(self) -> None:
        processor = Processor([COIN, SHARE])
        rows = [
            *BOOK,
            Row("A", "B", 100, 7, instrument=1),
            Row("T", "B", 101, 3, F_LAST, instrument=1),
            Row("M", "B", 10000, 1),
        ]
        found = [message.symbols[0] for _, message in processor.process(make_batch(rows, (COIN, SHARE)))]
        assert [symbol.symbol for symbol in found] == ["COIN", "SHARE", "SHARE", "COIN"]
        assert (found[2].exchange, found[2].bid, found[2].price, found[2].volume) == ("NASDAQ", 5.0, 5.05, 3.0)
        assert (found[3].price, found[3].volume) == (100.01, 0.0)
        assert processor.symbols == ["COIN", "SHARE"]
        assert processor.books["SHARE"].levels == (1, 0)

    def test_that_were_not_named_are_refused(self, processor: Processor) -> None:
        with pytest.raises(EventError, match="the batch has SHARE of NASDAQ, which this Processor was not made for"):
            processor.process(make_batch([], (COIN, SHARE)))


class TestRealCaptures:
    @pytest.mark.no_cover
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("binance/spot_btcusdt_20240808.gz", 13_206), ("binance/usdm_btcusdt_20240808.gz", 27_856)],
    )
    def test_every_event_is_a_valid_message_and_every_trade_is_in_one(self, name: str, expected: int) -> None:
        reader = binance.read(shared_data(name))
        processor = Processor([reader.instrument])
        events, count, times = [], 0, []
        received: list[Trade] = []
        for batch in reader:
            rows = batch.action == TRADE
            events += zip(batch.ts_event[rows].tolist(), batch.price[rows].tolist(), strict=True)
            for ts_recv, message in processor.process(batch):
                assert decode(encode(message)) == message
                (symbol,) = message.symbols
                assert symbol.bid < symbol.ask
                assert len(symbol.bids or ()) == len(symbol.asks or ()) == 10
                received += symbol.trades or ()
                times.append(ts_recv)
                count += 1
        assert count == expected
        assert times == sorted(times)
        assert [(trade.timestamp, trade.price) for trade in received] == [
            (to_milliseconds(ts_event), price / UNIT) for ts_event, price in events
        ]
        assert symbol.volume == reader.instrument.size(sum(reader.instrument.lots(trade.size) for trade in received))
        assert processor.books["BTCUSDT"].best()[0] == (symbol.bid, symbol.bid_size, 0)


class TestPace:
    ROWS = (
        *BOOK,  # at 1, 2 and 3 ms; captured 1 ms later
        Row("T", "B", 10002, 1, time=20),
        Row("T", "B", 10003, 2, time=30),
        Row("A", "B", 500, 7, instrument=1, time=40),
        Row("M", "B", 10000, 9, time=50),
        Row("T", "A", 10000, 3, time=120),
        Row("M", "A", 10002, 4, time=350),
    )

    def batch(self) -> EventBatch:
        return make_batch(self.ROWS, (COIN, SHARE))

    def test_makes_one_message_of_an_interval_and_symbol_with_all_its_trades(self) -> None:
        processor = Processor([COIN, SHARE], pace=100 * MS)
        messages = processor.process(self.batch())
        symbols = [message.symbols[0] for _, message in messages]
        assert [(one.symbol, one.timestamp, one.bid_size) for one in symbols] == [
            ("SHARE", 40.0, 7.0),
            ("COIN", 50.0, 0.009),
            ("COIN", 120.0, 0.009),
        ]
        assert [[trade.price for trade in one.trades or ()] for one in symbols] == [[], [100.02, 100.03], [100.0]]
        assert [ts_recv for ts_recv, _ in messages] == [41 * MS, 51 * MS, 121 * MS]
        assert symbols[1].volume == 0.003
        ((_, last),) = processor.flush()
        assert (last.symbols[0].timestamp, last.symbols[0].trades) == (350.0, None)
        assert processor.flush() == []

    def test_need_not_wait_where_it_is_known_that_all_has_come(self) -> None:
        processor = Processor([COIN, SHARE], pace=100 * MS)
        assert len(processor.process(self.batch(), until=400 * MS - 1)) == 4
        waiting = Processor([COIN, SHARE], pace=100 * MS)
        assert len(waiting.process(self.batch(), until=400 * MS - 2)) == 3
        assert len(waiting.process(self.batch()[:0], until=400 * MS - 1)) == 1

    @given(st.lists(st.integers(0, len(ROWS)), max_size=4))
    def test_does_not_depend_on_how_the_batches_are_cut(self, cuts: list[int]) -> None:
        whole, cut = Processor([COIN, SHARE], pace=100 * MS), Processor([COIN, SHARE], pace=100 * MS)
        batch, places = self.batch(), [0, *sorted(cuts), len(self.ROWS)]
        found = [message for a, b in pairwise(places) for message in cut.process(batch[a:b])]
        assert found + cut.flush() == whole.process(batch) + whole.flush()

    @pytest.mark.no_cover
    def test_shows_the_state_that_every_event_would(self) -> None:
        """On real data: each paced message is the last of its interval's, with the trades of all of them."""
        reader = binance.read(shared_data("binance/spot_btcusdt_20240808.gz"))
        paced, every = Processor([reader.instrument], pace=100 * MS), Processor([reader.instrument])
        found: list[tuple[int, MarketData]] = []
        expected: dict[int, tuple[int, MarketData]] = {}
        trades: defaultdict[int, list[Trade]] = defaultdict(list)
        for batch in reader:
            found += paced.process(batch)
            for ts_recv, message in every.process(batch):
                expected[ts_recv // (100 * MS)] = ts_recv, message
                trades[ts_recv // (100 * MS)] += message.symbols[0].trades or ()
        found += paced.flush()
        for interval, (_, message) in expected.items():
            message.symbols[0].trades = trades[interval] or None
        assert found == list(expected.values())
        assert len(found) < 13_206 / 3

    @pytest.mark.parametrize("pace", [-1, 1.5, math.nan, math.inf, 86_400 * 10**9 + 1, None])
    def test_is_a_whole_number_up_to_a_day(self, pace: Any) -> None:
        """NaN would put all events into one interval."""
        with pytest.raises(ValueError, match=f"pace must be a whole number of nanoseconds .*, got {pace}"):
            Processor([COIN], pace=pace)


class TestDefinition:
    def test_the_previous_close_is_what_change_is_from(self) -> None:
        processor = Processor([COIN], previous_close={COIN: 99 * UNIT})
        (first, second) = symbols_of(processor, *BOOK, Row("T", "B", 10002, 1))
        assert (first.previous_close, first.change, first.open) == (99.0, 1.01, 100.01)
        assert (second.previous_close, second.change, second.open) == (99.0, 1.02, 100.02)
        assert second.change_percent == pytest.approx(1.02 / 99 * 100)

    def test_a_second_listing_has_its_venue_in_its_symbol(self) -> None:
        both = listings("AAPL")
        processor = Processor(both)
        rows = [Row("A", "B", 1500000, 1), Row("A", "B", 1500100, 1, instrument=1)]
        found = [message.symbols[0] for _, message in processor.process(make_batch(rows, both))]
        assert [(one.symbol, one.exchange) for one in found] == [("AAPL", "NASDAQ"), ("AAPL:NYSE", "NYSE")]
        assert processor.symbols == ["AAPL", "AAPL:NYSE"]

    def test_two_symbols_of_one_name_are_refused(self) -> None:
        twin = dataclasses.replace(SHARE, symbol="COIN")
        with pytest.raises(ValueError, match="two instruments have the wire symbol COIN"):
            Processor([COIN, twin])
