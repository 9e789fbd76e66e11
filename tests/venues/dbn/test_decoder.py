from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hftlab.book import BookSet
from hftlab.events import F_LAST, F_MBP
from hftlab.instruments import UNIT
from hftlab.venues import dbn
from tests.venues.dbn.files import (
    ES,
    bbo,
    mbp,
    metadata,
    rows_of,
    whole,
    write_csv,
    write_dbn,
)

EMPTY: Any = ([], [])
FIRST = ([(4500.25, 3), (4500.0, 2)], [(4500.75, 5)])
SECOND = ([(4500.25, 4)], [(4500.5, 1), (4500.75, 5)])


@pytest.mark.parametrize("form", ["dbn", "csv"])
def test_rows_are_what_differs_from_the_record_before(tmp_path: Path, form: str) -> None:
    records = [
        mbp(10, "A", "B", 4500.25, 3, FIRST, 1),
        mbp(10, "T", "B", 4500.75, 1, FIRST, 2, flags=0),
        mbp(10, "A", "A", 4500.5, 1, SECOND, 2),
        mbp(10, "A", "A", 4500.5, 1, SECOND, 3),
        mbp(10, "R", "N", 0.0, 0, EMPTY, 4),
    ]
    head = metadata("mbp-10")
    path = tmp_path / f"a.{form}"
    if form == "csv":
        write_csv(path, *records, pretty=True, head=head)
    else:
        write_dbn(path, *records, head=head)
    batch = whole(path, chunk=2)
    assert rows_of(batch) == [
        ("M", "B", 4500.0, 2, F_MBP),
        ("M", "B", 4500.25, 3, F_MBP),
        ("M", "A", 4500.75, 5, F_MBP | F_LAST),
        ("T", "B", 4500.75, 1, 0),
        ("C", "B", 4500.0, 0, F_MBP),
        ("M", "B", 4500.25, 4, F_MBP),
        ("M", "A", 4500.5, 1, F_MBP | F_LAST),
        ("N", "N", 0.0, 0, F_MBP | F_LAST),
        ("C", "B", 4500.25, 0, F_MBP),
        ("C", "A", 4500.5, 0, F_MBP),
        ("C", "A", 4500.75, 0, F_MBP | F_LAST),
    ]


def test_each_instrument_is_compared_with_itself(tmp_path: Path) -> None:
    other = ([(10.0, 1)], [])
    records = [
        mbp(1, "A", "B", 4500.25, 3, FIRST, 1),
        mbp(1, "A", "B", 10.0, 1, other, 2, number=9),
        mbp(1, "A", "B", 4500.25, 4, SECOND, 3),
        mbp(1, "A", "B", 10.0, 1, other, 4, number=9),
    ]
    path = write_dbn(tmp_path / "a.dbn", *records, head=metadata("mbp-1", ESH4=ES, NQH4=9))
    books = BookSet()
    for batch in dbn.read(path, chunk=1):
        books.apply(batch)
    assert books["ESH4"].best() == ((4500.25, 4.0, 0), (4500.5, 1.0, 0))
    assert books["NQH4"].best() == ((10.0, 1.0, 0), None)
    assert {instrument.symbol: instrument.tick / UNIT for instrument in batch.instruments} == {
        "NQH4": 10.0,
        "ESH4": 0.25,
    }


def test_tbbo_is_the_best_before_each_trade(tmp_path: Path) -> None:
    records = [mbp(1, "T", "A", 4500.25, 1, FIRST, at, flags=0) for at in (1, 2)]
    rows = rows_of(whole(write_dbn(tmp_path / "a.dbn", *records, head=metadata("tbbo"))))
    assert [row[0] for row in rows] == ["M", "M", "T", "T"]
    assert [row[-1] & F_LAST for row in rows] == [0, 0, F_LAST, F_LAST]


def test_bbo_has_no_trades(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", bbo(FIRST, 1), bbo(FIRST, 2), bbo(EMPTY, 3), head=metadata("bbo-1s"))
    assert [row[0] for row in rows_of(whole(path))] == ["M", "M", "N", "C", "C"]
