from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.trading.money import cash_currency, checked_number, exact, floor_units, round_half_even, to_text


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**15))
def test_quotients_are_rounded_as_fractions_are(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(("numerator", "rounded"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (-5, -2)])
def test_halves_go_to_the_even_number_on_both_sides_of_zero(numerator: int, rounded: int) -> None:
    assert round_half_even(numerator, 2) == rounded


def test_a_float_is_what_its_text_says() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(1e-5) == Fraction(1, 100_000)
    assert floor_units(0.3) == 300_000_000
    assert floor_units(-1e-10) == -1  # cut off downwards


@pytest.mark.parametrize(
    ("units", "places", "text"),
    [
        (175_253_100_000, 0, "175.2531"),
        (5_000_000_000_000, 0, "5,000"),
        (12_500_000_000_000, 2, "12,500.00"),
        (-1, 2, "-0.000000001"),
        (0, 0, "0"),
    ],
)
def test_units_are_written_exactly(units: int, places: int, text: str) -> None:
    assert to_text(units, places) == text


def test_pence_are_paid_in_pounds() -> None:
    assert cash_currency("GBX") == ("GBP", 100)
    assert cash_currency("USD") == ("USD", 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, "5", True, None])
def test_a_number_is_finite(value: object) -> None:
    with pytest.raises(ValueError, match=r"minimum is .*: it must be a finite number"):
        checked_number("minimum", value)


def test_a_number_has_its_bounds() -> None:
    assert checked_number("rate", 0, least=0) == 0
    with pytest.raises(ValueError, match=r"rate is -0.5: it must be at least 0"):
        checked_number("rate", -0.5, least=0)
    with pytest.raises(ValueError, match=r"rate is 0: it must be above 0"):
        checked_number("rate", 0, above=0)
