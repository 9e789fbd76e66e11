"""Decimals of doubles, against the decimal module."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.decimal_grid import MOST_DIGITS, digits_of, is_on, steps_of


@given(units=st.integers(0, 10**12), digits=st.integers(0, MOST_DIGITS))
def test_a_decimal_has_the_digits_that_it_is_written_with(units: int, digits: int) -> None:
    value = Decimal(units).scaleb(-digits)
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    assert digits_of(float(value), 0) == max(0, -exponent)


def test_digits_never_fall() -> None:
    assert digits_of(1.5, 3) == 3


@pytest.mark.parametrize("value", [0.1 + 0.2, 1.1 * 3, 100 * 1.1])
def test_the_noise_of_arithmetic_does_not_count(value: float) -> None:
    assert digits_of(value, 0) < 3


@given(steps=st.integers(0, 10**12), tick=st.sampled_from([(1, 100), (1, 20), (25, 1000), (5, 1), (1, 10**9)]))
def test_steps_and_back(steps: int, tick: tuple[int, int]) -> None:
    value = steps * tick[0] / tick[1]
    assert is_on(value, float(tick[1]), float(tick[0]))
    assert steps_of(value, float(tick[1]), float(tick[0])) == steps


def test_what_is_between_steps_is_not_on_the_grid() -> None:
    assert not is_on(10.03, 20.0, 1.0)
    assert not is_on(10.005, 100.0, 1.0)


def test_steps_stay_within_an_int64() -> None:
    assert steps_of(1e18, 1e9, 1.0) == 2**62
