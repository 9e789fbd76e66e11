"""Kraken's book captures: what each line becomes, and a real session with its 4,269 checksums."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues import kraken
from tests.shared_data import shared_data
from tests.venues.captures import rows_of
from tests.venues.kraken_captures import CONNECTION, PAIR, REQUEST, START, levels, snapshot, update, write_capture

REAL = "kraken/book1000_20210417.gz"
LAST, LEVEL, DOUBT = F_LAST, F_MBP, F_MAYBE_BAD_BOOK

SNAPSHOT = snapshot({"100.1": "2.00", "100.0": "3.00"}, {"100.2": "1.50"})


def read_whole(path: Path, **options: object) -> tuple[EventBatch, kraken.Reader]:
    reader = kraken.read(path, **options)  # type: ignore[arg-type]
    return EventBatch.concat(reader), reader


class TestEvents:
    def test_of_a_session(self, path: Path) -> None:
        write_capture(
            path,
            CONNECTION,
            REQUEST,
            {"event": "systemStatus", "status": "online"},
            {"event": "heartbeat"},
            SNAPSHOT,
            update({"100.1": "0.00", "99.9": "4.00"}, {"100.2": "1.00"}, second=4),
            update({}, {}),
            [7, [["100.1", "1.0", "1618678001.1", "s", "l", ""]], "trade", PAIR],
        )
        batch, reader = read_whole(path)
        assert rows_of(batch) == [
            ("R", "N", 0.0, 0.0, F_SNAPSHOT),
            ("A", "B", 100.1, 2.0, LEVEL | F_SNAPSHOT),
            ("A", "B", 100.0, 3.0, LEVEL | F_SNAPSHOT),
            ("A", "A", 100.2, 1.5, LEVEL | F_SNAPSHOT | LAST),
            ("C", "B", 100.1, 0.0, LEVEL),
            ("M", "B", 99.9, 4.0, LEVEL),
            ("M", "A", 100.2, 1.0, LEVEL | LAST),
            ("N", "N", 0.0, 0.0, LEVEL | LAST),
        ]
        assert batch.sequence.tolist() == [5, 5, 5, 5, 6, 6, 6, 7]
        half = UNIT // 2
        assert (batch.ts_recv - half).tolist() == [(START + second) * UNIT for second in (5, 5, 5, 5, 6, 6, 6, 7)]
        # The newest of the levels' own times; without levels the receive time stands in.
        assert batch.ts_event.tolist() == [
            *[START * UNIT + 1_123_456_000] * 4,
            *[START * UNIT + 4_123_456_000] * 3,
            (START + 7) * UNIT + half,
        ]
        stats = reader.stats
        assert (stats.connections, stats.requests, stats.snapshots, stats.updates) == (1, 1, 1, 2)
        assert stats.events == {"systemStatus online": 1, "heartbeat": 1}
        assert stats.unknown == {"trade": 1}

    def test_tick_and_lot_are_the_last_decimals_of_the_snapshot(self, path: Path) -> None:
        write_capture(
            path,
            SNAPSHOT,
            snapshot({"0.000000012": "22000000.00000000"}, {}, pair="ADA/XBT"),
        )
        batch, reader = read_whole(path)
        assert reader.instruments == (
            Instrument(PAIR, kraken.KRAKEN, UNIT // 10, UNIT // 100, "EUR"),
            Instrument("ADA/XBT", kraken.KRAKEN, 1, 10, "XBT"),
        )
        assert (batch.price[-1], batch.size[-1], batch.instrument_id[-1]) == (12, 22 * 10**14, 1)

    def test_levels_beyond_the_depth_are_cancelled(self, path: Path) -> None:
        asks = {f"{101 + level}.0": "1.00" for level in range(10)}
        write_capture(path, snapshot({"100.0": "1.00"}, asks), update({}, {"100.5": "1.00", "100.6": "1.00"}))
        batch, reader = read_whole(path)
        assert rows_of(batch)[-4:] == [
            ("M", "A", 100.5, 1.0, LEVEL),
            ("M", "A", 100.6, 1.0, LEVEL),
            ("C", "A", 110.0, 0.0, LEVEL),
            ("C", "A", 109.0, 0.0, LEVEL | LAST),
        ]
        assert reader.stats.beyond_depth == 2
        books = BookSet()
        books.apply(batch)
        assert [price for price, *_ in books[PAIR].asks(20)] == [100.5, 100.6, *(101.0 + level for level in range(8))]

    def test_republished_levels_are_levels(self, path: Path) -> None:
        again = [7, {"a": levels({"100.3": "1.00"}, 3, "r")}, "book-10", PAIR]
        batch, reader = read_whole(write_capture(path, SNAPSHOT, again))
        assert rows_of(batch)[-1] == ("M", "A", 100.3, 1.0, LEVEL | LAST)
        assert reader.stats.republished == 1

    def test_a_new_connection_voids_the_books(self, path: Path) -> None:
        other = snapshot({"1": "1"}, {}, pair="ADA/XBT")
        late = update({"99.9": "1.00"}, {})
        batch, reader = read_whole(write_capture(path, CONNECTION, SNAPSHOT, other, CONNECTION, late, SNAPSHOT))
        assert "".join(row[0] for row in rows_of(batch)) == "RAAARARRRAAA"
        assert reader.stats.updates_without_snapshot == 1
        books = BookSet()
        books.apply(batch)
        assert books[PAIR].bids(5)[0][:2] == (100.1, 2.0)
        assert books["ADA/XBT"].bids() == []

    def test_a_price_that_no_batch_can_hold_is_counted(self, path: Path) -> None:
        far = update({}, {"9999999997.0": "0.01"})
        batch, reader = read_whole(write_capture(path, SNAPSHOT, far))
        assert rows_of(batch)[-1] == ("N", "N", 0.0, 0.0, LEVEL | LAST)
        assert reader.stats.out_of_range == 1

    def test_only_the_symbols_asked_for(self, path: Path) -> None:
        other = snapshot({"1": "1"}, {}, pair="ADA/XBT")
        batch, reader = read_whole(write_capture(path, SNAPSHOT, other), symbols=["ADA/XBT"])
        assert [instrument.symbol for instrument in reader.instruments] == ["ADA/XBT"]
        assert "".join(row[0] for row in rows_of(batch)) == "RA"
        assert reader.stats.unwanted == 1

    @pytest.mark.parametrize("chunk", [1, 3, 1000])
    def test_the_chunk_does_not_matter(self, path: Path, chunk: int) -> None:
        asks = {f"{101 + level}.0": "1.00" for level in range(10)}
        changes = [update({}, {f"{100 - step}.5": "1.00"}, 99) for step in range(10)]
        write_capture(path, SNAPSHOT, snapshot({}, asks, pair="B/C"), *changes, CONNECTION, SNAPSHOT, *changes)
        one, _ = read_whole(path)
        batch, _ = read_whole(path, chunk=chunk)
        assert rows_of(batch) == rows_of(one)


class TestChecksums:
    def test_the_rows_are_doubted_from_a_checksum_that_differs_to_the_next_snapshot(self, path: Path) -> None:
        good = kraken_checksum_of(path)
        other = snapshot({"1": "1"}, {}, pair="ADA/XBT")
        write_capture(
            path,
            SNAPSHOT,
            other,
            update({"100.1": "2.00"}, {}, good),
            update({"100.1": "2.00"}, {}, good + 1),
            update({"2": "2"}, {}, pair="ADA/XBT"),
            update({"100.1": "2.00"}, {}, good),
            SNAPSHOT,
            update({"100.1": "2.00"}, {}, good),
        )
        batch, reader = read_whole(path)
        doubted = [row[4] & DOUBT > 0 for row in rows_of(batch)]
        assert doubted == [False] * 7 + [True, False, True] + [False] * 5
        report = reader.verification
        assert (report.checked[PAIR], report.matched[PAIR], report.unchecked) == (4, 3, 4)
        assert report.mismatches == [kraken.Mismatch(4, PAIR, good + 1, good)]
        assert str(report) == f"3 of 4 checksums match; the first that does not is of {PAIR} in line 4"
        assert (reader.stats.checksums, reader.stats.checksums_differing) == (4, 1)

    def test_a_real_session_matches_all_of_its_own(self) -> None:
        """Kraken, 2021-04-17, ten pairs: a CRC32 of the top ten levels with every one of the 4,269 updates."""
        reader = kraken.read(shared_data(REAL), chunk=1000)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
        report = reader.verification
        assert (report.checked.total(), report.matched.total(), report.differing, report.unchecked) == (
            4269,
            4269,
            0,
            10,
        )
        assert len(report.checked) == len(reader.instruments) == 10
        stats = reader.stats
        assert (stats.lines, stats.snapshots, stats.updates, stats.out_of_range) == (4_325, 10, 4_269, 1)
        assert (stats.unknown, stats.updates_without_snapshot, stats.receive_time_steps_back) == ({}, 0, 0)
        assert stats.events == {"systemStatus online": 1, "subscriptionStatus subscribed": 10, "heartbeat": 31}
        assert all(not book.anomalies for book in books)

    def test_the_books_stand_at_the_last_checksum_of_each_pair(self) -> None:
        path = shared_data(REAL)
        last: dict[str, int] = {}
        for line in gzip.decompress(path.read_bytes()).splitlines():
            _, _, payload = line.partition(b": ")
            if payload.startswith(b"[") and b'"c":' in payload:
                message = json.loads(payload)
                last[message[-1]] = int(message[-3]["c"])
        books = BookSet()
        for batch in kraken.read(path):
            books.apply(batch)
        assert {book.instrument.symbol: kraken.checksum(book) for book in books} == last
        assert str(kraken.verify(path)) == "4,269 of 4,269 checksums match"


def kraken_checksum_of(path: Path) -> int:
    books = BookSet()
    for batch in kraken.read(write_capture(path, SNAPSHOT)):
        books.apply(batch)
    return kraken.checksum(books[PAIR])


GOOD = CONNECTION, SNAPSHOT


class TestErrors:
    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (b"nonsense", "does not start with a receive time in seconds: a line is `<seconds>: <JSON>`"),
            (b"1618678132", "does not start with a receive time in seconds"),
            (b"99999999999.5: {}", "does not start with a receive time in seconds"),
            (b"1618678001.5: ", "is not a Kraken message (Input data was truncated): a line is `<seconds>: <JSON>`"),
            (b'1618678001.5: {"channel":"heartbeat"}', "is of Kraken's WebSocket API v2 in a capture of API v1"),
            (b'1618678001.5: {"method":"subscribe","result":{}}', "is of Kraken's WebSocket API v2"),
            (b'{"channel":"book","type":"snapshot","data":[]}', "is of Kraken's WebSocket API v2"),
            (b'1618678001123456789 {"e":"trade"}', "(this looks like a Binance capture)"),
            (b"1.5: {}", "('1.5' is not a time from 2001 on in s, ms, \u00b5s or ns)"),
            (
                b'1618678001.5: [1,{"b":[["100.1","1.00","1.1"]]},"book-10","XBT/EUR"]',
                "has a level whose time cannot be: '1.1' is not a time from 2001 on",
            ),
            (
                b'1618678001.5: [1,{"bs":[["1","2","1618678001.1"]],"as":[]},"book-10","A\\n"]',
                "has a symbol that cannot be: 'A\\n' is not a symbol: a symbol is 1 to 128 printable characters",
            ),
            (b"1618678001.5: [1", "is not a Kraken message"),
            (b"1618678001.5: [1,2]", "is not a Kraken message (2 elements)"),
            (b"1618678001.5: {}", "missing required field `event`"),
            (b'1618678001.5: [1,{"b":[["1","2"]],"c":"7"},"book-10","A/B"]', "is not a Kraken message"),
            (b'1618678001.5: [1,{"b":[["1","2","x"]]},"book-10","A/B"]', "is not a Kraken message"),
            (b'1618678001.5: [1,{"b":[],"c":"x"},"book-10","A/B"]', "is not a Kraken message"),
            (
                b'1618678001.5: [1,{"b":[["0.0000000001","1.00","1618678001.1"]]},"book-10","XBT/EUR"]',
                "has the price '0.0000000001', which has more than the nine decimals that hftlab holds",
            ),
            (
                b'1618678001.5: [1,{"b":[["100.1","-1","1618678001.1"]]},"book-10","XBT/EUR"]',
                "has the size '-1', which is not a decimal number",
            ),
        ],
    )
    def test_a_line_that_is_none_is_named_after_all_before_it(self, path: Path, bad: bytes, said: str) -> None:
        write_capture(path, *GOOD, bad, update({"100.0": "1.00"}, {}))
        batches: list[EventBatch] = []
        with pytest.raises(CaptureError) as caught:
            batches.extend(kraken.read(path))
        assert sum(map(len, batches)) == 4
        assert str(caught.value).startswith(f"{path}, line 3: ")
        assert said in str(caught.value)
        assert caught.value.path == path

    def test_a_truncated_file_gives_its_events_first(self, path: Path) -> None:
        write_capture(path, *GOOD)
        path.write_bytes(path.read_bytes()[:-4])
        batches: list[EventBatch] = []
        with pytest.raises(CaptureError, match="line 3: the gzip data ends too early"):
            batches.extend(kraken.read(path))
        assert sum(map(len, batches)) == 4

    def test_paths_that_are_no_capture_are_refused_at_once(self, tmp_path: Path) -> None:
        write_capture(tmp_path / "heartbeats", {"event": "heartbeat"})
        (tmp_path / "empty").touch()
        (tmp_path / "text.csv").write_text("time,price\n")
        for name, said in (
            ("nowhere", "does not exist"),
            ("empty", "has no Kraken message of a book"),
            ("heartbeats", "has no Kraken message of a book: name a capture of the channel `book`"),
            ("text.csv", "line 1: does not start with a receive time"),
        ):
            with pytest.raises(CaptureError, match=said):
                kraken.read(tmp_path / name)

    def test_updates_alone_are_no_book(self, path: Path) -> None:
        reader = kraken.read(write_capture(path, update({"1": "1"}, {})))
        with pytest.raises(CaptureError, match="has no book snapshot"):
            list(reader)
