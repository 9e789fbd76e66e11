"""The index of a part says where the state of each symbol is."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import JSON, BookDelta
from hftlab.session.state_index import FIELDS, StateIndex, symbol_rows
from hftlab.session.table_ids import TableId
from tests.protocol.conftest import level

ROWS = st.lists(st.tuples(st.sampled_from("AB"), st.booleans(), st.booleans(), st.booleans()), max_size=12)


@given(ROWS, st.integers(1, 4))
def test_the_last_message_with_each_field_up_to_any_group(rows: list[tuple[str, bool, bool, bool]], size: int) -> None:
    """Compared with a search through all rows before."""
    frame = pl.DataFrame(
        {"message": range(len(rows)), "symbol": [row[0] for row in rows]}
        | {name: [1 if row[place] else None for row in rows] for place, name in enumerate(FIELDS[1:], 1)},
        schema={"message": pl.Int64, "symbol": pl.String} | dict.fromkeys(FIELDS[1:], pl.Int64),
    )
    cuts = [*range(0, len(rows), size), len(rows)] if rows else [0]
    index = StateIndex(symbol_rows(TableId.MARKET_DATA, frame, cuts))
    for group in range(len(cuts)):
        expected = {}
        for number, (name, *has) in enumerate(rows[: cuts[group]]):
            expected[name, "state"] = number
            expected |= {(name, field): number for field, is_there in zip(FIELDS[1:], has, strict=True) if is_there}
        assert index.newest(group) == expected


@given(st.lists(st.tuples(st.sampled_from("AB"), st.booleans()), min_size=1, max_size=10), st.integers(1, 4))
def test_the_first_and_last_restarts_of_incremental_books(deltas: list[tuple[str, bool]], size: int) -> None:
    frame = pl.DataFrame(
        {
            "message": range(len(deltas)),
            "type": ["BOOK_DELTA"] * len(deltas),
            "symbol": [name for name, _ in deltas],
            "payload": [payload(name, is_snapshot=snapshot) for name, snapshot in deltas],
            "encoding": [None] * len(deltas),
        },
        schema_overrides={"encoding": pl.String},
    )
    cuts = [*range(0, len(deltas), size), len(deltas)]
    index = StateIndex(symbol_rows(TableId.MESSAGES, frame, cuts))
    for group in range(len(cuts)):
        before = list(enumerate(deltas[: cuts[group]]))
        assert index.restarts(group) == {name: number for number, (name, is_restart) in before if is_restart}
        assert index.firsts(group) == {name: number for number, (name, _) in reversed(before)}
    needed = {"A": len(deltas) // 2}
    assert index.groups_with(needed) == [
        group
        for group, (start, stop) in enumerate(pairwise(cuts))
        if any(deltas[number][0] == "A" and number >= needed["A"] for number in range(start, stop))
    ]


def test_a_delta_that_is_not_valid_is_no_restart() -> None:
    """It is kept because it was received; no replay streams it."""
    frame = pl.DataFrame(
        {"message": [0], "type": ["BOOK_DELTA"], "symbol": ["A"], "payload": ['{"snapshot":true}'], "encoding": [None]},
        schema_overrides={"encoding": pl.String},
    )
    assert StateIndex(symbol_rows(TableId.MESSAGES, frame, [0, 1])).restarts(1) == {}


def test_a_table_without_symbols_has_no_rows_for_them() -> None:
    assert symbol_rows(TableId.CONTROL, pl.DataFrame({"message": [0]}), [0, 1]).is_empty()


def payload(name: str, *, is_snapshot: bool) -> str:
    delta = BookDelta(
        timestamp=1.0, symbol=name, exchange="X", bids=[level(1.0)], asks=[], checksum=0, ts_event=1.0,
        snapshot=is_snapshot,
    )  # fmt: skip
    return bytes(JSON.encode(delta)).decode()
