"""Rows of runs: what is in their keys, and how values of a grid are shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl

from hftlab.backtest import Latency
from hftlab.sweeps.run_rows import COLUMNS, Run, row_of


def run(values: dict[str, Any], **changes: Any) -> Run:
    return Run("m:S", "code", "day", "/data/day", "hash", values, values)._replace(**changes)


def test_a_case_is_what_was_asked_for_and_a_key_what_it_was_asked_of() -> None:
    one = run({"size": 1})
    for changed in (run({"size": 1}, code="other"), run({"size": 1}, manifest="other")):
        assert changed.case == one.case
        assert changed.key != one.key
    assert run({"size": 2}).case != one.case
    moved = run({"size": 1}, path="/elsewhere/day", session="other")
    assert (moved.key, moved.case == one.case) == (one.key, False)


def test_values_are_numbers_and_texts() -> None:
    values = {
        "a": 1, "b": 0.5, "c": True, "d": None, "e": "x", "f": Latency(entry="5ms"), "g": np.arange(3), "h": "y" * 300,
        "i": list(range(200)), "j": float("inf"),
    }  # fmt: skip
    row = row_of(run(values, settings={}), {"pnl": 1.5, "fills": 3}, 0.1, None)
    shown = json.loads(row["values"])
    assert shown["f"] == "Latency(entry='5ms')"
    assert shown["g"] == "array([0, 1, 2])"
    assert shown["i"].endswith("...")
    assert len(shown["i"]) < 130
    assert {name: shown[name] for name in "abcdehj"} == {name: values[name] for name in "abcdehj"}
    table = pl.DataFrame([row], schema=COLUMNS)
    assert table.select("pnl", "fills", "orders", "seconds").row(0) == (1.5, 3, None, 0.1)
