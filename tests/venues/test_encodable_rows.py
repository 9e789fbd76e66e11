from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import EventError
from hftlab.events import F_LAST, F_MBP
from hftlab.venues import encodable_rows
from hftlab.venues.encodable_rows import TOO_MUCH, require, require_orders, row_error, segments
from tests.batches import Row, make_batch


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 10))
def test_segments_are_whole_events_and_leave_none_out(ends: list[bool], chunk: int) -> None:
    flags = np.where(np.array(ends, np.bool_), F_LAST, 0).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encodable_rows, "_CHUNK", chunk)
        found = list(segments(flags))
    assert [row for start, stop in found for row in range(start, stop)] == list(range(len(flags)))
    assert all(flags[stop - 1] & F_LAST for _, stop in found[:-1])
    # The first event that ends behind so many rows is the last of its segment.
    assert all(not (flags[start + chunk - 1 : stop - 1] & F_LAST).any() for start, stop in found)


def test_the_first_value_that_cannot_be_is_named() -> None:
    values, good = np.array([1, 2, 3]), np.array([True, False, False])
    require("ITCH", "size", values, values > 0, "sizes")
    with pytest.raises(EventError, match=re.escape("column size has 2 in row 1: ITCH needs odd sizes")):
        require("ITCH", "size", values, good, "odd sizes")


def test_rows_of_levels_and_without_a_side_are_no_orders() -> None:
    trade, order = Row("T", flags=F_LAST), Row("A", "B", 1, 1, flags=F_LAST, order=1)
    require_orders("ITCH", make_batch([trade, order]))
    with pytest.raises(EventError, match="column flags has 144 in row 1: ITCH needs orders: it has no price levels"):
        require_orders("ITCH", make_batch([order, order._replace(flags=F_MBP | F_LAST)]))
    with pytest.raises(EventError, match="column side has 78 in row 0: ITCH needs B or A for an order"):
        require_orders("ITCH", make_batch([order._replace(side="N")]))


def test_a_problem_names_the_row_its_order_and_its_symbol() -> None:
    batch = make_batch([Row("A", "B", 1, 1), Row("C", "B", 1, 2, order=7)])
    assert str(row_error(batch, 1, TOO_MUCH)) == (
        "row 1 of the batch, C of order 7 of COIN, takes more than the order has left: take at most that"
    )
