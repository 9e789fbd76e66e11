from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.book import BookSet
from hftlab.events import F_BAD_TS_RECV, F_LAST, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.instruments import BINANCE, BINANCE_USDM, UNIT, find_instrument
from hftlab.venues import binance
from tests.venues.captures import (
    SNAPSHOT,
    START,
    milliseconds,
    read_whole,
    rows_of,
    seconds,
    snapshot,
    stream,
    trade,
    update,
    write_capture,
)

LAST, LEVEL = F_LAST, F_MBP


class TestEvents:
    def test_of_a_spot_capture(self, path: Path) -> None:
        write_capture(
            path,
            update(5, 9, {"1": "1"}, {}),
            trade(70, "100.02", "0.00001", buyer_is_maker=False),
            SNAPSHOT,
            update(10, 12, {"100.01": "0.00000000", "99.99": "4"}, {"100.02": "1"}),
            trade(71, "100.00", "0.5", buyer_is_maker=True),
            update(13, 13, {}, {}),
        )
        batch, stats = read_whole(path)
        assert rows_of(batch) == [
            ("T", "B", 100.02, 0.00001, LAST),
            ("R", "N", 0.0, 0.0, F_SNAPSHOT),
            ("A", "B", 100.01, 2.0, LEVEL | F_SNAPSHOT),
            ("A", "B", 100.0, 3.0, LEVEL | F_SNAPSHOT),
            ("A", "A", 100.02, 1.5, LEVEL | F_SNAPSHOT | LAST),
            ("C", "B", 100.01, 0.0, LEVEL),
            ("M", "B", 99.99, 4.0, LEVEL),
            ("M", "A", 100.02, 1.0, LEVEL | LAST),
            ("T", "A", 100.0, 0.5, LAST),
            ("N", "N", 0.0, 0.0, LEVEL | LAST),
        ]
        assert batch.sequence.tolist() == [70, 10, 10, 10, 10, 12, 12, 12, 71, 13]
        assert seconds(batch.ts_recv) == [2, 3, 3, 3, 3, 4, 4, 4, 5, 6]
        # T of the trades, E of the updates; the snapshot has neither and takes over the trade's.
        assert milliseconds(batch.ts_event) == [2070, 2070, 2070, 2070, 2070, 1012, 1012, 1012, 2071, 1013]
        assert batch.instruments == (find_instrument("BTCUSDT", BINANCE),)
        assert (stats.lines, stats.updates, stats.updates_applied, stats.trades, stats.gaps) == (6, 3, 2, 2, 0)

    def test_of_a_futures_capture(self, path: Path) -> None:
        write_capture(
            path,
            snapshot(10, {"100.1": "2"}, {"100.2": "1.5"}, E=START * 1000 + 1005, T=START * 1000 + 1004),
            update(8, 12, {"100.1": "0.000"}, {}, previous=7),
            trade(70, "100.2", "0.001", buyer_is_maker=False, X="MARKET"),
            trade(71, "0", "0.001", buyer_is_maker=False, X="INSURANCE_FUND"),
            update(13, 15, {"100.1": "1.000"}, {}, previous=12),
        )
        batch, stats = read_whole(path)
        assert [row[0] for row in rows_of(batch)] == ["R", "A", "A", "C", "T", "M"]
        # The matching engine's T wins over the message's E.
        assert milliseconds(batch.ts_event) == [1004, 1004, 1004, 1002, 2070, 1005]
        assert batch.instruments == (find_instrument("BTCUSDT", BINANCE_USDM),)
        assert (stats.trades, stats.trades_off_book, stats.gaps) == (1, 1, 0)

    def test_events_without_the_combined_streams_envelope(self, path: Path) -> None:
        messages = SNAPSHOT, update(10, 12, {"99": "4"}, {}), trade(1, "1", "1", buyer_is_maker=True)
        write_capture(path, *(message.get("data", message) for message in messages))
        assert "".join(row[0] for row in rows_of(read_whole(path)[0])) == "RAAAMT"

    def test_microseconds_are_told_by_their_size(self, path: Path) -> None:
        message = trade(1, "1", "1", buyer_is_maker=True)
        message["data"]["T"] = 1723161255342123
        write_capture(path, message)
        assert read_whole(path)[0].ts_event.tolist() == [1723161255342123000]

    def test_other_streams_are_counted_and_passed_over(self, path: Path) -> None:
        depth = {"lastUpdateId": 1, "bids": [], "asks": []}
        write_capture(
            path,
            trade(1, "1", "1", buyer_is_maker=True),
            stream("depth5@100ms", **depth),
            stream("aggTrade", e="aggTrade"),
            stream("depth5@100ms", **depth),
            {"result": None, "id": 1},
        )
        batch, stats = read_whole(path)
        assert len(batch) == 1
        assert stats.unknown == {"btcusdt@depth5@100ms": 2, "btcusdt@aggTrade": 1, "no stream": 1}

    def test_a_receive_time_that_steps_back_is_counted(self, path: Path) -> None:
        one = trade(1, "1", "1", buyer_is_maker=True)
        write_capture(path, one, one, b"%d {}" % (START * UNIT), one)
        assert read_whole(path)[1].receive_time_steps_back == 1

    def test_chunks_end_with_events(self, path: Path) -> None:
        write_capture(path, SNAPSHOT, *(update(n, n, {"1": "1", "2": "2"}, {"200": "3"}) for n in range(11, 40)))
        batches = list(binance.read(path, chunk=10))
        assert len(batches) > 5
        for batch in batches:
            assert batch.flags[-1] & F_LAST
        assert rows_of(EventBatch.concat(batches)) == rows_of(read_whole(path)[0])
        with pytest.raises(ValueError, match="chunk must be 1 or more rows"):
            binance.read(path, chunk=0)

    def test_progress_is_told_the_bytes_consumed(self, path: Path) -> None:
        write_capture(path, SNAPSHOT, update(10, 12, {}, {}))
        seen: list[int] = []
        read_whole(path, progress=seen.append)
        assert seen == [path.stat().st_size]


class TestSynchronisation:
    def test_updates_before_the_snapshot_that_it_lacks_follow_it(self, path: Path) -> None:
        write_capture(path, update(5, 9, {"1": "1"}, {}), update(10, 12, {"2": "2"}, {}), SNAPSHOT)
        batch, stats = read_whole(path)
        assert rows_of(batch)[-1] == ("M", "B", 2.0, 2.0, LEVEL | LAST | F_BAD_TS_RECV)
        assert seconds(batch.ts_recv) == [3] * len(batch)
        assert (stats.updates, stats.updates_applied) == (2, 1)

    def test_a_hole_clears_the_book_until_the_next_snapshot(self, path: Path) -> None:
        write_capture(
            path,
            SNAPSHOT,
            update(11, 12, {"99": "4"}, {}),
            update(14, 15, {"98": "4"}, {}),
            update(16, 17, {"97": "4"}, {}),
            trade(1, "100", "1", buyer_is_maker=True),
            snapshot(16, {"96": "1"}, {}),
            update(18, 19, {"95": "4"}, {}),
        )
        batch, stats = read_whole(path)
        assert [(row[0], row[2]) for row in rows_of(batch)[4:]] == [
            ("M", 99.0),
            ("R", 0.0),
            ("T", 100.0),
            ("R", 0.0),
            ("A", 96.0),
            ("M", 97.0),
            ("M", 95.0),
        ]
        assert (batch.sequence[5], batch.flags[5]) == (15, F_LAST)
        assert (stats.gaps, stats.snapshots, stats.snapshots_unused, stats.updates_applied) == (1, 2, 0, 3)
        books = BookSet()
        books.apply(batch)
        assert books["BTCUSDT"].bids() == [(97.0, 4.0, 0), (96.0, 1.0, 0), (95.0, 4.0, 0)]

    def test_a_second_snapshot_of_the_past_changes_nothing(self, path: Path) -> None:
        write_capture(path, SNAPSHOT, update(11, 12, {"99": "4"}, {}), SNAPSHOT, update(13, 14, {}, {"200": "1"}))
        batch, stats = read_whole(path)
        assert "".join(row[0] for row in rows_of(batch)) == "RAAAMM"
        assert (stats.snapshots, stats.snapshots_unused, stats.gaps) == (2, 1, 0)
