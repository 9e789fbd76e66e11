"""Kinds of data, and the enumerations of the reference document."""

from __future__ import annotations

import pytest

from hftlab.protocol import DataType, enums


def test_events_are_what_may_not_be_skipped() -> None:
    assert {kind for kind in DataType if kind.is_event} == {"TRADES", "BOOK_DELTA", "ARBITRAGE"}


def test_the_rest_is_in_market_data() -> None:
    assert {kind for kind in DataType if not kind.has_own_message} == {"QUOTES", "TRADES", "ORDER_BOOK", "STATISTICS"}


@pytest.mark.parametrize("name", enums.__all__)
def test_a_member_is_spelt_as_on_the_wire(name: str) -> None:
    for member in getattr(enums, name):
        assert member == member.name == member.name.upper()
