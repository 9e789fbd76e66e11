"""Decimals are converted as Python converts them, which rounds correctly."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hftlab.kernels.compiling import compiled
from hftlab.kernels.decimal_doubles import LEAST_EXPONENT, MOST_DIGITS, MOST_EXPONENT, to_double

MANTISSAS = st.integers(0, MOST_DIGITS).flatmap(lambda digits: st.integers(0, 10**digits - 1))
EXPONENTS = st.integers(LEAST_EXPONENT, MOST_EXPONENT)


@compiled
def converted(mantissa: int, exponent: int) -> float:
    return to_double(mantissa, exponent)


def is_right(mantissa: int, exponent: int) -> bool:
    return converted(mantissa, exponent) == float(f"{mantissa}e{exponent}")


@settings(max_examples=400, deadline=None)
@given(MANTISSAS, EXPONENTS | st.integers(-40, 40))
@example(0, 300)
@example(2**53 + 1, 0)
@example(448780845211168875, -2)
@example(10**MOST_DIGITS - 1, LEAST_EXPONENT)
@example(10**MOST_DIGITS - 1, MOST_EXPONENT)
@example(1, LEAST_EXPONENT)
def test_any_decimal_is_the_nearest_double(mantissa: int, exponent: int) -> None:
    assert is_right(mantissa, exponent)


@settings(max_examples=400, deadline=None)
@given(st.integers(2**52, 2**53 - 1), st.integers(0, 6), st.integers(-1, 1))
def test_numbers_halfway_between_two_doubles_go_to_the_even_one(whole: int, halvings: int, more: int) -> None:
    """So do the numbers beside them, which are nearer to one."""
    halfway = Decimal(2 * whole + 1) / 2**halvings
    _, digits, exponent = halfway.as_tuple()
    mantissa = int("".join(map(str, digits))) + more
    if mantissa < 10**MOST_DIGITS:
        assert is_right(mantissa, int(exponent))


@settings(deadline=None)
@given(st.floats(1e-280, 1e280))
def test_the_shortest_spelling_of_a_double_is_that_double(value: float) -> None:
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    assert converted(int("".join(map(str, digits))), int(exponent)) == value


def test_twenty_thousand_drawn_decimals_are_right() -> None:
    chance = np.random.default_rng(7)
    for mantissa, exponent in zip(
        chance.integers(0, 10**MOST_DIGITS, 20_000).tolist(),
        chance.integers(LEAST_EXPONENT, MOST_EXPONENT + 1, 20_000).tolist(),
        strict=True,
    ):
        assert is_right(mantissa, exponent)
