from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import ArgumentError
from hftlab.simulator import Exchange, RandomWalk
from hftlab.simulator.arguments import check_nanoseconds


@pytest.mark.parametrize("make", [Exchange, RandomWalk])
@pytest.mark.parametrize(("value", "code"), [(0.1, "100_000_000"), (0, None), (-5, None), ("1s", None), (True, None)])
def test_an_interval_is_in_nanoseconds(make: type, value: Any, code: str | None) -> None:
    with pytest.raises(
        ArgumentError, match=r"interval is in nanoseconds, .*such as 100_000_000 for 100 ms; got"
    ) as caught:
        make(interval=value)
    assert caught.value.arguments.get("interval") == code


def test_a_whole_number_may_be_a_float() -> None:
    assert check_nanoseconds("interval", 1e8) == 100_000_000


@pytest.mark.parametrize("make", [Exchange, RandomWalk])
@pytest.mark.parametrize("seed", ["AAPL", -1])
def test_a_seed_is_a_number(make: type, seed: Any) -> None:
    with pytest.raises(ArgumentError, match="seed is a whole number, 0 or above"):
        make(seed)


@pytest.mark.parametrize("make", [Exchange, RandomWalk])
def test_symbols_are_not_a_seed(make: type) -> None:
    with pytest.raises(ArgumentError, match="symbols are given as symbols="):
        make(["AAPL"])


def test_the_nearest_market_is_named() -> None:
    with pytest.raises(Exception, match=r"no market for 'APPL' \(nearest: 'AAPL'\)"):
        Exchange(7, "APPL")
