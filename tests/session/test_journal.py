"""A journal yields every intact record and nothing else, whatever happened to the others."""

from __future__ import annotations

import errno
import os
import random
import struct
import tempfile
import zlib
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.session.journal import LONGEST, Hole, Journal, Record, _places, read_segment

MAGIC = 8
START = 0x32545048
RECORDS = [
    Record(0, 1, b'{"a":1}', number=0),
    Record(5, -1, b"", number=1),
    Record(1, 8, b"{}", "alicé", number=2),
    Record(4, 2**63 - 1, b"x" * 40, number=3),
    Record(4, 7, b"\x00\n", number=4, reason="rubbish"),
]
EXTRAS = [0, 0, 4 + len("alicé".encode()), 0, 4 + len("rubbish")]
SIZES = [7, 0, 2, 40, len("AAo=")]
ENDS = list(accumulate((8 + 17 + more + size for more, size in zip(EXTRAS, SIZES, strict=True)), initial=MAGIC))
"""Where each record ends: a header of 8 bytes, table, number and time in 17, account or reason, the payload."""

NANOSECONDS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
record_lists = st.lists(
    st.builds(
        Record,
        st.integers(0, 14),
        NANOSECONDS,
        st.binary(),
        TEXTS,
        st.none() | NANOSECONDS,
        st.integers(0, 2**63 - 1),
        TEXTS,
    )
)


def write(path: Path, records: list[Record], *, sealed: bool = True) -> bytes:
    journal = Journal(path)
    for record in records:
        journal.append(record)
    if sealed:
        journal.close()
    else:
        journal.commit()
        journal.abandon()
    return path.read_bytes()


def read(path: Path, data: bytes | None = None) -> tuple[list[Record], int]:
    """The records, and how many bytes belong to none."""
    if data is not None:
        path.write_bytes(data)
    segment = read_segment(path)
    assert len(segment) == len(list(segment))
    return list(segment), segment.damaged_bytes


@given(record_lists)
def test_what_was_appended_is_read(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wal"
        write(path, records)
        assert read(path) == (records, 0)
        assert read_segment(path).is_sealed


def test_records_have_the_documented_bytes(tmp_path: Path) -> None:
    bodies = [
        struct.pack("<Bqq", 1, 5, 7) + b"{}",
        struct.pack("<BqqqI", 0x80 + 0x40 + 1, 6, 7, 9, 3) + b"bob{}",
        struct.pack("<BqqI", 0x20 + 0x10 + 4, 7, 7, 2) + b"noAA==",
    ]
    headers = [struct.pack("<II", len(one), zlib.crc32(one, START)) for one in bodies]
    body = b"".join(header + one for header, one in zip(headers, bodies, strict=True))
    seal = struct.pack("<Bqq", 15, 0, 0) + b'{"records":3,"crc32":%d}' % zlib.crc32(b"".join(headers))
    records = [
        Record(1, 7, b"{}", number=5),
        Record(1, 7, b"{}", "bob", 9, 6),
        Record(4, 7, b"\0", number=7, reason="no"),
    ]
    assert write(tmp_path / "a.wal", records) == b"HFTLABJ2" + body + (
        struct.pack("<II", len(seal), zlib.crc32(seal, START)) + seal
    )


def test_an_account_without_a_name_is_not_the_absence_of_one(tmp_path: Path) -> None:
    records = [Record(1, 7, b"{}", "", number=1), Record(1, 7, b"{}", number=2)]
    write(tmp_path / "a.wal", records)
    assert read(tmp_path / "a.wal") == (records, 0)


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


def test_only_what_is_committed_is_in_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.wal")
    journal.append(RECORDS[0])
    assert journal.is_empty
    assert read(journal.path) == ([], 0)
    journal.commit()
    assert not journal.is_empty
    assert read(journal.path) == (RECORDS[:1], 0)
    journal.append(RECORDS[1])
    journal.commit()
    journal.commit()
    assert read(journal.path) == (RECORDS[:2], 0)
    assert journal.size == journal.path.stat().st_size
    journal.close()
    assert read(journal.path) == (RECORDS[:2], 0)


def test_a_segment_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """The old segment may be all that is left of a recording."""
    write(tmp_path / "a.wal", RECORDS)
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "a.wal")
    assert read(tmp_path / "a.wal") == (RECORDS, 0)


def test_a_record_that_is_too_long_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wal") as journal:
        with pytest.raises(ValueError, match=r"16,777,216 bytes cannot be recorded: at most 16 MiB"):
            journal.append(Record(0, 1, b"x" * (LONGEST + 1), number=0))
        journal.append(RECORDS[0])
    assert read(journal.path) == (RECORDS[:1], 0)


class TestFailure:
    """A commit that failed says so until its records are in another segment."""

    @pytest.fixture
    def failed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
        """Journal whose second commit has written some of its bytes."""
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.commit()
        journal.append(RECORDS[1])
        journal.append(RECORDS[2])

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("hftlab.session.journal._sync", full)
        with pytest.raises(OSError, match="No space left"):
            journal.commit()
        monkeypatch.undo()
        return journal

    def test_further_commits_fail_though_the_disk_is_well_again(self, failed: Journal) -> None:
        """The system forgets after the first fsync that failed: a second one would lie."""
        for _ in range(2):
            with pytest.raises(OSError, match="No space left") as caught:
                failed.commit()
            assert caught.value.errno == errno.ENOSPC
        failed.abandon()

    def test_what_was_not_committed_goes_on_in_another_segment(self, failed: Journal, tmp_path: Path) -> None:
        journal = failed.continued(tmp_path / "b.wal")
        journal.append(RECORDS[3])
        journal.close()
        assert read(tmp_path / "a.wal") == (RECORDS[:1], 0)
        assert read(tmp_path / "b.wal") == (RECORDS[1:4], 0)
        assert read_segment(tmp_path / "b.wal").is_sealed

    def test_that_may_be_the_first_commit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        monkeypatch.setattr("hftlab.session.journal.os.write", lambda *_: (_ for _ in ()).throw(OSError(5, "broken")))
        with pytest.raises(OSError, match="broken"):
            journal.commit()
        monkeypatch.undo()
        journal.continued(tmp_path / "b.wal").close()
        assert read(tmp_path / "b.wal") == (RECORDS[:1], 0)
        assert read_segment(tmp_path / "b.wal").is_sealed

    def test_records_may_be_added_after_it(self, failed: Journal, tmp_path: Path) -> None:
        """Whoever adds them may not have been told yet."""
        failed.append(RECORDS[3])
        failed.continued(tmp_path / "b.wal").close()
        assert read(tmp_path / "b.wal") == (RECORDS[1:4], 0)

    def test_a_write_that_fails_half_way_leaves_the_records_as_they_are(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What has reached the file is cut off, and a seal that did not get there is no damage."""
        write, calls = os.write, 0

        def half(descriptor: int, data: memoryview) -> int:
            nonlocal calls
            calls += 1
            if calls % 2:
                return write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.commit()
        monkeypatch.setattr("hftlab.session.journal.os.write", half)
        with pytest.raises(OSError, match="No space left"):
            journal.close()
        assert read(journal.path) == (RECORDS[:1], 0)
        monkeypatch.undo()
        other = Journal(tmp_path / "b.wal")
        other.append(RECORDS[0])
        monkeypatch.setattr("hftlab.session.journal.os.write", half)
        with pytest.raises(OSError, match="No space left"):
            other.commit()
        monkeypatch.undo()
        other.append(RECORDS[1])
        other.continued(tmp_path / "c.wal").close()
        assert (other.path.read_bytes(), read(tmp_path / "c.wal")) == (b"", (RECORDS[:2], 0))

    def test_a_file_that_was_deleted_does_not_count_as_written(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.path.unlink()
        with pytest.raises(FileNotFoundError, match="was deleted while it was written"):
            journal.commit()
        journal.abandon()
