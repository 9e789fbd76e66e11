"""Facts and counts as lines of text."""

from __future__ import annotations

import pytest

from hftlab.cli.counts import echo_counts, fact_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        ("exchange", "exchange"),
        ([1, 2, 3], "3"),
        ({"seed": 7, "rows": 1000}, "seed 7, rows 1,000"),
        ({"a_fact": {"deep": 1.5}, "absent": None, "none": {}}, "a fact deep 1.5"),
        (True, "yes"),
        (None, "unknown"),
        ("x" * 201, "x" * 200 + "..."),
    ],
)
def test_facts_are_short(value: object, text: str) -> None:
    assert fact_text(value) == text


def test_what_did_not_happen_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    echo_counts({"skipped_rows": 12, "gaps": 0, "unknown": {}})
    assert capsys.readouterr().out == "  skipped rows: 12\n"


@pytest.mark.parametrize("nonsense", [None, 7, "text", [1]])
def test_what_is_not_counts_has_none(nonsense: object, capsys: pytest.CaptureFixture[str]) -> None:
    echo_counts(nonsense)
    assert capsys.readouterr().out == ""
