from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import INSTRUMENTS, LSE, NASDAQ, UNIT, US_EQUITY, Instrument, mifid2

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

    def test_as_written_before_there_were_rules_is_still_read(self) -> None:
        old = {
            "symbol": "ANY",
            "venue": {"name": "BINANCE", "currency": "USDT", "timezone": "UTC"},
            "tick": 10,
            "lot": 10,
            "currency": "USDT",
        }
        assert Instrument.from_dict(old).rule is None

    def test_a_rule_that_the_book_cannot_hold_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"tick of ANY must divide every tick of SEC Rule 612, got 10000000"):
            Instrument("ANY", NASDAQ, UNIT // 100, UNIT, "USD", US_EQUITY)

    def test_equal_definitions_are_one_key(self) -> None:
        assert {instrument(): 1}[instrument()] == 1


class TestPrices:
    def test_follow_the_rule(self) -> None:
        share = Instrument("ANY", NASDAQ, US_EQUITY.step, UNIT, "USD", US_EQUITY)
        prices = np.array([UNIT // 10_000 * 9_999, UNIT + UNIT // 10_000, UNIT + UNIT // 100, 150 * UNIT], np.int64)
        assert share.is_on_tick(prices).tolist() == [True, False, True, True]
        assert share.tick_at(prices).tolist() == [UNIT // 10_000, *[UNIT // 100] * 3]
        assert [share.is_on_tick(price) for price in prices.tolist()] == [True, False, True, True]

    def test_without_a_rule_have_one_tick(self) -> None:
        prices = np.array([5, UNIT // 100, 150 * UNIT], np.int64)
        assert instrument().is_on_tick(prices).tolist() == [False, True, True]
        assert instrument().tick_at(5) == UNIT // 100
        assert instrument().tick_at(prices).tolist() == [UNIT // 100] * 3

    @given(st.integers(1, 6), st.integers(-(10**14), 10**14))
    def test_round_to_accepted_ones_around(self, band: int, price: int) -> None:
        rule = mifid2(band)
        share = Instrument("ANY", LSE, rule.step, UNIT, "GBX", rule)
        down, up, nearest = (share.round_to_tick(price, toward) for toward in ("down", "up", "nearest"))
        assert down <= price <= up
        assert up - down == (0 if share.is_on_tick(price) else share.tick_at(price))
        assert nearest == min((up, down), key=lambda candidate: abs(candidate - price))
        assert all(share.is_on_tick(candidate) for candidate in (down, up, nearest))
        array = np.array([price], np.int64)
        assert share.round_to_tick(array, "up").tolist() == [up]

    def test_are_integers(self) -> None:
        with pytest.raises(TypeError, match=r"prices are integers of 1e-9 here"):
            instrument().tick_at(150.25)  # type: ignore[call-overload]


class TestWireSymbol:
    def test_names_the_venue_only_off_the_primary_market(self) -> None:
        away = Instrument("ANY", NASDAQ, 1, 1, "USD", primary=False)
        assert (instrument().wire_symbol, away.wire_symbol) == ("ANY", "ANY:NASDAQ")
