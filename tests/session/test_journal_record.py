"""Records come back as they were, and have the documented bytes."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hftlab.session.journal_record import Record
from hftlab.session.segment import read_segment
from tests.session.segments import START, read, write

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
