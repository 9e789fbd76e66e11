"""Numbers of 1e-9 units as texts."""

from __future__ import annotations

import pytest

from hftlab.instruments import UNIT
from hftlab.venues.decimal_text import decimal_text, decimals_of


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (61_837_630_000_000, 2, "61837.63"),
        (61_837_630_000_000, 8, "61837.63000000"),
        (0, 2, "0.00"),
        (5 * UNIT, 0, "5"),
        (1, 9, "0.000000001"),
    ],
)
def test_a_number_has_its_decimals(units: int, decimals: int, text: str) -> None:
    assert decimal_text(units, decimals) == text


@pytest.mark.parametrize(("step", "decimals"), [(1, 9), (10**8, 1), (5 * 10**8, 1), (10**9, 0), (25 * 10**7, 2)])
def test_decimals_that_a_step_needs(step: int, decimals: int) -> None:
    assert decimals_of(step) == decimals
