"""Unknown names are told with the nearest that exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.nearest import describe_unknown, nearest

NAMES = ["AAPL", "MSFT", "XBT/USD", "BRK.A", "币安人生USDT"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("aapl", "AAPL"),
        ("APPL", "AAPL"),
        ("BTC/USD", "XBT/USD"),
        ("BRK/A", "BRK.A"),
        ("币安人生", "币安人生USDT"),
        ("币", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found(name: str, found: str | None) -> None:
    assert nearest(name, NAMES) == found


@given(st.sampled_from(NAMES))
def test_the_nearest_to_a_name_in_lower_case_is_itself(name: str) -> None:
    assert nearest(name.lower(), NAMES) == name


def test_unknown_names_are_listed_with_their_nearest() -> None:
    assert describe_unknown(["APPL", "99"], NAMES) == "'APPL' (nearest: 'AAPL'), '99'"
    assert describe_unknown(["APPL"], []) == "'APPL'"


def test_a_long_list_is_cut() -> None:
    unknown = [f"{number:04}" for number in range(2000)]
    assert describe_unknown(unknown, NAMES) == "'0000', '0001', '0002', '0003', '0004' and 1,995 more"
