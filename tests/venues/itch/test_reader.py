from __future__ import annotations

import datetime as dt
import gzip
from collections import Counter
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import hftlab as hl
from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import UNIT
from hftlab.venues import itch
from tests.shared_data import shared_data
from tests.venues.itch.oracle import Oracle
from tests.venues.itch.streams import EventWriter
from tests.venues.itch.test_decoder import check_stats, rows_of
from tests.venues.itch.test_encoder import check_same

SNIPPET = "itch/12302019_SNIPPET.NASDAQ_ITCH50"
MIDNIGHT = 1_577_682_000 * UNIT  # 2019-12-30 in New York


def moldudp64_payload(pcap: bytes) -> bytes:
    """The message blocks of a capture of one Ethernet packet: behind MoldUDP64's header of 20 bytes."""
    frame = pcap[24 + 16 :]
    ip = 14 if frame[12:14] == b"\x08\x00" else 18  # without or with a VLAN tag
    header = (frame[ip] & 15) * 4
    length = int.from_bytes(frame[ip + header + 4 : ip + header + 6], "big")
    return frame[ip + header + 8 + 20 : ip + header + length]


@pytest.fixture(scope="module")
def day() -> EventBatch:
    """A few thousand events of two stocks."""
    writer, random = EventWriter(), np.random.default_rng(3)
    for stock, price, size, kind in random.integers(0, [2, 200, 99, 8], (4000, 4)).tolist():
        writer.time += 1000
        order = next(iter(writer.live)) if writer.live else 0
        if kind < 4 or not order:
            writer.add(stock, "BA"[kind % 2], 10_000 + (price if kind % 2 else -price), size + 1)
        elif kind == 4:
            writer.execute(order, 1, writer.live[order][2])
        elif kind == 5:
            writer.replace(order, writer.live[order][2], size + 1)
        else:
            writer.take(order, writer.live[order][3])
    return writer.batch()


@pytest.fixture
def path(day: EventBatch, tmp_path: Path) -> Path:
    itch.write(tmp_path / "day.itch", day)
    return tmp_path / "day.itch"


def read_whole(path: Path, **options: object) -> tuple[EventBatch, itch.Stats]:
    reader = itch.read(path, **options)  # type: ignore[arg-type]
    return EventBatch.concat(list(reader)), reader.stats


class TestRealMessages:
    def test_of_the_snippet_are_all_decoded_and_counted(self) -> None:
        reader = hl.venues.itch.read(shared_data(SNIPPET))
        books = hl.book.BookSet()
        batches = []
        for batch in reader:
            books.apply(batch)
            batches.append(batch)
        stats = reader.stats
        assert stats.messages == {
            "A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "C": 1, "S": 1,
        }  # fmt: skip
        # 394 of 427 messages about orders name one that was added before the cut; 5 more name what took its place.
        assert stats.messages.total() == 1000
        assert sum(stats.messages[letter] for letter in "UDEXC") == 427
        assert stats.unknown_references.total() == 394
        assert stats.sideless_references.total() == 5
        assert (stats.malformed, stats.truncated_bytes, stats.unknown_types.total()) == (0, 0, 0)
        batch = EventBatch.concat(batches)
        # 560 orders added, 28 of them deleted; 4 trades of hidden orders and the crosses that had shares.
        assert Counter(chr(action) for action in batch.action) == {"A": 560, "C": 28, "T": 6}
        assert len(reader.instruments) == 186

    def test_of_the_snippet_decode_as_the_oracle_says(self) -> None:
        path = shared_data(SNIPPET)
        batch, stats = read_whole(path, date="1970-01-02")
        oracle = Oracle(path.read_bytes())
        shift = 29 * 3600 * UNIT
        assert [row._replace(time=row.time - shift) for row in rows_of(batch)] == oracle.rows
        check_stats(stats, oracle)

    def test_of_the_snippet_bear_the_day_of_its_name(self) -> None:
        batch, _ = read_whole(shared_data(SNIPPET))
        assert batch.ts_event.min() >= MIDNIGHT + (9 * 3600 + 1800) * UNIT
        assert batch.ts_event.max() < MIDNIGHT + (9 * 3600 + 1801) * UNIT

    def test_orders_that_came_and_went_within_the_snippet_leave_no_anomaly(self) -> None:
        books = BookSet()
        for batch in itch.read(shared_data(SNIPPET)):
            books.apply(batch)
        assert books.anomalies.keys() <= {"crossed"}

    @pytest.mark.parametrize(
        ("name", "letter"),
        [
            ("AddOrderNoMpidAttributionMessage", "A"),
            ("OrderDeleteMessage", "D"),
            ("OrderExecutedMessage", "E"),
            ("OrderReplaceMessage", "U"),
            ("StockTradingActionMessage", "H"),
        ],
    )
    def test_of_packets_are_of_the_type_in_their_name(self, name: str, letter: str) -> None:
        decoder = itch.Decoder()
        batch = decoder.decode(moldudp64_payload(shared_data(f"nasdaq/{name}.pcap").read_bytes()))
        stats = decoder.stats
        assert stats.messages == {letter: 1}
        assert (stats.truncated_bytes, stats.malformed) == (0, 0)
        assert stats.unknown_references.total() == (letter in "DEU")
        assert len(batch) == (letter == "A")


class TestReading:
    @pytest.mark.parametrize("chunk", [3, 100, 1 << 20])
    def test_gives_what_was_written_whatever_the_chunk(self, path: Path, day: EventBatch, chunk: int) -> None:
        batches = list(itch.read(path, chunk=chunk))
        assert max(map(len, batches)) <= chunk
        assert all(batch.flags[-1] & F_LAST for batch in batches)
        check_same(EventBatch.concat(batches), day)

    def test_of_gzip_equals_plain(self, path: Path, day: EventBatch) -> None:
        zipped = path.with_suffix(".gz")
        assert itch.write(zipped, [day]) == itch.write(path, day)
        assert gzip.decompress(zipped.read_bytes()) == path.read_bytes()
        (plain, stats), (found, zipped_stats) = read_whole(path), read_whole(zipped)
        check_same(found, plain)
        assert stats == zipped_stats

    def test_keeps_only_the_symbols_asked_for(self, path: Path, day: EventBatch) -> None:
        batch, stats = read_whole(path, symbols=["DEFGHIJK"])
        assert len(batch) == np.count_nonzero(day.instrument_id == 1)
        assert [one.symbol for one in batch.instruments] == ["DEFGHIJK"]
        assert stats.unknown_references.total() == 0

    def test_of_a_truncated_file_goes_up_to_the_last_whole_message(self, path: Path, day: EventBatch) -> None:
        whole = path.read_bytes()
        for cut in (1, 2, 3, 7, 20):
            path.write_bytes(whole[: -3 * 14 - cut])  # three system events end the file
            batch, stats = read_whole(path)
            assert day[: len(batch)].order_id.tolist() == batch.order_id.tolist()
            assert 0 < stats.truncated_bytes <= 44
            assert (batch.flags[-1] & F_LAST, stats.is_torn) == (F_LAST, False)

    def test_of_a_torn_gzip_file_says_so(self, path: Path) -> None:
        zipped = path.with_suffix(".gz")
        zipped.write_bytes(gzip.compress(path.read_bytes())[:-2000])
        batch, stats = read_whole(zipped)
        assert len(batch) > 100
        assert stats.is_torn

    def test_of_a_damaged_gzip_file_raises_after_what_is_whole(self, path: Path) -> None:
        zipped = path.with_suffix(".gz")
        packed = bytearray(gzip.compress(path.read_bytes() * 8, 1))
        packed[len(packed) * 3 // 4] ^= 0xFF
        zipped.write_bytes(packed)
        reader, rows = itch.read(zipped), 0
        # The framing breaks where the data does; gzip's checksum comes at the end only.
        with pytest.raises(CaptureError, match=r"day\.gz: .* not framed as messages .*, so fetch the file again"):
            for batch in reader:
                rows += len(batch)
        assert rows > 1000

    def test_counts_unknown_types_and_goes_on(self, path: Path) -> None:
        path.write_bytes(b"\x00\x03zzz" + b"\x00\x00" + path.read_bytes())
        _, stats = read_whole(path)
        assert stats.unknown_types == {"z": 1}
        assert stats.empty == 1

    def test_tells_the_bytes_consumed(self, path: Path) -> None:
        told: list[int] = []
        read_whole(path, progress=told.append)
        assert told[-1] == path.stat().st_size

    def test_of_a_large_file_shows_a_bar_on_a_terminal(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal(StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stderr", terminal := Terminal())
        read_whole(path)
        assert not terminal.getvalue()
        monkeypatch.setattr("hftlab.venues.progress_bar._SHOW_ABOVE", 1000)
        read_whole(path)
        assert "reading day.itch" in terminal.getvalue()

    def test_of_a_file_larger_than_a_block_crosses_its_borders(self, path: Path, day: EventBatch) -> None:
        encoder, time = itch.Encoder(), int(day.ts_event[-1])
        count = 60_000
        same = {name: np.full(count, value) for name, value in (("instrument_id", 0), ("size", 7), ("flags", F_LAST))}
        many = EventBatch(
            ts_event=np.full(count, time), ts_recv=np.full(count, time), sequence=np.arange(count),
            order_id=np.arange(count, dtype=np.uint64), action=np.full(count, ord("A")), side=np.full(count, ord("B")),
            price=np.arange(count) * 100_000, instruments=day.instruments, **same,
        )  # fmt: skip
        path.write_bytes(encoder.encode(many))
        assert path.stat().st_size > 2 << 20
        check_same(read_whole(path)[0], many)


class TestDays:
    def test_come_from_the_file_name_as_nasdaq_writes_it(self, path: Path) -> None:
        for name in ("12302019.NASDAQ_ITCH50", "20191230.PSX_ITCH_50", "S123019-v50.txt"):
            named = path.rename(path.with_name(name))
            assert next(itch.read(named)).ts_event[0] == MIDNIGHT + 34_200 * UNIT + 1000
            path = named

    @pytest.mark.parametrize("date", ["2019-12-30", dt.date(2019, 12, 30)])
    def test_that_are_given_win(self, path: Path, date: str | dt.date) -> None:
        assert next(itch.read(path, date=date)).ts_event[0] == MIDNIGHT + 34_200 * UNIT + 1000

    def test_that_nobody_tells_are_none(self, path: Path) -> None:
        for name in ("day.itch", "99999999.NASDAQ_ITCH50"):
            path = path.rename(path.with_name(name))
            assert next(itch.read(path)).ts_event[0] == 34_200 * UNIT + 1000

    @pytest.mark.parametrize("packed", [False, True])
    def test_of_two_in_one_file_begin_with_empty_books(self, path: Path, day: EventBatch, packed: bool) -> None:
        """As `cat` puts them together; the second one's date is not known."""
        whole = path.read_bytes()
        path.write_bytes(gzip.compress(whole) * 2 if packed else whole * 2)
        batch, stats = read_whole(path)
        count, symbols = len(day), len(day.instruments)
        check_same(batch[:count], day)
        assert bytes(batch.action[count : count + symbols].tolist()) == b"R" * symbols
        assert batch.instrument_id[count : count + symbols].tolist() == list(range(symbols))
        check_same(batch[count + symbols :], day)
        assert (stats.days_begun_anew, stats.repeated_references) == (1, 0)

    def test_summer_time_counts(self, path: Path) -> None:
        july = next(itch.read(path, date="2019-07-01")).ts_event[0]
        assert july == dt.datetime(2019, 7, 1, 4, tzinfo=dt.UTC).timestamp() * UNIT + 34_200 * UNIT + 1000

    def test_survive_writing_and_reading(self, path: Path, day: EventBatch) -> None:
        dated = EventBatch.concat(itch.read(path, date="2019-12-30"))
        itch.write(path, dated)
        check_same(EventBatch.concat(itch.read(path, date="2019-12-30")), dated)


class TestOtherFiles:
    def test_are_refused_with_what_was_expected(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("time,price\n" * 5000)
        with pytest.raises(
            CaptureError,
            match=r"notes\.txt is not a file of TotalView-ITCH 5\.0 .*CSV file that begins with 'time,price'",
        ):
            list(itch.read(tmp_path / "notes.txt"))

    def test_that_are_not_there_raise_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="does not exist"):
            itch.read(tmp_path / "none")

    def test_that_are_empty_have_no_batch(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        assert list(itch.read(tmp_path / "empty")) == []
