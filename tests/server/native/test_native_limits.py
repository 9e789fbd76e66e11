"""Limits of a native wire."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import ArgumentError
from hftlab.server import NativeLimits
from hftlab.venues.binance.api.markets import SPOT, USDM


def test_the_venues_own_hold_where_none_is_chosen() -> None:
    assert NativeLimits().of(SPOT) == (5, 20.0, 60.0, 86_400.0, 6000)
    assert NativeLimits(messages=50, weight=10).of(USDM) == (50, 180.0, 600.0, 86_400.0, 10)


@pytest.mark.parametrize("bad", [{"messages": 0}, {"lifetime": None}, {"weight": "x"}, {"lifetime_of": "moon"}])
def test_what_cannot_be_a_limit_is_an_error(bad: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        NativeLimits(**bad)
