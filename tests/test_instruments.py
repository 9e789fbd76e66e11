from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import BINANCE, BINANCE_USDM, INSTRUMENTS, NASDAQ, NYSE, UNIT, Instrument, find_instrument

STEPS = st.sampled_from([1, 10, 1000, UNIT // 100, UNIT // 10, UNIT // 4, UNIT // 2, UNIT, 5 * UNIT])


def instrument(tick: int = UNIT // 100, lot: int = UNIT) -> Instrument:
    return Instrument("ANY", NASDAQ, tick=tick, lot=lot, currency="USD")


class TestNumbers:
    @given(STEPS, st.integers(0, 10**12))
    def test_price_and_size_are_the_doubles_of_the_decimal_text(self, step: int, count: int) -> None:
        expected = float(Decimal(count) * Decimal(step) / Decimal(UNIT))
        assert instrument(tick=step).price(count) == expected
        assert instrument(lot=step).size(count) == expected

    @given(STEPS, st.lists(st.integers(-(10**12), 10**12)))
    def test_arrays_give_what_single_numbers_give(self, step: int, counts: list[int]) -> None:
        any_instrument = instrument(tick=step, lot=step)
        prices = any_instrument.price(np.array(counts, np.int64))
        assert prices.tolist() == [any_instrument.price(count) for count in counts]
        assert any_instrument.ticks(prices).tolist() == counts
        assert any_instrument.lots(any_instrument.size(np.array(counts, np.int64))).tolist() == counts

    @given(STEPS, st.integers(-(10**12), 10**12))
    def test_ticks_and_lots_invert_price_and_size(self, step: int, count: int) -> None:
        any_instrument = instrument(tick=step, lot=step)
        assert any_instrument.ticks(any_instrument.price(count)) == count
        assert any_instrument.lots(any_instrument.size(count)) == count

    def test_a_price_between_ticks_goes_to_the_nearest(self) -> None:
        assert instrument().ticks(100.004) == 10000
        assert instrument().ticks(np.array([100.004, 100.006])).tolist() == [10000, 10001]


class TestDefinition:
    @pytest.mark.parametrize("step", [0, -1, 2**63, 0.01])
    def test_a_step_that_is_no_positive_integer_is_refused(self, step: int) -> None:
        with pytest.raises(ValueError, match="tick of ANY must be a positive int64"):
            instrument(tick=step)
        with pytest.raises(ValueError, match="lot of ANY must be a positive int64"):
            instrument(lot=step)

    @pytest.mark.parametrize("known", INSTRUMENTS, ids=lambda known: f"{known.venue.name}-{known.symbol}")
    def test_survives_json(self, known: Instrument) -> None:
        assert Instrument.from_dict(json.loads(json.dumps(known.to_dict()))) == known

    def test_equal_definitions_are_one_key(self) -> None:
        assert {instrument(): 1}[instrument()] == 1


class TestRegistry:
    def test_has_the_reference_documents_symbols(self) -> None:
        for symbol in ("AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A"):
            found = find_instrument(symbol)
            assert found is not None
            assert found.venue == (NYSE if symbol == "BRK.A" else NASDAQ)
            assert (found.tick, found.lot, found.currency) == (UNIT // 100, UNIT, "USD")

    def test_tells_spot_and_perpetual_apart_by_venue(self) -> None:
        spot, perpetual = find_instrument("BTCUSDT", BINANCE), find_instrument("BTCUSDT", "BINANCE_USDM")
        assert spot is not None
        assert perpetual is not None
        assert (spot.tick, perpetual.tick, perpetual.lot) == (UNIT // 100, UNIT // 10, UNIT // 1000)
        assert perpetual.venue == BINANCE_USDM
        assert find_instrument("BTCUSDT") == spot

    def test_does_not_guess(self) -> None:
        assert find_instrument("NOPE") is None
        assert find_instrument("AAPL", NYSE) is None
