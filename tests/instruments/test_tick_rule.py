from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import UNIT, US_EQUITY, TickRule, mifid2

# Commission Delegated Regulation (EU) 2017/588, Annex: where each range of prices begins, and its tick in the liquidity
# bands 1 to 6.
ANNEX = """
0       0.0005  0.0002  0.0001  0.0001  0.0001  0.0001
0.1     0.001   0.0005  0.0002  0.0001  0.0001  0.0001
0.2     0.002   0.001   0.0005  0.0002  0.0001  0.0001
0.5     0.005   0.002   0.001   0.0005  0.0002  0.0001
1       0.01    0.005   0.002   0.001   0.0005  0.0002
2       0.02    0.01    0.005   0.002   0.001   0.0005
5       0.05    0.02    0.01    0.005   0.002   0.001
10      0.1     0.05    0.02    0.01    0.005   0.002
20      0.2     0.1     0.05    0.02    0.01    0.005
50      0.5     0.2     0.1     0.05    0.02    0.01
100     1       0.5     0.2     0.1     0.05    0.02
200     2       1       0.5     0.2     0.1     0.05
500     5       2       1       0.5     0.2     0.1
1000    10      5       2       1       0.5     0.2
2000    20      10      5       2       1       0.5
5000    50      20      10      5       2       1
10000   100     50      20      10      5       2
20000   200     100     50      20      10      5
50000   500     200     100     50      20      10
"""


def units(text: str) -> int:
    return int(Decimal(text) * UNIT)


class TestMifid2:
    @pytest.mark.parametrize("band", range(1, 7))
    def test_is_the_table_of_the_annex(self, band: int) -> None:
        rows = [line.split() for line in ANNEX.split("\n") if line]
        rule = mifid2(band)
        assert rule.bounds == tuple(units(row[0]) for row in rows)
        assert rule.ticks == tuple(units(row[band]) for row in rows)

    @pytest.mark.parametrize("band", [0, 7])
    def test_has_six_bands(self, band: int) -> None:
        with pytest.raises(ValueError, match=f"a liquidity band must be 1 to 6, got {band}"):
            mifid2(band)


class TestTickAt:
    def test_a_bound_belongs_to_the_range_above(self) -> None:
        assert US_EQUITY.tick_at(UNIT - 1) == UNIT // 10_000
        assert US_EQUITY.tick_at(UNIT) == UNIT // 100
        assert US_EQUITY.tick_at(-1) == UNIT // 10_000

    @given(st.integers(1, 6), st.lists(st.integers(0, 10**14), max_size=20))
    def test_an_array_gives_what_single_prices_give(self, band: int, prices: list[int]) -> None:
        rule = mifid2(band)
        assert rule.tick_at(np.array(prices, np.int64)).tolist() == [rule.tick_at(price) for price in prices]

    def test_step_divides_all(self) -> None:
        for rule in (US_EQUITY, *map(mifid2, range(1, 7))):
            assert all(tick % rule.step == 0 for tick in rule.ticks)


class TestDefinition:
    @pytest.mark.parametrize(
        ("bounds", "ticks", "reason"),
        [
            ((0, 10), (1,), "needs a tick for each bound"),
            ((5,), (1,), "and 0 as the first"),
            ((0,), (0,), "has the tick 0"),
            ((0, 10, 10), (1, 2, 5), "bound 10 of tick rule bad must rise"),
            ((0, 15), (5, 10), "bound 15 of tick rule bad must rise and be a multiple"),
        ],
    )
    def test_of_no_grid_is_refused(self, bounds: tuple[int, ...], ticks: tuple[int, ...], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            TickRule("bad", bounds, ticks)
