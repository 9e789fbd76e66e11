"""The base of line-by-line readers, by a venue whose lines are a price and a size."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.events import BID, F_MBP, MODIFY
from hftlab.venues.capture_file import bad_line
from hftlab.venues.level_batch_builder import EventHead
from hftlab.venues.line_reader import LineReader
from tests.batches import COIN


class Plain(LineReader):
    def __init__(self, path: Path, chunk: int = 100) -> None:
        super().__init__(path, None, chunk)
        self._rows.add_instrument(COIN)

    def _take_line(self, number: int, line: bytes) -> None:
        if b" " not in line:
            raise bad_line(self.path, number, "has no size")
        price, size = line.decode().split()
        self._rows.add(EventHead(number, number, number, number), MODIFY, BID, F_MBP, [(price, size)])
        self._rows.end(number)

    def _check_end(self) -> None:
        raise CaptureError("the end was reached", path=self.path)


def lines_of(batches: Plain, expected: str) -> list[list[int]]:
    """The lines in each batch, up to the error that the text is of."""
    found = []
    with pytest.raises(CaptureError, match=expected):
        for batch in batches:
            found.append(batch.sequence.tolist())
    return found


def test_batches_have_about_as_many_rows_as_asked_for(path: Path) -> None:
    path = path.with_suffix("")
    path.write_text("1 1\n" * 5)
    assert lines_of(Plain(path, chunk=2), "the end was reached") == [[1, 2], [3, 4], [5]]


def test_what_is_whole_comes_before_the_error(path: Path) -> None:
    path = path.with_suffix("")
    path.write_text("1 1\n2 2\n3\n4 4\n")
    assert lines_of(Plain(path), "line 3: has no size") == [[1, 2]]


def test_a_number_off_the_tick_is_an_error_of_its_line(path: Path) -> None:
    path = path.with_suffix("")
    path.write_text("1 1\n1.005 1\n")
    assert lines_of(Plain(path), "line 2: has the price '1.005', not a multiple of the tick of COIN") == [[1]]


def test_a_chunk_has_rows(path: Path) -> None:
    with pytest.raises(ValueError, match="chunk must be 1 or more rows, got 0"):
        Plain(path, chunk=0)
