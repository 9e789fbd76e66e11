"""Two results are compared by their facts, then by the earliest row in which they differ."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.comparison import compare
from hftlab.backtest.result import Result
from hftlab.errors import ArgumentError, ResultNotFound
from tests.backtest.made_run import SECOND, START, facts, fill, made_result, order, quote, random_run


def test_equal_results_are_false(tmp_path: Path) -> None:
    one, other = (made_result(**random_run(7)) for _ in range(2))
    found = compare(one, other)
    assert not found
    assert (found.facts, found.first, str(found)) == ((), None, "the results are equal")
    assert "equal" in found._repr_html_()
    assert not compare(one.save(tmp_path / "one"), str(other.save(tmp_path / "other")))


def test_facts_come_first_and_are_named() -> None:
    one = made_result(about=facts(code="a" * 64, latency={"entry": 5, "feed": 1}, parameters={"width": 2}))
    other = made_result(about=facts(code="b" * 64, latency={"entry": 6}, parameters={"width": 2}))
    found = compare(one, other)
    assert [item.name for item in found.facts] == ["code", "latency.entry", "latency.feed"]
    assert found.first is None
    assert str(found).splitlines()[1:] == [
        "fact latency.entry: 5, and 6",
        "fact latency.feed: 1, and 'absent'",
        "the tables are equal",
    ]
    assert "latency.entry" in found._repr_html_()


def test_facts_that_may_differ_are_left_out() -> None:
    one = made_result(about=facts(versions={"polars": "1", "numpy": "2"}, latency={"entry": 5}))
    other = made_result(about=facts(versions={"polars": "2", "numpy": "2"}, latency={"entry": 6}))
    assert not compare(one, other, ignore=["versions", "latency.entry"])
    assert [item.name for item in compare(one, other, ignore="latency").facts] == ["versions.polars"]
    with pytest.raises(ArgumentError, match=r"no fact or table 'version' \(nearest: 'versions'\)"):
        compare(one, other, ignore="version")


def test_where_a_session_lies_counts_only_without_its_manifest() -> None:
    def at(path: str, manifest: str) -> Result:
        return made_result(about=facts(path=path, manifest=manifest))

    assert not compare(at("/a", "m"), at("/b", "m"))
    assert [one.name for one in compare(at("/a", ""), at("/b", "")).facts] == ["path"]
    assert [one.name for one in compare(at("/a", "m"), at("/a", "n")).facts] == ["manifest"]


def test_many_facts_are_counted() -> None:
    one, other = (made_result(about=facts(parameters={f"p{n}": value for n in range(12)})) for value in (1, 2))
    assert "and 4 more facts" in str(compare(one, other))


class TestRows:
    def result(self, **changes: Any) -> Result:
        orders = [order("a", "BUY", 100, 10, 1), order("b", "SELL", 101, 5, 4)]
        fills = [fill("a", "BUY", 100, 10, 2), fill("b", "SELL", changes.pop("price", 101), 5, 5)]
        orders[1] |= changes
        return made_result(orders, fills[: changes.pop("fills", 2)], [quote(0, 99, 101)])

    def test_the_first_row_has_its_time_and_values(self) -> None:
        found = compare(self.result(), self.result(price=102))
        assert found.facts == ()
        first = found.first
        assert first is not None
        assert (first.table, first.row, first.at) == ("fills", 1, START + 5 * SECOND)
        assert (first.column, first.a, first.b) == ("price", 101, 102)
        assert (
            str(found) == "first difference: fills, row 1, 2026-01-02 14:30:05.000000000 UTC: `price` is 101, and 102"
        )
        assert "price" in found._repr_html_()

    def test_the_earliest_counts_whatever_its_table(self) -> None:
        first = compare(self.result(price=102), self.result(price=101, reason="late")).first
        assert first is not None
        assert (first.table, first.column, first.a, first.b) == ("orders", "reason", None, "late")
        ignored = compare(self.result(price=102), self.result(price=101, reason="late"), ignore="orders").first
        assert ignored is not None
        assert ignored.table == "fills"

    def test_a_table_that_ends_is_said(self) -> None:
        fewer = made_result(
            [order("a", "BUY", 100, 10, 1), order("b", "SELL", 101, 5, 4)],
            [fill("a", "BUY", 100, 10, 2)],
            [quote(0, 99, 101)],
        )
        first = compare(self.result(), fewer).first
        assert first is not None
        assert (first.table, first.column, first.a, first.b) == ("fills", "rows", 2, 1)
        assert str(first) == "fills, row 1, 2026-01-02 14:30:05.000000000 UTC: one of them ends, with 2 rows, and 1"

    @given(seed=st.integers(0, 10**5), data=st.data())
    def test_a_change_is_found_where_it_was_made(self, seed: int, data: st.DataObject) -> None:
        run, other = random_run(seed, fills=8, quotes=20), random_run(seed, fills=8, quotes=20)
        place = data.draw(st.integers(0, 7))
        other["fills"][place]["price"] += 1
        first = compare(made_result(**run), made_result(**other)).first
        assert first is not None
        assert (first.table, first.row, first.at, first.column) == ("fills", place, run["fills"][place]["at"], "price")
        assert first.b - first.a == Decimal("1e-9")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultNotFound):
        compare(made_result(), tmp_path)


def test_results_of_several_sessions_name_the_session() -> None:
    days = [made_result(about=facts(session=name, seed=seed)) for name, seed in (("one", 1), ("two", 2))]
    others = [made_result(about=facts(session=name, seed=seed)) for name, seed in (("one", 1), ("two", 3))]
    found = compare(Result.joined(days), Result.joined(others))
    assert [(one.name, one.a, one.b) for one in found.facts] == [("seed (2)", 2, 3)]
    assert not compare(Result.joined(days), Result.joined(others), ignore="seed")
