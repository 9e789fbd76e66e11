"""The first difference of two sessions, against a comparison of all rows by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.errors import SessionError
from hftlab.session import Difference, Session, SessionWriter, diff, open_session
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, write_session
from tests.session.test_tables import ORDER


def slow_diff(a: Session, b: Session, table: str) -> tuple[Any, ...] | None:
    """Compare two lists of rows, value by value."""
    rows, others = (one.table(table).collect().to_dicts() for one in (a, b))
    for place, (row, other) in enumerate(zip(rows, others, strict=False)):
        for field in row:
            if row[field] != other[field]:
                return (table, place, row["message"], field, row[field], other[field])
    if len(rows) == len(others):
        return None
    place = min(len(rows), len(others))
    return (table, place, max(rows, others, key=len)[place]["message"], "rows", len(rows), len(others))


messages = st.lists(
    st.builds(
        lambda name, price, volume: market_data(symbol(name, price, volume=volume)),
        st.sampled_from(["A", "B"]),
        st.sampled_from([1.0, 2.0]),
        st.sampled_from([1.0, 2.0]),
    ),
    max_size=6,
)


@settings(max_examples=20)
@given(messages, messages)
def test_against_a_comparison_of_all_rows(tmp_path_factory: Any, one: Any, other: Any) -> None:
    folder: Path = tmp_path_factory.mktemp("diff")
    a, b = (
        write_session(folder / name, list(enumerate(some, 1)), segment_bytes=600)
        for name, some in (("a", one), ("b", other))
    )
    found = diff(a, b)
    assert (None if found is None else tuple(found)) == slow_diff(a, b, "market_data")


def test_parts_do_not_matter(tmp_path: Path) -> None:
    received = [(at, numbered(at)) for at in range(8)]
    a = write_session(tmp_path / "a", received, segment_bytes=1)
    b = write_session(tmp_path / "b", received)
    assert len(a.manifest.tables["market_data"]) > len(b.manifest.tables["market_data"])
    assert diff(a.folder, str(b.folder)) is None


def test_the_first_message_over_all_tables_is_told(tmp_path: Path) -> None:
    def session(name: str, price: float, reason: str) -> Session:
        order = type(ORDER)(**{field: getattr(ORDER, field) for field in ORDER.__struct_fields__})
        order.reason = reason
        return write_session(tmp_path / name, [(1, numbered(1)), (2, order), (3, market_data(symbol(price=price)))])

    found = diff(session("a", 1.0, "this"), session("b", 2.0, "that"))
    assert found == Difference("order_updates", 0, 1, "reason", "this", "that")
    assert str(found) == "order_updates, message 1 (row 0): `reason` is 'this', and 'that'"


def test_progress_is_the_rows_compared_of_all_tables(tmp_path: Path) -> None:
    received = [(at, numbered(at) if at % 2 else ORDER) for at in range(10)]
    one, other = (write_session(tmp_path / name, received) for name in "ab")
    told: list[int] = []
    assert diff(one, other, progress=told.append) is None
    assert told == [5, 10]


class TestIgnore:
    def test_columns_and_tables_are_left_out(self, tmp_path: Path) -> None:
        received = [numbered(at) for at in range(3)]
        a = write_session(tmp_path / "a", list(enumerate(received)))
        b = write_session(tmp_path / "b", list(enumerate(received, 5)))
        found = diff(a, b)
        assert found is not None
        assert (found.field, found.a, found.b) == ("ts_recv", 0, 5)
        assert diff(a, b, ignore=["ts_recv"]) is None

    def test_numbers_are_not_compared_without_all_tables(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            writer = SessionWriter(tmp_path / name, source={})
            if name == "b":
                writer.control("connect", 1)
            writer.append(numbered(1), 2)
            writer.close()
        a, b = (open_session(tmp_path / name) for name in ("a", "b"))
        found = diff(a, b)
        assert found is not None
        assert diff(a, b, ignore=["control"]) is None

    def test_one_name_is_one_name(self, tmp_path: Path) -> None:
        a, b = (write_session(tmp_path / name, [(at, numbered(1))]) for at, name in enumerate("ab"))
        assert diff(a, b, ignore="ts_recv") is None

    def test_an_unknown_name_is_refused(self, tmp_path: Path) -> None:
        a = write_session(tmp_path / "a", [(1, numbered(1))])
        with pytest.raises(SessionError, match="ts_received"):
            diff(a, a, ignore=["ts_received"])
