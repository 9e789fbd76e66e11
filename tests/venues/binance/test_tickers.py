from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_LAST, TRADE, EventBatch
from hftlab.instruments import UNIT
from hftlab.market import Processor
from hftlab.venues import binance
from tests.shared_data import shared_data
from tests.venues.captures import SNAPSHOT, START, ticker, write_capture

SPOT, FUTURES = "binance/spot_btcusdt_20240808.gz", "binance/usdm_btcusdt_20240808.gz"


class TestBookTickers:
    def test_are_columns(self, path: Path) -> None:
        write_capture(path, ticker(7, ("99.99", "1.00000000"), ("100", "0.000001")), SNAPSHOT)
        tickers = binance.read_book_tickers(path)
        assert [column.tolist() for column in tickers] == [
            [(START + 1) * UNIT],
            [7],
            [99_990_000_000],
            [1_000_000],
            [100_000_000_000],
            [1],
        ]

    def test_a_bad_number_is_named(self, path: Path) -> None:
        write_capture(path, ticker(7, ("99.99", "1"), ("100", "1")), ticker(8, ("99.99", "1"), ("100", "x")))
        with pytest.raises(CaptureError, match="line 2: has 'x', which is not a number"):
            binance.read_book_tickers(path)


class TestRealCaptures:
    """Real captures of 2024-08-08: Binance's book tickers are an independent answer for the rebuilt books."""

    @pytest.mark.no_cover
    @pytest.mark.parametrize(
        ("name", "shared_ids", "updates", "stats"),
        [
            (SPOT, 564, 3_450, binance.Stats(41_249, 1, 0, 3_451, 3_449, 0, 9_757, 0, 28_040)),
            (FUTURES, 629, 6_547, binance.Stats(93_954, 1, 0, 6_551, 6_547, 0, 21_313, 0, 66_089)),
        ],
    )
    def test_the_books_are_binances_own(self, name: str, shared_ids: int, updates: int, stats: binance.Stats) -> None:
        """After every update the best prices and sizes are those of the newest book ticker up to its id.

        `shared_ids` of them have a ticker of that very id. There is no gap, and nothing crosses.
        """
        reader = binance.read(shared_data(name))
        tickers = binance.read_book_tickers(reader.path)
        books, compared, shared = BookSet(), 0, 0
        for batch in reader:
            tops = books.trace(batch, 1)
            depth = batch.action[tops.rows] != TRADE
            ids = batch.sequence[tops.rows][depth]
            newest = np.searchsorted(tickers.update_id, ids, side="right") - 1
            # Behind the last ticker nothing tells that it was still true.
            told = (newest >= 0) & (ids <= tickers.update_id[-1])
            newest = newest[told]
            for levels, answers in (
                (tops.bid_ticks * reader.instrument.tick, tickers.bid_price),
                (tops.bid_lots, tickers.bid_size),
                (tops.ask_ticks * reader.instrument.tick, tickers.ask_price),
                (tops.ask_lots, tickers.ask_size),
            ):
                np.testing.assert_array_equal(levels[depth, 0][told], answers[newest])
            compared += len(newest)
            shared += int(np.count_nonzero(tickers.update_id[newest] == ids[told]))
        assert (compared, shared) == (updates, shared_ids)
        assert reader.stats == stats
        assert books["BTCUSDT"].crossed == 0

    @pytest.mark.no_cover
    def test_and_so_are_the_messages_made_of_them(self) -> None:
        """Through the Processor: 3,450 updates of the spot capture, 564 of them with a ticker of that very id."""
        reader = binance.read(shared_data(SPOT))
        tickers = binance.read_book_tickers(reader.path)
        processor = Processor([reader.instrument])
        batch = EventBatch.concat(reader)
        messages = [message.symbols[0] for _, message in processor.process(batch)]
        events = np.flatnonzero(batch.flags & F_LAST)
        # Before the snapshot there is no book to make a message of, after it every event makes one.
        assert (len(events), len(messages)) == (13_207, 13_206)
        events = events[-len(messages) :]
        depth = np.flatnonzero(batch.action[events] != TRADE)
        ids = batch.sequence[events][depth]
        newest = np.searchsorted(tickers.update_id, ids, side="right") - 1
        told = (newest >= 0) & (ids <= tickers.update_id[-1])
        assert (int(told.sum()), int(np.count_nonzero(tickers.update_id[newest[told]] == ids[told]))) == (3_450, 564)
        size = reader.instrument.size
        expected = np.column_stack(
            [
                tickers.bid_price / UNIT,
                size(tickers.bid_size),
                tickers.ask_price / UNIT,
                size(tickers.ask_size),
            ]
        )[newest[told]]
        made = [(one.bid, one.bid_size, one.ask, one.ask_size) for one in (messages[at] for at in depth[told].tolist())]
        np.testing.assert_array_equal(np.array(made), expected)
        assert processor.filtered == {}
