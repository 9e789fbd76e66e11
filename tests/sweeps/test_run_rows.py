"""Rows of runs: what is in their keys, and how values of a grid are shown."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest import Latency
from hftlab.sweeps import run_rows
from hftlab.sweeps.run_rows import COLUMNS, Run, row_of
from hftlab.version import __version__


def run(values: dict[str, Any], **changes: Any) -> Run:
    return Run(
        "m:S", "code", "day", "/data/day", "hash", values, json.dumps(values, sort_keys=True, default=repr)
    )._replace(**changes)


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
    row = row_of(run(values, settings="{}"), {"pnl": 1.5, "fills": 3}, 0.1, None)
    texts = json.loads(row["values"])
    assert texts["f"] == "Latency(entry='5ms')"
    assert texts["g"] == "array([0, 1, 2])"
    assert "... #" in texts["i"]
    assert len(texts["i"]) < 140
    assert {name: texts[name] for name in "abcdehj"} == {name: values[name] for name in "abcdehj"}
    table = pl.DataFrame([row], schema=COLUMNS)
    assert table.select("pnl", "fills", "orders", "seconds").row(0) == (1.5, 3, None, 0.1)


def test_values_that_begin_alike_are_told_apart() -> None:
    pairs = [(np.arange(5000), np.arange(5000) % 4000), ([0] * 500, [*[0] * 500, 1])]
    for one, other in pairs:
        assert shown(one) == shown(one)
        assert shown(one) != shown(other)


def test_what_no_file_has_is_shown_as_python_writes_it() -> None:
    assert shown("half \ud800") == r"'half \ud800'"
    assert shown(2**70) == str(2**70)


class Model:
    def __init__(self, size: int) -> None:
        self.size = size


def test_where_an_object_is_in_memory_is_not_shown() -> None:
    """A sweep that goes on in another process has it elsewhere, and its rows are of one point all the same."""
    one, other = Model(3), Model(3)
    assert repr(one) != repr(other)
    assert shown(one) == shown(other)
    assert shown([one, {"a": one}]) == shown([other, {"a": other}])
    assert shown(one) != shown(Model(4))
    assert shown(shown).startswith("<function shown> #")
    assert shown(lambda: 1) != shown(lambda: 2)


def test_sets_are_shown_in_one_order() -> None:
    assert shown({"b", "a"}) == "{'a', 'b'}"
    assert shown((frozenset({"b", "a"}),)) == "(frozenset({'a', 'b'}),)"
    assert shown({"x": {2, 1}}) == "{'x': {1, 2}}"


@given(st.recursive(st.integers() | st.text(), lambda one: st.lists(one, max_size=3) | st.tuples(one), max_leaves=4))
def test_lists_and_tuples_are_shown_as_python_writes_them(value: Any) -> None:
    assert run_rows._text(value) == repr(value)


def shown(value: Any) -> Any:
    return json.loads(row_of(run({"a": value}, settings="{}"), {}, 0.1, None)["values"])["a"]


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False) | st.none()))
def test_a_key_is_the_hash_of_one_list(values: dict[str, Any]) -> None:
    """Rows that older versions have kept are found by it."""
    whole = json.dumps(["m:S", "code", __version__, "hash", values], sort_keys=True)
    assert run(values).key == hashlib.sha256(whole.encode()).hexdigest()[:32]
