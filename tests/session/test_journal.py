"""A journal yields every intact record before the first damage, and nothing else."""

from __future__ import annotations

import struct
import tempfile
import zlib
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.session.journal import Journal, Record, read_segment

MAGIC = 8
RECORDS = [
    Record(0, 1, b'{"a":1}'),
    Record(5, -1, b""),
    Record(1, 8, b"{}", "alicé"),
    Record(4, 2**63 - 1, b"x" * 40),
    Record(1, 7, b"\x00\n"),
]
LENGTHS = [
    8 + 9 + len(record.payload) + (record.account is not None) * (4 + len("alicé".encode())) for record in RECORDS
]
ENDS = list(accumulate(LENGTHS, initial=MAGIC))
"""Where each record ends in the file: a header of 8 bytes, table and time in 9, the account, the payload."""

NANOSECONDS = st.integers(-(2**63), 2**63 - 1)
record_lists = st.lists(
    st.builds(
        Record,
        st.integers(0, 31),
        NANOSECONDS,
        st.binary(),
        st.none() | st.text(),
        st.none() | NANOSECONDS,
        st.none() | st.text(),
    )
)


def write(path: Path, records: list[Record]) -> bytes:
    with Journal(path) as journal:
        for record in records:
            journal.append(record)
    return path.read_bytes()


def read(path: Path, data: bytes | None = None) -> tuple[list[Record], int]:
    if data is not None:
        path.write_bytes(data)
    records, damaged = read_segment(path)
    return list(records), damaged


@given(record_lists)
def test_what_was_appended_is_read(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wal"
        write(path, records)
        assert read(path) == (records, 0)


def test_records_have_the_documented_bytes(tmp_path: Path) -> None:
    """A record without an account is what hftlab 0.1.0 wrote; one with an account has the flag and the account."""
    bodies = [
        b"\x01" + (7).to_bytes(8, "little") + b"{}",
        b"\x81" + (7).to_bytes(8, "little") + b"\x03\x00\x00\x00bob{}",
    ]
    written = write(tmp_path / "a.wal", [Record(1, 7, b"{}"), Record(1, 7, b"{}", "bob")])
    header = struct.Struct("<II")
    assert written == b"HFTLABJ1" + b"".join(header.pack(len(body), zlib.crc32(body)) + body for body in bodies)


def test_an_account_without_a_name_is_not_the_absence_of_one(tmp_path: Path) -> None:
    records = [Record(1, 7, b"{}", ""), Record(1, 7, b"{}")]
    write(tmp_path / "a.wal", records)
    assert read(tmp_path / "a.wal") == (records, 0)


def test_a_torn_tail_keeps_every_whole_record_and_counts_the_rest(tmp_path: Path) -> None:
    """The file is cut after each of its bytes."""
    data = write(tmp_path / "whole.wal", RECORDS)
    assert len(data) == ENDS[-1]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ENDS) - 1
        good = ENDS[whole] if whole >= 0 else 0
        assert read(tmp_path / "torn.wal", data[:cut]) == (RECORDS[: max(0, whole)], cut - good)


def test_a_clock_stands_before_the_account(tmp_path: Path) -> None:
    """Records of hftlab 0.1.0 have none, and those that need none are still written so."""
    data = write(tmp_path / "a.wal", [Record(1, 8, b"{}", "a", 7)])
    assert data[MAGIC + 8 :] == struct.pack("<BqqI", 1 + 128 + 64, 8, 7, 1) + b"a{}"


def test_a_reason_stands_before_the_payload(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wal", [Record(4, 8, b"{", reason="no")])
    assert data[MAGIC + 8 :] == struct.pack("<BqI", 4 + 32, 8, 2) + b"no{"


def test_a_flipped_bit_stops_at_its_record(tmp_path: Path) -> None:
    """Every bit of the file is flipped: in lengths, checksums, bodies and the magic."""
    data = write(tmp_path / "whole.wal", RECORDS)
    for at in range(len(data)):
        whole = sum(end <= at for end in ENDS) - 1
        good = ENDS[whole] if whole >= 0 else 0
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            assert read(tmp_path / "flipped.wal", damaged) == (RECORDS[: max(0, whole)], len(data) - good)


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 100, b"\x09\x00\x00\x00"], ids=["zeros", "ones", "short"])
def test_a_tail_that_was_never_written_is_not_read_as_records(tmp_path: Path, tail: bytes) -> None:
    """After a power failure a file can be longer than what reached it."""
    data = write(tmp_path / "whole.wal", RECORDS)
    assert read(tmp_path / "long.wal", data + tail) == (RECORDS, len(tail))


@pytest.mark.parametrize("data", [b"", b"HFT", b"PAR1 something else"])
def test_a_file_that_is_not_a_segment_has_no_records(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "foreign.wal", data) == ([], len(data))


def test_only_what_is_committed_is_in_the_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wal") as journal:
        journal.append(RECORDS[0])
        assert read(journal.path) == ([], 0)
        journal.commit()
        assert read(journal.path) == (RECORDS[:1], 0)
        journal.append(RECORDS[1])
        journal.commit()
        journal.commit()
        assert read(journal.path) == (RECORDS[:2], 0)
        assert journal.size == journal.path.stat().st_size


def test_closing_commits(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.wal")
    journal.append(RECORDS[0])
    journal.close()
    assert read(journal.path) == (RECORDS[:1], 0)


def test_a_segment_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """The old segment may be all that is left of a recording."""
    write(tmp_path / "a.wal", RECORDS)
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "a.wal")
    assert read(tmp_path / "a.wal") == (RECORDS, 0)
