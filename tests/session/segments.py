"""Segments of a journal with five records of all kinds, written and read."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

from hftlab.session.journal import Journal
from hftlab.session.journal_record import Record
from hftlab.session.segment import read_segment

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


def write(path: Path, records: list[Record], *, sealed: bool = True) -> bytes:
    """Write a segment; returns its bytes."""
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
    """Return the records, and how many bytes belong to none."""
    if data is not None:
        path.write_bytes(data)
    segment = read_segment(path)
    assert len(segment) == len(list(segment))
    return list(segment), segment.damaged_bytes
