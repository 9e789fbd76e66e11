from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import hftlab as hl
from hftlab.errors import CaptureError
from hftlab.events import F_LAST, F_MBP, F_TOB, EventBatch
from hftlab.venues import iex, pcap
from tests.shared_data import shared_data
from tests.venues.iex.captures import CAPTURES, real_segments
from tests.venues.iex.oracle import Oracle, segment
from tests.venues.iex.streams import FLOWS, datagrams
from tests.venues.iex.test_decoder import check_stats, of, rows_of

TIME = 1_727_787_282_638_070_000


def read_whole(path: Path, **options: object) -> EventBatch:
    return EventBatch.concat(list(iex.read(path, **options)))  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A capture of 300 orders of two symbols, each of which is executed."""
    symbols = (b"IBKR    ", b"ZVZZT   ")
    with pcap.PcapWriter(tmp_path / "day.pcap") as writer:
        for number in range(300):
            one = {"order": number, "symbol": symbols[number % 2], "time": TIME + number}
            some = [of("a", flag=0x38, **one), of("L", **one)]
            writer.write(pcap.Datagrams.of([segment(*some, sequence=1 + 2 * number)], TIME + number, FLOWS[0]))
    return tmp_path / "day.pcap"


class TestRealPackets:
    @pytest.mark.parametrize("name", [one for one in CAPTURES if "all_" not in one])
    def test_decode_as_the_oracle_says(self, name: str) -> None:
        reader, oracle = iex.read(shared_data(name)), Oracle(real_segments(name))
        rows = [row._replace(received=0) for batch in reader for row in rows_of(batch)]
        assert rows == [row._replace(received=0) for row in oracle.rows]
        check_stats(reader.stats, oracle)
        assert reader.gaps == ()

    def test_of_an_order_that_is_added_and_deleted_leave_no_book(self) -> None:
        """Of all types, in the order of their numbers: the order 0x63..0a comes (47150) and goes (47151)."""
        reader = hl.venues.iex.read(shared_data("iex/DeepPlus/all_message_types.pcap"))
        books = hl.book.BookSet()
        batch = EventBatch.concat(list(reader))
        books.apply(batch)
        assert [(row.action, row.sequence, row.order) for row in rows_of(batch)][:2] == [
            ("A", 47_150, 0x0063_0000_0000_000A),
            ("C", 47_151, 0x0063_0000_0000_000A),
        ]
        assert books["IBKR"].bids(5) == books["IBKR"].asks(5) == []
        stats = reader.stats
        assert stats.unknown_orders == {"L": 3, "M": 1}
        # Four of the captures are the same packet.
        assert (stats.duplicates, stats.other_datagrams, stats.malformed) == (4 * 67, 0, 0)
        assert [(gap.first, gap.last) for gap in reader.gaps[:2]] == [(68, 46_871), (46_938, 47_149)]

    def test_of_a_trade_have_its_price_and_time(self) -> None:
        batch = read_whole(shared_data("iex/DeepPlus/T_Trade.pcap"))
        assert batch.price.tolist() == [137_330_000_000] * 4
        assert batch.ts_event.tolist()[0] == 0x17FA558ABA4FFDEC
        # Captured at 0x66fbf1c5 s and 0x000849c1 µs.
        assert batch.ts_recv.tolist() == [0x66FBF1C5 * 10**9 + 0x849C1 * 1000] * 4
        assert batch.sequence.tolist() == [0xB85A, 0xB85B, 0xB85C, 0xB85D]

    def test_of_a_quote_are_the_best_prices(self) -> None:
        batch = read_whole(shared_data("iex/Tops.v1.6/QuoteUpdateMessage.pcap"))
        assert batch.price.tolist() == [24_190_000_000, 24_250_000_000]
        assert batch.size.tolist() == [18_773, 60_677]
        assert batch.flags.tolist() == [F_MBP | F_TOB, F_MBP | F_TOB | F_LAST]

    @pytest.mark.parametrize("name", CAPTURES)
    def test_are_the_same_when_they_are_encoded_again(self, name: str) -> None:
        segments = [one for tables in iex.messages(shared_data(name)) for one in iex.packet_bytes(tables)]
        assert segments == real_segments(name)


class TestReading:
    @pytest.mark.parametrize("chunk", [4, 100, 1 << 20])
    def test_gives_the_same_whatever_the_chunk(self, path: Path, chunk: int) -> None:
        batches = list(iex.read(path, chunk=chunk))
        assert sum(map(len, batches)) == 1200
        assert max(map(len, batches)) <= chunk
        assert all(batch.flags[-1] & F_LAST for batch in batches)
        np.testing.assert_array_equal(EventBatch.concat(batches).ts_event, read_whole(path).ts_event)

    def test_of_packed_files_equals_plain(self, path: Path) -> None:
        with pa.CompressedOutputStream(str(path.with_suffix(".zst")), "zstd") as file:
            file.write(path.read_bytes())
        path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
        whole = rows_of(read_whole(path))
        assert rows_of(read_whole(path.with_suffix(".zst"))) == whole
        assert rows_of(read_whole(path.with_suffix(".gz"))) == whole

    def test_of_two_lines_gives_each_message_once(self, path: Path, tmp_path: Path) -> None:
        payloads = [some.payload(number) for some in pcap.read(path) for number in range(len(some))]
        with pcap.PcapWriter(tmp_path / "both.pcap") as writer:
            for number, one in enumerate(payloads):
                # Either line loses every third segment, never the same.
                on = [line for line in (0, 1) if number % 3 != line]
                flows = (FLOWS[line] for line in on)
                writer.write(pcap.Datagrams.of([one] * len(on), TIME + number, *flows))
        reader = iex.read(tmp_path / "both.pcap")
        assert rows_of(EventBatch.concat(list(reader))) == rows_of(read_whole(path))
        assert (reader.stats.missing, reader.stats.duplicates) == (0, 200)

    def test_keeps_only_the_symbols_asked_for(self, path: Path) -> None:
        assert {row.symbol for row in rows_of(read_whole(path, symbols=["ZVZZT"]))} == {"ZVZZT"}
        with pytest.raises(CaptureError, match="does not have"):
            read_whole(path, symbols=["AAPL"])

    def test_of_a_truncated_capture_goes_up_to_there(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-1])
        reader = iex.read(path)
        assert sum(map(len, reader)) == 299 * 4
        assert reader.capture.is_torn

    def test_tells_the_bytes_consumed(self, path: Path) -> None:
        told: list[int] = []
        read_whole(path, progress=told.append)
        assert told[-1] == path.stat().st_size


class TestOtherFiles:
    def test_are_refused_with_what_was_expected(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("time,price\n" * 5000)
        with pytest.raises(CaptureError, match=r"notes\.txt is not a pcap or pcapng capture"):
            list(iex.read(tmp_path / "notes.txt"))
        with pcap.PcapWriter(tmp_path / "other.pcap") as writer:
            writer.write(datagrams([b"hello, world"] * 3))
        with pytest.raises(CaptureError, match="3 of its first 3 datagrams are not segments of IEX-TP"):
            list(iex.read(tmp_path / "other.pcap"))

    def test_that_are_not_there_raise_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="does not exist"):
            iex.read(tmp_path / "none")
