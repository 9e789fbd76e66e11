"""Differences say where they are, and show both values in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hftlab.backtest.differences import FactDifference, RowDifference, moment
from tests.backtest.made_run import START

MOMENT = "2026-01-02 14:30:00.000000000 UTC"


def test_a_fact_has_both_values() -> None:
    assert str(FactDifference("latency.entry", 5, "absent")) == "latency.entry: 5, and 'absent'"
    assert str(FactDifference("end (2)", START, "absent")) == f"end (2): {MOMENT}, and 'absent'"


@pytest.mark.parametrize(
    ("column", "a", "b", "said"),
    [
        ("price", Decimal("100.250000000"), Decimal("1E+2"), "`price` is 100.25, and 100"),
        ("reason", None, "late", "`reason` is None, and 'late'"),
        ("arrived", START, START + 1, f"`arrived` is {MOMENT}, and {MOMENT[:-5]}1 UTC"),
        ("ended", None, START, f"`ended` is None, and {MOMENT}"),
        ("rows", 12_000, 1, "one of them ends, with 12,000 rows, and 1"),
    ],
)
def test_a_row_has_its_time_and_both_values(column: str, a: object, b: object, said: str) -> None:
    assert str(RowDifference("orders", 1_000, START, column, a, b)) == f"orders, row 1,000, {MOMENT}: {said}"


def test_a_moment_has_its_nanoseconds() -> None:
    assert moment(START + 123_456_789) == "2026-01-02 14:30:00.123456789 UTC"
