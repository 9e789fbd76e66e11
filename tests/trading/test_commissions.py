from __future__ import annotations

import math
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.market.costs import TYPICAL_FEES
from hftlab.trading.commissions import NO_COMMISSION, TYPICAL_COMMISSIONS, Commission, commission_of
from hftlab.trading.venue import Liquidity
from tests.trading.units import units

MAKER, TAKER, AUCTION = Liquidity.MAKER, Liquidity.TAKER, Liquidity.AUCTION
BROKER = Commission(per_unit=0.005, minimum=1.0, maximum_bps=100)


@pytest.mark.parametrize(
    ("schedule", "quantity", "price", "liquidity", "charge"),
    [
        (NO_COMMISSION, "100", "175.25", TAKER, "0"),
        (Commission(per_unit=0.003), "100", "175.25", TAKER, "0.3"),
        (Commission(per_unit=0.003), "100", "175.25", MAKER, "0.3"),
        (Commission(per_unit=0.003, maker_per_unit=-0.002), "100", "175.25", MAKER, "-0.2"),
        (Commission(per_unit=0.003, taker_per_unit=0.0), "100", "175.25", TAKER, "0"),
        (Commission(taker_bps=10), "0.5", "60000", TAKER, "30"),
        (Commission(taker_bps=10, maker_bps=-1), "0.5", "60000", MAKER, "-3"),
        (Commission(taker_bps=10), "0.5", "60000", AUCTION, "30"),
        (Commission(taker_bps=10, auction_bps=2.5), "0.5", "60000", AUCTION, "7.5"),
        (Commission(per_unit=0.01, taker_bps=1), "100", "50", TAKER, "1.5"),
        (BROKER, "1000", "10", TAKER, "5"),
        (BROKER, "200", "10", TAKER, "1"),
        (BROKER, "199", "10", TAKER, "1"),
        (BROKER, "1", "10", TAKER, "0.1"),  # the most goes before the least
        (BROKER, "1000", "0.2", TAKER, "2"),
        (Commission(taker_bps=0.45), "1", "72.5", TAKER, "0.0032625"),
        (Commission(per_unit=-0.002, minimum=1.0), "100", "10", TAKER, "-0.2"),
        (Commission(minimum=1.0), "100", "10", TAKER, "1"),
    ],
)
def test_a_fill_is_charged(schedule: Commission, quantity: str, price: str, liquidity: Liquidity, charge: str) -> None:
    assert schedule.charge(units(quantity), units(price), liquidity) == units(charge)


@pytest.mark.parametrize(("quantity", "charge"), [(1, 0), (3, 2), (5, 2)])
def test_halves_of_the_smallest_unit_go_to_the_even_one(quantity: int, charge: int) -> None:
    assert Commission(per_unit=0.5).charge(quantity, units("1"), TAKER) == charge
    assert Commission(per_unit=-0.5).charge(quantity, units("1"), TAKER) == -charge


def test_the_value_counts_in_the_currency_of_the_commission() -> None:
    """Prices in pence, a commission in dollars: per unit and the least are dollars already."""
    schedule = Commission(per_unit=0.01, taker_bps=10, minimum=2.0, maximum_bps=400, currency="USD")
    worth = Fraction(125, 10_000)
    assert schedule.charge(units("100"), units("80"), TAKER, worth=worth) == units("2")  # 1.00 + 0.10
    assert schedule.charge(units("1000"), units("80"), TAKER, worth=worth) == units("11")
    assert schedule.charge(units("10"), units("80"), TAKER, worth=worth) == units("0.4")


def test_a_charge_is_a_multiple_of_what_can_be_paid() -> None:
    assert Commission(per_unit=0.000_000_150).charge(units("1"), units("1"), TAKER, step=100) == 200
    assert Commission(per_unit=0.000_000_250).charge(units("1"), units("1"), TAKER, step=100) == 200
    assert Commission(per_unit=-0.000_000_350).charge(units("1"), units("1"), TAKER, step=100) == -400


SMALL = st.integers(-10_000, 10_000).map(lambda number: number / 1000)


@given(
    st.integers(1, 10**15),
    st.integers(1, 10**15),
    SMALL,
    SMALL,
    st.none() | st.integers(0, 5000).map(lambda number: number / 1000),
    st.integers(0, 5000).map(lambda number: number / 1000),
    st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000),
    st.sampled_from([1, 100]),
)
def test_charges_are_those_of_fractions(
    quantity: int,
    price: int,
    per_unit: float,
    bps: float,
    maximum_bps: float | None,
    minimum: float,
    worth: Fraction,
    step: int,
) -> None:
    schedule = Commission(per_unit=per_unit, taker_bps=bps, minimum=minimum, maximum_bps=maximum_bps)
    value = Fraction(quantity, 10**9) * Fraction(price, 10**9) * worth
    paid = Fraction(str(per_unit)) * Fraction(quantity, 10**9) + Fraction(str(bps)) / 10_000 * value
    if paid >= 0:
        paid = max(paid, Fraction(str(minimum)))
        if maximum_bps is not None:
            paid = min(paid, Fraction(str(maximum_bps)) / 10_000 * value)
    assert schedule.charge(quantity, price, TAKER, worth=worth, step=step) == round(paid * 10**9 / step) * step


class TestSchedules:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"per_unit": math.nan}, "per_unit is nan: it must be a finite number"),
            ({"taker_bps": math.inf}, "taker_bps is inf: it must be a finite number"),
            ({"maker_bps": None}, "maker_bps is None: it must be a finite number"),
            ({"minimum": -1.0}, "minimum is -1.0: it must be at least 0"),
            ({"maximum_bps": -1}, "maximum_bps is -1: it must be at least 0"),
            ({"auction_bps": "2"}, "auction_bps is '2': it must be a finite number"),
            ({"currency": ""}, "currency is '': it must be a currency such as 'USD', or None"),
        ],
    )
    def test_that_cannot_be_are_refused(self, fields: dict[str, object], said: str) -> None:
        with pytest.raises(ValueError) as error:
            Commission(**fields)  # type: ignore[arg-type]
        assert str(error.value) == said

    def test_go_to_other_processes(self) -> None:
        schedule = Commission(per_unit=0.003, minimum=1)
        schedule.charge(units("1"), units("1"), TAKER)
        assert pickle.loads(pickle.dumps(schedule)) == schedule

    @pytest.mark.parametrize("venue", TYPICAL_FEES)
    def test_typical_ones_are_the_fees_of_takers(self, venue: str) -> None:
        fee, quantity, price = TYPICAL_FEES[venue], units("100"), units("50")
        charge = TYPICAL_COMMISSIONS[venue].charge(quantity, price, TAKER)
        assert charge / 1e9 == pytest.approx(100 * (fee.bought(50.0) - 50.0))

    def test_are_found_by_venue(self) -> None:
        own = Commission(per_unit=0.001)
        assert commission_of(TYPICAL_COMMISSIONS, "NYSE") is TYPICAL_COMMISSIONS["NYSE"]
        assert commission_of(own, "NYSE") is own
        assert commission_of({"NYSE": own}, "NASDAQ") is NO_COMMISSION
        assert commission_of(None, "NYSE") is NO_COMMISSION
