"""Lines of a table as rows, whatever editors, tapes and blocks do to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import LONGEST_LINE, Damage
from hftlab.venues.lobster.tables import Floats, Table, TableReader

MARKS = [b"", b" ", b"\t", b"\0\0", b"\xef\xbb\xbf", b"\x1a"]


def reader(text: bytes, *, chunk: int = 10, sizes: tuple[int, ...] = (), damaged: bool = False) -> TableReader:
    """A reader of the text in blocks of those sizes, the last one of the rest."""

    def blocks(_: object) -> Iterator[bytes]:
        at = 0
        for size in sizes:
            yield text[at : at + size]
            at += size
        yield text[at:]
        if damaged:
            raise Damage("is damaged")

    return TableReader(Table(Path("x.csv"), blocks), 2, chunk)


def rows_of(found: list[Floats]) -> list[list[float]]:
    return np.concatenate(found).tolist() if found else []


def until_error(tables: TableReader) -> tuple[list[list[float]], str]:
    found: list[Floats] = []
    with pytest.raises(CaptureError) as caught:
        found.extend(tables)
    return rows_of(found), str(caught.value)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(MARKS), st.sampled_from([b"", b"\r"])), max_size=12),
    st.lists(st.integers(0, 20), max_size=6).map(tuple),
    st.integers(1, 5),
)
def test_marks_blank_lines_and_blocks_do_not_matter(
    plan: list[tuple[bool, bytes, bytes]], sizes: tuple[int, ...], chunk: int
) -> None:
    """The rows are those of the lines that have numbers, by whole chunks, and each knows its line."""
    lines = [
        mark + (b"%d,7" % number if is_row else b"") + ending for number, (is_row, mark, ending) in enumerate(plan)
    ]
    tables = reader(b"\n".join(lines), chunk=chunk, sizes=sizes)
    found = list(tables)
    wanted = [number for number, (is_row, *_) in enumerate(plan) if is_row]
    assert rows_of(found) == [[number, 7] for number in wanted]
    assert all(len(table) == chunk for table in found[:-1])
    assert [tables.line_of(row) - 1 for row in range(len(wanted))] == wanted


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_bad_line_has_its_number_in_the_file(chunk: int) -> None:
    found, said = until_error(reader(b"\n1,2\n\n  \n3,4\n\nfive,6\n7,8\n", chunk=chunk))
    assert found == [[1, 2], [3, 4]]
    assert said.startswith("x.csv, line 7: has 'five,6', not 2 numbers")


def test_what_stands_between_the_digits_of_a_number_is_not_taken_away() -> None:
    for bad in (b"1 2,3", b"1\0002,3", b"1\xef\xbb\xbf2,3"):
        assert until_error(reader(b"1,2\n" + bad + b"\n"))[0] == [[1, 2]]


def test_damage_comes_after_every_whole_line() -> None:
    found, said = until_error(reader(b"1,2\n\n3,4\n5,", damaged=True))
    assert found == [[1, 2], [3, 4]]
    assert said == "x.csv, line 4: is damaged"


def test_what_has_no_newline_is_not_kept_for_ever() -> None:
    half = LONGEST_LINE // 2 + 1
    found, said = until_error(reader(b"1,2\n" + bytes(2 * half), sizes=(4, half)))
    assert found == [[1, 2]]
    assert "this is not a text file" in said
