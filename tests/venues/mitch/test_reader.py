from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest

import hftlab as hl
from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import ArgumentError, CaptureError
from hftlab.events import F_LAST, EventBatch
from hftlab.simulator import Exchange
from hftlab.venues import mitch, pcap
from tests.venues.mitch.streams import FLOWS, MIDNIGHT, EventWriter, datagrams, unit
from tests.venues.mitch.test_encoder import check_same, encoded, units_in

Framing = Literal["pcap", "units"]
FRAMINGS: list[Framing] = ["pcap", "units"]
EIGHT = 1_767_340_800 * NANOSECONDS  # 2026-01-02 08:00 in London
LEVELS = 1000


@pytest.fixture(scope="module")
def day() -> EventBatch:
    """Two thousand events of two stocks."""
    writer, random = EventWriter(), np.random.default_rng(3)
    for stock, price, size, kind in random.integers(0, [2, 200, 99, 8], (2000, 4)).tolist():
        writer.time += 1_000_000
        order = next(iter(writer.live)) if writer.live else 0
        if kind < 4 or not order:
            writer.add(stock, "BA"[kind % 2], 5_000_000 * (10_000 + (price if kind % 2 else -price)), size + 1)
        elif kind == 4:
            writer.execute(order, 1, writer.live[order][2])
        elif kind == 5:
            writer.modify(order, writer.live[order][2], size + 1)
        else:
            writer.take(order, writer.live[order][3])
    return writer.batch()


@pytest.fixture
def path(day: EventBatch, tmp_path: Path) -> Path:
    mitch.write(tmp_path / "day.pcap", day)
    return tmp_path / "day.pcap"


def read_whole(path: Path, **options: object) -> EventBatch:
    return EventBatch.concat(list(mitch.read(path, **options)))  # type: ignore[arg-type]


class TestReading:
    @pytest.mark.parametrize("framing", FRAMINGS)
    @pytest.mark.parametrize("chunk", [3, 100, 1 << 20])
    def test_gives_what_was_written(self, day: EventBatch, tmp_path: Path, chunk: int, framing: Framing) -> None:
        hl.venues.mitch.write(tmp_path / "day", day, framing=framing)
        reader = hl.venues.mitch.read(tmp_path / "day", chunk=chunk, date="2026-01-02")
        batches = list(reader)
        assert max(map(len, batches)) <= chunk
        assert all(batch.flags[-1] & F_LAST for batch in batches)
        but = ("sequence",) if framing == "pcap" else ("sequence", "ts_recv")
        check_same(EventBatch.concat(batches), day, but=but)
        assert (reader.capture is None) == (framing == "units")
        assert (reader.gaps, reader.truncated_bytes, reader.instruments) == ((), 0, day.instruments)

    def test_of_units_alone_has_no_receive_time(self, day: EventBatch, tmp_path: Path) -> None:
        mitch.write(tmp_path / "day", day, framing="units")
        batch = read_whole(tmp_path / "day", date=dt.date(2026, 1, 2))
        np.testing.assert_array_equal(batch.ts_recv, day.ts_event)
        np.testing.assert_array_equal(read_whole(tmp_path / "day").ts_event, day.ts_event - MIDNIGHT)

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_of_packed_files_equals_plain(self, day: EventBatch, tmp_path: Path, framing: Framing) -> None:
        mitch.write(tmp_path / "day", day, framing=framing)
        plain, whole = (tmp_path / "day").read_bytes(), read_whole(tmp_path / "day")
        with pa.CompressedOutputStream(str(tmp_path / "day.zst"), "zstd") as file:
            file.write(plain)
        (tmp_path / "day.gz").write_bytes(gzip.compress(plain))
        for name in ("day.zst", "day.gz"):
            check_same(read_whole(tmp_path / name), whole, but=())

    def test_of_two_lines_gives_each_message_once(self, day: EventBatch, tmp_path: Path) -> None:
        units = units_in(encoded(day))
        with pcap.PcapWriter(tmp_path / "both.pcap") as writer:
            for number, one in enumerate(units):
                # Either line loses every third unit, never the same.
                on = [line for line in (0, 1) if number % 3 != line]
                writer.write(pcap.Datagrams.of([one] * len(on), MIDNIGHT + number, *(FLOWS[line] for line in on)))
        reader = mitch.read(tmp_path / "both.pcap")
        check_same(EventBatch.concat(list(reader)), day, but=("sequence", "ts_recv"))
        assert (reader.stats.missing, reader.stats.duplicates > 100) == (0, True)

    def test_keeps_only_the_symbols_asked_for(self, path: Path, day: EventBatch) -> None:
        batch = read_whole(path, symbols=["BP."])
        assert len(batch) == np.count_nonzero(day.instrument_id == 0)
        assert [one.symbol for one in batch.instruments] == ["BP."]

    def test_tells_the_bytes_consumed(self, path: Path) -> None:
        told: list[int] = []
        read_whole(path, progress=told.append)
        assert told[-1] == path.stat().st_size

    @pytest.mark.parametrize("framing", FRAMINGS)
    @pytest.mark.parametrize("cut", [1, 3, 9])
    def test_of_a_truncated_file_goes_up_to_there(
        self, day: EventBatch, tmp_path: Path, framing: Framing, cut: int
    ) -> None:
        mitch.write(tmp_path / "day", day, framing=framing)
        (tmp_path / "day").write_bytes((tmp_path / "day").read_bytes()[:-cut])
        reader = mitch.read(tmp_path / "day")
        assert sum(map(len, reader)) == len(day)
        assert reader.truncated_bytes > 0

    def test_of_units_that_break_off_raises_after_what_is_whole(self, day: EventBatch, tmp_path: Path) -> None:
        mitch.write(tmp_path / "day", day, framing="units")
        whole = (tmp_path / "day").read_bytes()
        (tmp_path / "day").write_bytes(whole[:25_000] + whole[25_003:])
        reader, rows = mitch.read(tmp_path / "day"), 0
        with pytest.raises(CaptureError, match=r"day: the bytes from \d\d,\d\d\d on are not a unit of MITCH"):
            for batch in reader:
                rows += len(batch)
        assert rows > 200


class TestMessages:
    def test_are_those_of_the_file(self, path: Path, day: EventBatch) -> None:
        (tables,) = mitch.messages(path)
        assert tables["0x41"].height == np.count_nonzero(day.action == ord("A"))
        assert mitch.packet_bytes(tables) == units_in(encoded(day))


class TestOtherFiles:
    def test_are_refused_with_what_was_expected(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("time,price\n" * 5000)
        with pytest.raises(CaptureError, match=r"notes\.txt is neither a packet capture of LSE's MITCH nor a file of"):
            list(mitch.read(tmp_path / "notes.txt"))

    def test_captures_of_something_else_are_refused(self, tmp_path: Path) -> None:
        with pcap.PcapWriter(tmp_path / "other.pcap") as writer:
            writer.write(datagrams([b"hello, world"] * 3))
        with pytest.raises(CaptureError, match="3 of its first 3 datagrams are not units"):
            list(mitch.read(tmp_path / "other.pcap"))

    def test_that_are_not_there_raise_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="does not exist"):
            mitch.read(tmp_path / "none")

    @pytest.mark.parametrize("content", [b"", unit()])
    def test_without_messages_have_no_batch(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "empty").write_bytes(content)
        assert list(mitch.read(tmp_path / "empty")) == []

    def test_without_the_symbols_asked_for_are_refused(self, path: Path) -> None:
        with pytest.raises(CaptureError, match="does not have"):
            read_whole(path, symbols=["AZN"])


class TestWriting:
    def test_of_another_framing_raises(self, path: Path, day: EventBatch) -> None:
        with pytest.raises(ArgumentError, match="framing is 'tar': give one of pcap, units"):
            mitch.write(path, day, framing="tar")  # type: ignore[arg-type]

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_tells_what_it_wrote(self, tmp_path: Path, day: EventBatch, framing: Framing) -> None:
        written = mitch.write(tmp_path / "day", [day], framing=framing)
        assert written == ((tmp_path / "day").stat().st_size, 0)


def rebuilt_at(batches: Iterator[EventBatch], instants: list[int], symbols: list[str]) -> Iterator[list[object]]:
    """The books of a reader of the events, as they stand at each instant."""
    books, wanted = BookSet(), iter(instants)
    at = next(wanted)
    for batch in batches:
        done = 0
        while at < batch.ts_event[-1]:
            end = int(np.searchsorted(batch.ts_event, at, side="right"))
            books.apply(batch[done:end])
            done = end
            yield [(books[name].bids(LEVELS), books[name].asks(LEVELS)) for name in symbols]
            at = next(wanted, 2**63 - 1)
        books.apply(batch[done:])
    for _ in [at, *wanted] if at < 2**63 - 1 else []:
        yield [(books[name].bids(LEVELS), books[name].asks(LEVELS)) for name in symbols]


@pytest.mark.no_cover
@pytest.mark.parametrize("seconds", [60, pytest.param(30_600, marks=pytest.mark.soak)])
def test_units_of_a_day_give_the_venues_books_at_a_thousand_instants(seconds: int, tmp_path: Path) -> None:
    """Simulated events of London to units of MITCH, decoded again, into books: every level is the venue's."""
    symbols = ["BP.", "VOD", "AZN"]
    moments = np.random.default_rng(1).integers(0, seconds * 1_000_000, 1000)
    instants = [EIGHT + 1000 * int(moment) for moment in np.sort(moments)]
    source = Exchange(7, symbols, clock=Clock(EIGHT, paused=True))
    batches, truth, before = [], [], EIGHT
    for at in instants:
        batches += source.events((at - before) / NANOSECONDS)
        truth.append([(own.bids(LEVELS), own.asks(LEVELS)) for own in map(source.books.__getitem__, symbols)])
        before = at
    mitch.write(tmp_path / "day.pcap", batches)
    reader = mitch.read(tmp_path / "day.pcap", chunk=1 << 16)
    for at, rebuilt, own in zip(instants, rebuilt_at(reader, instants, symbols), truth, strict=True):
        assert rebuilt == own, at - EIGHT
    assert reader.instruments == source.instruments
    assert not reader.stats.unknown_orders
