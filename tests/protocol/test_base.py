"""Bounds of numbers and texts."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from hftlab.protocol import MarketData
from hftlab.protocol.base import (
    Count,
    Currency,
    Frequency,
    Milliseconds,
    Name,
    Price,
    Size,
    Symbol,
    TradedPrice,
    TradedSize,
)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Milliseconds, [0.001, 9.2e12], [0, -1, 9.3e12, math.nan, math.inf]),
        (Price, [0, 1e15], [-0.01, 1.1e15, math.nan]),
        (TradedPrice, [0.0001, 1e15], [0, math.inf]),
        (Size, [0, 1e18], [-1, math.nan]),
        (Count, [0, 2**53 - 1], [-1, 2**53, 0.5]),
        (Frequency, [0, 60_000], [-1, 60_001]),
        (Name, ["x", "x" * 128], ["", "x" * 129]),
        (Currency, ["USD", "USDTX", "USD1", "FDUSD"], ["us", "US", "usd", "USD\n", "1INCH", "FAR" * 4]),
        (TradedSize, [1e-9, 1e18], [0, math.nan, 1.1e18]),
        (Symbol, ["A", "BRK.B", "^GSPC", "测试币USDT", "A B"], ["", " A", "A ", "A\n", "x" * 129, 5]),
    ],
)
def test_only_what_is_within_the_bounds_is_taken(kind: Any, good: list[Any], bad: list[Any]) -> None:
    taken: list[Any] = []
    for value in [*good, *bad]:
        try:
            msgspec.convert(value, kind)
            taken.append(value)
        except msgspec.ValidationError:
            pass
    assert taken == good


def test_a_message_knows_its_type() -> None:
    assert MarketData(timestamp=1.0, symbols=[]).type == "MARKET_DATA"
