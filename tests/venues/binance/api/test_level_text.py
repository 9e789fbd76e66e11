"""Numbers and levels as texts, compared with Python's decimals."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.venues.binance.api.level_text import NumberForm

STEPS = [1, 3, 10, 25, 1_000, UNIT // 100, UNIT, 3 * UNIT, 10**12]


def instrument(tick: int, lot: int) -> Instrument:
    return Instrument("COIN", BINANCE, tick, lot, "USDT")


def exact(count: int, step: int) -> Decimal:
    return Decimal(count * step).scaleb(-9)


@given(
    st.sampled_from(STEPS),
    st.sampled_from(STEPS),
    st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**53)), max_size=5),
)
def test_levels_are_exact_also_where_the_product_does_not_fit(
    tick: int, lot: int, levels: list[tuple[int, int]]
) -> None:
    """The kernel never multiplies a count by its step as a whole: coins by the billion have sizes beyond an int64."""
    form = NumberForm(instrument(tick, lot), 0)
    ticks, lots = (np.array([level[side] for level in levels], np.int64) for side in (0, 1))
    written = json.loads(form.levels(ticks, lots))
    assert [(Decimal(price), Decimal(size)) for price, size in written] == [
        (exact(price, tick), exact(size, lot)) for price, size in levels
    ]


@given(st.sampled_from(STEPS), st.integers(0, 2**40))
def test_a_level_reads_as_its_numbers_do_alone(step: int, count: int) -> None:
    form = NumberForm(instrument(step, step), 8)
    one = np.array([count], np.int64)
    assert json.loads(form.levels(one, one)) == [[form.price(count * step), form.size(count)]]


def test_spot_has_eight_decimals_and_a_finer_tick_its_own() -> None:
    assert NumberForm(instrument(UNIT // 100, UNIT), 8).price_decimals == 8
    assert NumberForm(instrument(1, UNIT), 8).price_decimals == 9
    assert NumberForm(instrument(UNIT // 10, UNIT), 0).price(UNIT // 10) == "0.1"
