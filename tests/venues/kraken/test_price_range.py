"""Prices that an EventBatch can hold."""

from __future__ import annotations

import pytest

from hftlab.venues.kraken.price_range import is_in_range


@pytest.mark.parametrize(
    ("price", "expected"),
    [("0.1", True), ("9223372035.9", True), ("9223372036.0", False), ("99999999999", False), ("what", True)],
)
def test_up_to_where_int64_ends(price: str, expected: bool) -> None:
    assert is_in_range(price) is expected
