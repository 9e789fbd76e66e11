"""A segment yields every intact record and nothing else, whatever happened to the others."""

from __future__ import annotations

import random
import struct
import zlib
from itertools import accumulate
from pathlib import Path

import pytest

from hftlab.session.journal import Journal
from hftlab.session.journal_record import Record
from hftlab.session.segment import Hole, _places, read_segment
from tests.session.segments import ENDS, MAGIC, RECORDS, START, read, write


class TestVersion1:
    """Segments that an earlier hftlab has left are read, up to the first damage."""

    @pytest.fixture
    def data(self) -> bytes:
        bodies = [
            struct.pack("<Bq", 0, 7) + b"{}",
            struct.pack("<BqI", 0x81, 8, 3) + b"bob{}",
            struct.pack("<BqqI", 0xC1, 9, 5, 3) + b"bob{}",
        ]
        return b"HFTLABJ1" + b"".join(struct.pack("<II", len(one), zlib.crc32(one)) + one for one in bodies)

    def test_it_is_read(self, tmp_path: Path, data: bytes) -> None:
        wanted = [Record(0, 7, b"{}"), Record(1, 8, b"{}", "bob"), Record(1, 9, b"{}", "bob", 5)]
        assert read(tmp_path / "a.wal", data) == (wanted, 0)
        assert not read_segment(tmp_path / "a.wal").is_sealed
        assert read(tmp_path / "a.wal", data[:-1])[0] == wanted[:2]

    def test_it_never_passes_for_version_2(self, tmp_path: Path, data: bytes) -> None:
        assert read(tmp_path / "a.wal", b"HFTLABJ2" + data[8:])[0] == []


def test_a_torn_tail_keeps_every_whole_record_and_counts_the_rest(tmp_path: Path) -> None:
    """The file is cut after each of its bytes: only a cut between records leaves no trace but the missing seal."""
    data = write(tmp_path / "whole.wal", RECORDS)
    for cut in range(len(data)):
        whole = sum(end <= cut for end in ENDS) - 1
        good = ENDS[whole] if whole >= 0 else 0
        assert read(tmp_path / "torn.wal", data[:cut]) == (RECORDS[: max(0, whole)], cut - good)
        segment = read_segment(tmp_path / "torn.wal")
        assert not segment.is_sealed
        assert all(hole.is_torn for hole in segment.holes if cut > MAGIC)


def test_a_flipped_bit_costs_the_record_that_it_is_in(tmp_path: Path) -> None:
    """Every bit of the file is flipped: in the magic, lengths, checksums, bodies and the seal."""
    data = write(tmp_path / "whole.wal", RECORDS)
    for at in range(len(data)):
        hit = sum(end <= at for end in ENDS) - 1
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            records, lost = read(tmp_path / "flipped.wal", bytes(damaged))
            assert records == [record for place, record in enumerate(RECORDS) if place != hit]
            assert lost > 0
            assert not read_segment(tmp_path / "flipped.wal").is_sealed


def test_damage_of_several_records_costs_these(tmp_path: Path) -> None:
    """Random stretches are overwritten with random bytes, zeros among them; what they did not touch is found."""
    chance = random.Random(3)
    records = [Record(0, at, b'{"x":%d}' % chance.getrandbits(200), number=at) for at in range(200)]
    data = write(tmp_path / "whole.wal", records)
    ends = list(accumulate((25 + len(one.payload) for one in records), initial=MAGIC))
    for _ in range(200):
        damaged, hit = bytearray(data), set()
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(MAGIC, ends[-1])
            stop = min(ends[-1], start + chance.choice((1, 10, 100, 1000)))
            damaged[start:stop] = chance.choice((bytes(stop - start), chance.randbytes(stop - start)))
            hit |= {place for place in range(200) if ends[place] < stop and start < ends[place + 1]}
        found, _ = read(tmp_path / "damaged.wal", bytes(damaged))
        untouched = [one for place, one in enumerate(records) if place not in hit]
        # A byte that was written as it was does no damage.
        assert [one for one in found if one.number not in hit] == untouched
        assert all(one == records[one.number or 0] for one in found)


def test_a_record_within_a_payload_is_not_found(tmp_path: Path) -> None:
    """Somebody sends what looks like records, and the one around it is damaged."""
    inner = struct.pack("<Bqq", 0, 7, 7) + b"{}"
    fake = struct.pack("<II", len(inner), zlib.crc32(inner, START)) + inner
    records = [Record(4, 1, fake, number=0, reason="no message"), Record(0, 2, b"{}", number=1)]
    data = bytearray(write(tmp_path / "a.wal", records))
    data[MAGIC + 4] ^= 1
    assert read(tmp_path / "a.wal", bytes(data))[0] == records[1:]


def test_records_that_were_cut_out_between_two_others_break_the_seal(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wal", RECORDS)
    cut = data[: ENDS[1]] + data[ENDS[2] :]
    assert read(tmp_path / "a.wal", cut) == ([RECORDS[0], *RECORDS[2:]], 0)
    segment = read_segment(tmp_path / "a.wal")
    assert not segment.is_sealed
    assert segment.holes == [Hole(len(cut) - (len(data) - ENDS[-1]), 0)]


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 100, b"\x19\x00\x00\x00"], ids=["zeros", "ones", "short"])
def test_a_tail_that_was_never_written_is_not_read_as_records(tmp_path: Path, tail: bytes) -> None:
    """After a power failure a file can be longer than what reached it."""
    data = write(tmp_path / "whole.wal", RECORDS, sealed=False)
    assert read(tmp_path / "long.wal", data + tail) == (RECORDS, len(tail))
    assert read_segment(tmp_path / "long.wal").holes == [Hole(len(data), len(tail), is_torn=True)]


def test_a_whole_record_with_damage_at_the_end_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wal", RECORDS, sealed=False)
    assert read(tmp_path / "a.wal", data[:-1] + b"!")[0] == RECORDS[:-1]
    assert not read_segment(tmp_path / "a.wal").holes[0].is_torn


@pytest.mark.parametrize("length", [b"\x00\x00\x80\x00", b"\xff\xff\xff\xff"])
def test_a_last_record_with_a_damaged_length_is_not_torn(tmp_path: Path, length: bytes) -> None:
    """A crash leaves the beginning of a record, and this one is there to its end."""
    with Journal(tmp_path / "a.wal") as journal:
        journal.append(RECORDS[0])
        journal.commit()
        start = journal.path.stat().st_size
        journal.append(RECORDS[1])
        journal.commit()
        data = journal.path.read_bytes()
    journal.path.write_bytes(data[:start] + length + data[start + 4 :])
    (hole,) = read_segment(journal.path).holes
    assert hole == (start, len(data) - start, False)
    journal.path.write_bytes(data[:-1])
    (hole,) = read_segment(journal.path).holes
    assert hole == (start, len(data) - start - 1, True)


def test_a_segment_of_version_1_with_damage_is_not_torn(tmp_path: Path) -> None:
    """Nor is one of version 2 whose magic is damaged."""
    write(tmp_path / "a.wal", RECORDS)
    (tmp_path / "a.wal").write_bytes(b"HFTLABJ1" + (tmp_path / "a.wal").read_bytes()[8:])
    (hole,) = read_segment(tmp_path / "a.wal").holes
    assert not hole.is_torn


def test_garbage_is_passed_over_quickly(tmp_path: Path) -> None:
    """Few of its many zeros are followed by a number that can be one: else each would cost a checksum of megabytes."""
    garbage = random.Random(1).randbytes(1 << 20)
    places = list(_places(garbage, 0))
    assert len(places) < 4 < garbage.count(0) // 100


@pytest.mark.parametrize("data", [b"", b"HFT", b"PAR1 something else"])
def test_a_file_that_is_not_a_segment_has_no_records(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "foreign.wal", data) == ([], len(data))
