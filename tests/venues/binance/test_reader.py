from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_BAD_TS_RECV, F_LAST, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.instruments import BINANCE, BINANCE_USDM, UNIT, find_instrument
from hftlab.venues import binance
from tests.venues.captures import (
    SNAPSHOT,
    START,
    milliseconds,
    read_until_error,
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
        size = path.stat().st_size
        assert seen == [size, size]  # of the survey, and of the reading


class TestSynchronisation:
    DEEP = snapshot(10, {f"{100 - number}": "2" for number in range(8)}, {"101": "1"})

    def top(self, last: int, bid: int, *, levels: int = 5) -> dict[str, Any]:
        return snapshot(last, {f"{bid - number}": "9" for number in range(levels)}, {f"{bid + 1}": "1"})

    @pytest.mark.parametrize(("levels", "books"), [(5, 1), (4, 2), (10, 2)])
    def test_a_partial_book_takes_no_levels_away(self, path: Path, levels: int, books: int) -> None:
        """Those of spot without a stream name run ahead of the updates; another snapshot is a new book."""
        write_capture(path, self.DEEP, update(11, 12, {"93": "4"}, {}), self.top(13, 100, levels=levels),
                      update(13, 14, {"100": "5"}, {}))  # fmt: skip
        batch, stats = read_whole(path)
        assert rows_of(batch)[-1][:4] == ("M", "B", 100.0, 5.0)
        assert (batch.action == ord("R")).sum() == books
        assert (stats.snapshots, stats.snapshots_unused, stats.updates_applied) == (2, 2 - books, 2)

    @pytest.mark.parametrize("previous", [None, 19])
    def test_but_makes_the_book_after_a_gap(self, path: Path, previous: int | None) -> None:
        before = None if previous is None else 10
        write_capture(path, self.DEEP, update(11, 12, {"93": "4"}, {}, previous=before), self.top(19, 50),
                      update(20, 21, {"50": "5"}, {}, previous=previous))  # fmt: skip
        batch, stats = read_whole(path)
        rows = [row[:4] for row in rows_of(batch)]
        assert rows[-8:] == [
            ("R", "N", 0.0, 0.0),
            *(("A", "B", 50.0 - number, 9.0) for number in range(5)),
            ("A", "A", 51.0, 1.0),
            ("M", "B", 50.0, 5.0),
        ]
        assert (stats.gaps, stats.snapshots_unused) == (1, 0)

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

    @pytest.mark.parametrize("futures", [False, True])
    @pytest.mark.parametrize("order", ["update, snapshot", "snapshot, update", "snapshot alone"])
    def test_ids_that_begin_anew_are_a_new_book(self, path: Path, futures: bool, order: str) -> None:
        def change(first: int, last: int, bids: dict[str, str]) -> dict[str, Any]:
            return update(first, last, bids, {}, previous=first - 1 if futures else None)

        new = {"u": change(3, 6, {"20": "1"}), "s": snapshot(6, {"20": "1"}, {"22": "1"})}
        begins = {"update, snapshot": "us", "snapshot, update": "su", "snapshot alone": "s"}[order]
        parts = [new[one] for one in begins]
        for part in parts:  # all events have one time, so that only the ids tell
            part.get("data", {}).update({"E": START * 1000 + 1912})
            if futures:
                part.get("data", {}).update({"T": START * 1000 + 1902})
        late = [change(7, 8, {"21": "2"}), change(9, 9, {"19": "3"})]
        for message in late:
            message["data"].update({"E": START * 1000 + 1912})
            if futures:
                message["data"].update({"T": START * 1000 + 1902})
        write_capture(
            path,
            snapshot(900, {"9": "1"}, {"11": "1"}),
            change(899, 911, {"9": "1"}),
            change(912, 912, {}),
            *parts,
            *late,
        )
        reader = binance.read(path)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
        assert books["BTCUSDT"].bids() == [(21.0, 2.0, 0), (20.0, 1.0, 0), (19.0, 3.0, 0)]
        assert books["BTCUSDT"].asks() == [(22.0, 1.0, 0)]
        assert (reader.stats.ids_begun_anew, reader.stats.gaps, reader.stats.snapshots_unused) == (1, 0, 0)

    def test_updates_that_are_clearly_newer_clear_the_book_at_once(self, path: Path) -> None:
        newer = update(3, 6, {"20": "1"}, {})
        newer["data"]["E"] += 60_000
        write_capture(path, SNAPSHOT, update(11, 12, {"99": "4"}, {}), newer)
        batch, stats = read_whole(path)
        assert "".join(row[0] for row in rows_of(batch)) == "RAAAMR"
        assert (stats.ids_begun_anew, stats.gaps) == (1, 0)

    def test_a_second_snapshot_of_the_past_changes_nothing(self, path: Path) -> None:
        write_capture(path, SNAPSHOT, update(11, 12, {"99": "4"}, {}), SNAPSHOT, update(13, 14, {}, {"200": "1"}))
        batch, stats = read_whole(path)
        assert "".join(row[0] for row in rows_of(batch)) == "RAAAMM"
        assert (stats.snapshots, stats.snapshots_unused, stats.gaps) == (2, 1, 0)


def top(number: int, depth: int, best: int = 100, **more: Any) -> dict[str, Any]:
    """A partial book of futures as it comes without a stream's name: bids down from `best`, asks up from it."""
    bids = {f"{best - level}.5": "1.000" for level in range(1, depth + 1)}
    asks = {f"{best + level}.5": "2.000" for level in range(depth)}
    message: dict[str, Any] = update(number, number + 4, bids, asks, previous=number - 1)["data"]
    return message | more


class TestPartialBooks:
    @pytest.mark.parametrize("depth", [5, 10, 20])
    def test_without_a_streams_name_are_whole_books(self, path: Path, depth: int) -> None:
        write_capture(path, top(1, depth), top(6, depth, best=103), top(11, depth, best=101), SNAPSHOT)
        reader = binance.read(path)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
        assert [price for price, *_ in books["BTCUSDT"].asks(50)] == [101.5 + level for level in range(depth)]
        assert [price for price, *_ in books["BTCUSDT"].bids(50)] == [100.5 - level for level in range(depth)]
        assert (reader.stats.partial_books, reader.stats.snapshots_unused) == (3, 1)

    def test_of_a_thin_market_have_fewer_levels(self, path: Path) -> None:
        thin = top(6, 5)
        thin["b"] = thin["b"][:2]
        batch, stats = read_whole(write_capture(path, top(1, 5), thin, top(11, 5)))
        assert stats.partial_books == 3
        assert "".join(row[0] for row in rows_of(batch)) == "R" + "A" * 10 + "R" + "A" * 7 + "R" + "A" * 10

    def test_that_come_twice_or_late_are_dropped(self, path: Path) -> None:
        late = top(6, 5)
        _, stats = read_whole(write_capture(path, top(1, 5), top(11, 5), top(11, 5), late))
        assert (stats.updates, stats.partial_books) == (4, 2)

    def test_among_changes_are_refused(self, path: Path) -> None:
        changes = [update(n, n, {"99": "0"}, {}, previous=n - 1)["data"] for n in (2, 7)]
        write_capture(path, SNAPSHOT, top(1, 5), changes[0], top(6, 5), changes[1])
        with pytest.raises(CaptureError, match=r"partial books .* among its depth updates"):
            binance.read(path)

    def test_are_not_changes_of_as_many_levels(self, path: Path) -> None:
        """One that removes a level, is not sorted, or has another number of levels, is a change."""
        for place, level in ((0, ["99.5", "0.000"]), (1, ["99.9", "1.000"])):
            changed = top(6, 5)
            changed["b"][place] = level
            _, stats = read_whole(
                write_capture(
                    path, snapshot(5, {"99.5": "1"}, {}), changed, update(12, 13, {}, {}, previous=10)["data"]
                )
            )
            assert (stats.partial_books, stats.updates_applied) == (0, 2)
        _, stats = read_whole(write_capture(path, snapshot(5, {"99.5": "1"}, {}), top(5, 4)))
        assert stats.partial_books == 0

    def test_of_named_streams_are_passed_over(self, path: Path) -> None:
        named = stream("depth5@100ms", **top(13, 5))
        _, stats = read_whole(write_capture(path, SNAPSHOT, update(11, 12, {}, {}, previous=10), named))
        assert (stats.partial_books, stats.unknown) == (0, {"btcusdt@depth5@100ms": 1})


class TestForms:
    def test_levels_of_three_are_those_of_before_2019(self, path: Path) -> None:
        messages = [SNAPSHOT["bids"], SNAPSHOT["asks"]]
        old = SNAPSHOT | {
            side: [[*level, []] for level in levels] for side, levels in zip(("bids", "asks"), messages, strict=True)
        }
        change = update(11, 12, {}, {})
        change["data"]["b"] = [["99", "4", []]]
        old_rows = rows_of(read_whole(write_capture(path, old, change))[0])
        assert old_rows == rows_of(read_whole(write_capture(path, SNAPSHOT, update(11, 12, {"99": "4"}, {})))[0])

    @pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
    def test_receive_times_of_every_unit(self, path: Path, unit: int) -> None:
        lines = [b"%d %s" % ((START + 5) * UNIT // unit, json.dumps(SNAPSHOT).encode())]
        lines += [b"%d %s" % ((START + 6) * UNIT // unit, json.dumps(update(11, 12, {"99": "4"}, {})).encode())]
        assert seconds(read_whole(write_capture(path, *lines))[0].ts_recv) == [5, 5, 5, 5, 6]

    def test_an_event_time_of_no_unit_is_named(self, path: Path) -> None:
        message = update(11, 12, {}, {})
        message["data"]["E"] = 1012
        _, error = read_until_error(write_capture(path, SNAPSHOT, message))
        assert "line 2: has an event time that cannot be: '1012' is not a time from 2001 on" in error

    def test_a_symbol_is_any_text(self, path: Path) -> None:
        message = trade(1, "1", "1", buyer_is_maker=True)
        message["data"]["s"] = "币安人生USDT"
        message["stream"] = "币安人生usdt@trade"
        line = b"%d %s" % (START * UNIT, json.dumps(message, ensure_ascii=False).encode())
        reader = binance.read(write_capture(path, line))
        assert (reader.instrument.symbol, reader.instrument.currency) == ("币安人生USDT", "USDT")
        assert len(next(reader)) == 1

    @pytest.mark.parametrize(
        ("symbol", "asked"),
        [("BTCUSD_PERP", "/dapi/v1/depth"), ("BTCUSDT_260327", "/fapi/v1/depth"), ("ETHBTC", "/api/v3/depth")],
    )
    def test_the_snapshot_that_lacks_is_that_of_the_market(self, path: Path, symbol: str, asked: str) -> None:
        message = update(11, 12, {"1": "1"}, {})
        message["data"]["s"] = symbol
        _, error = read_until_error(write_capture(path, message))
        assert f"add the answer of GET {asked} to it" in error
