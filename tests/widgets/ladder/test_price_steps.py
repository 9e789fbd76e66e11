from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.widgets.ladder.price_steps import buyers_step, rows_of, sellers_step, tick_number


@given(ticks=st.integers(-(10**6), 10**9), decimals=st.integers(0, 6))
def test_a_price_on_the_grid_has_its_tick(ticks, decimals):
    tick = 10.0**-decimals
    assert tick_number(float(Fraction(ticks, 10**decimals)), tick) == ticks


@given(ticks=st.integers(-(10**9), 10**9), group=st.integers(1, 10**6))
def test_bids_go_down_to_their_step_and_asks_up(ticks, group):
    assert sellers_step(ticks, group) == floor(Fraction(ticks, group))
    assert buyers_step(ticks, group) == ceil(Fraction(ticks, group))


@pytest.mark.parametrize(
    ("upwards", "rows"), [(False, {1002: (3.0, 3), 1001: (4.0, 1)}), (True, {1003: (3.0, 3), 1002: (4.0, 1)})]
)
def test_levels_of_one_step_are_summed_up(upwards, rows):
    levels = [(100.29, 1.0, 1), (100.21, 2.0, 2), (100.18, 4.0, 1)]
    assert rows_of(levels, 0.01, 10, upwards=upwards) == rows
