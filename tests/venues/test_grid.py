from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.venues.grid import Grid

FINE = Instrument("ZZT", BINANCE, 10, 10, "USDT")
COARSE = Instrument("ZZT", BINANCE, UNIT // 10, UNIT // 1000, "USDT")

texts = (st.decimals(0, 10**9, places=9) | st.integers(0, 10**12) | st.decimals(0, 100, places=3)).map("{:f}".format)


def grid_of(*levels: tuple[str, str]) -> Grid:
    grid = Grid()
    grid.add(levels)
    return grid


class TestWidened:
    @pytest.mark.parametrize(
        ("known", "levels", "tick", "lot"),
        [
            (COARSE, [], UNIT // 10, UNIT // 1000),
            (COARSE, [("100.1", "1.5")], UNIT // 10, UNIT // 1000),
            (COARSE, [("100.10000000", "1.50000000")], UNIT // 10, UNIT // 1000),
            (COARSE, [("11111.96", "4.267")], UNIT // 100, UNIT // 1000),
            (COARSE, [("100.1", "0.0001")], UNIT // 10, UNIT // 10_000),
            (FINE, [("0.00000051", "156428937432.00")], 10, UNIT // 10_000),
            (FINE, [("0.000000001", "0.000000001")], 1, 1),
            # The sum of many such sizes must fit, but not at the price of a digit.
            (FINE, [("1", "9000000000000000.5")], 10, UNIT // 10),
            (FINE, [("1", "90000000000.00000001")], 10, 10),
            (FINE, [("four", "x")], 10, 10),
            (FINE, [("1", "999999999999999999999999")], 10, UNIT),
        ],
    )
    def test_is_what_the_numbers_need(
        self, known: Instrument, levels: list[tuple[str, str]], tick: int, lot: int
    ) -> None:
        widened = grid_of(*levels).widened(known)
        assert (widened.tick, widened.lot) == (tick, lot)

    def test_a_tick_of_five_becomes_one_that_both_are_multiples_of(self) -> None:
        halves = Instrument("ZZT", BINANCE, UNIT // 2, UNIT, "USD")
        assert grid_of(("7.25", "1")).widened(halves).tick == UNIT // 100

    def test_is_the_same_object_where_nothing_changes(self) -> None:
        assert grid_of(("1", "1")).widened(COARSE) is COARSE

    @given(st.lists(st.tuples(texts, texts), max_size=20), st.sampled_from([FINE, COARSE]))
    def test_holds_every_number_exactly(self, levels: list[tuple[str, str]], known: Instrument) -> None:
        """The oracle is Decimal; a size that no lot can hold in int64 beside its neighbours' decimals is let be."""
        widened = grid_of(*levels).widened(known)
        for price, size in levels:
            assert Decimal(price) * UNIT % widened.tick == 0
            assert Decimal(size) * UNIT % widened.lot == 0

    @given(st.lists(st.tuples(texts, texts), max_size=20))
    def test_does_not_depend_on_the_order_nor_on_the_blocks(self, levels: list[tuple[str, str]]) -> None:
        backwards = Grid()
        for level in reversed(levels):
            backwards.add([level])
            assert backwards.prices.longest >= 0
        assert backwards.widened(FINE) == grid_of(*levels).widened(FINE)


class TestExtents:
    def test_tell_what_was_written(self) -> None:
        grid = grid_of(("4351.0", "1.00000000"), ("4350.12300", "2.00000000"))
        assert (grid.prices.shortest, grid.prices.longest, grid.prices.needed) == (1, 5, 3)
        assert (grid.sizes.shortest, grid.sizes.longest, grid.sizes.largest) == (8, 8, 2)

    def test_of_a_very_long_file_are_measured_by_blocks(self) -> None:
        grid = Grid()
        for number in range(140):
            grid.add([(f"{number}.25", "1")] * 1000)
        assert (grid.prices.needed, grid.prices.largest) == (2, 140)
