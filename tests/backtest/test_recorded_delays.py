from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError, ArgumentTypeError

START = 1_767_364_200 * 10**9
ROWS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=12)


def slow(rows: list[tuple[int, int]], at: int) -> Fraction:
    """The line through the rows before and behind a time, exactly."""
    before = [row for row in rows if row[0] <= at]
    behind = [row for row in rows if row[0] > at]
    if not before or not behind:
        return Fraction((before[-1] if before else rows[0])[1])
    (left, low), (right, high) = before[-1], behind[0]
    return low + Fraction((high - low) * (at - left), right - left)


@given(ROWS, st.lists(st.integers(-(10**9), 13 * 10**9), max_size=20))
def test_is_the_line_through_the_rows(steps: list[tuple[int, int]], times: list[int]) -> None:
    at = (np.cumsum([step for step, _ in steps]) + START).tolist()
    rows = list(zip(at, [delay for _, delay in steps], strict=True))
    model = Recorded(at, [delay for _, delay in rows])
    wanted = [START + time for time in times] + at
    for time, delay in zip(wanted, model.draws(np.array(wanted)).tolist(), strict=True):
        assert abs(delay - slow(rows, time)) <= Fraction(1, 2) + Fraction(1, 1000)
        assert model.draw(time) == delay


def test_of_rows_of_one_time_the_last_counts() -> None:
    model = Recorded([START, START + 10, START + 10, START + 20], [100, 200, 400, 500])
    assert model.draws(np.array([START + 5, START + 10, START + 15])).tolist() == [150, 400, 450]


class TestRows:
    EXPECTED = Recorded([START, START + 10**9], [1_000_000, 2_000_000])

    def test_of_frames(self) -> None:
        frame = pl.DataFrame({"at": self.EXPECTED.at, "latency": self.EXPECTED.latency, "more": ["a", "b"]})
        assert Recorded(frame) == Recorded(frame.lazy()) == self.EXPECTED

    def test_of_datetimes_and_durations(self) -> None:
        first = datetime.fromtimestamp(START // 10**9, UTC)
        frame = pl.DataFrame(
            {
                "at": [first, first + timedelta(seconds=1)],
                "latency": [timedelta(milliseconds=1), timedelta(milliseconds=2)],
            }
        )
        assert Recorded(frame) == self.EXPECTED

    def test_of_pandas(self) -> None:
        pandas = pytest.importorskip("pandas")
        assert Recorded(pandas.DataFrame({"at": self.EXPECTED.at, "latency": [1e6, 2e6]})) == self.EXPECTED

    def test_are_kept_as_they_were(self) -> None:
        at, latency = np.array([START]), np.array([5])
        model = Recorded(at, latency)
        at[0] = latency[0] = 0
        assert (model.at.tolist(), model.latency.tolist()) == ([START], [5])
        with pytest.raises(ValueError, match="read-only"):
            model.latency[0] = 1

    @given(ROWS)
    def test_are_in_the_dict(self, steps: list[tuple[int, int]]) -> None:
        model = Recorded(np.cumsum([step for step, _ in steps]) + START, [delay for _, delay in steps])
        values = json.loads(json.dumps(model.to_dict()))
        assert values["rows"] == len(steps)
        again = Recorded.from_text(values["rows"], values["data"])
        assert again == model
        assert again != Recorded([START], [10**10])
        assert model != "a text"

    def test_are_counted_in_the_repr(self) -> None:
        assert repr(self.EXPECTED) == "<Recorded 2 rows, median 1.5ms>"
        assert repr(Recorded([START], [0])) == "<Recorded 1 row, median 0>"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([], []), "have no row"),
        (([START], [1, 2]), "have 1 times and 2 delays"),
        (([START + 1, START], [1, 2]), f"go back in row 1, from {START + 1} to {START}: sort"),
        (([START, START], [1, -2]), "1 recorded latencies are not from 0 to a day, first -2 ns in row 1: below 0 the"),
        (([START], [10**14]), f"first {10**14} ns in row 0"),
        (([float(START)], [1]), "got values of float64"),
        (([START], [float("nan")]), "got values of float64"),
        (([START], ["1ms"]), "got values of <U3"),
        (([[START]], [[1]]), "are columns; got an array of 2 dimensions"),
        ((np.array(["2024-01-01", "NaT"], "M8[ns]"), [1, 2]), "a row without a time"),
        ((pl.DataFrame({"time": [START], "latency": [1]}),), "no column 'at', only time, latency: name the columns"),
        ((pl.DataFrame({"at": [START, None], "latency": [1, 2]}),), "none is missing; got values of float64"),
    ],
)
def test_rows_that_are_not_delays(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        Recorded(*arguments)


def test_one_list_is_not_a_frame() -> None:
    with pytest.raises(ArgumentTypeError, match="a frame with the columns 'at' and 'latency', or two arrays"):
        Recorded([1, 2, 3])
