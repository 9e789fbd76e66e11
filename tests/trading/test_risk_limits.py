from __future__ import annotations

import math

import pytest

from hftlab.trading.risk_limits import RiskLimits


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_position": -1}, "max_position is -1: it must be at least 0"),
        ({"max_notional": math.nan}, "max_notional is nan: it must be a finite number"),
        ({"max_order_quantity": "5"}, "max_order_quantity is '5': it must be a finite number"),
        ({"price_band": -0.1}, "price_band is -0.1: it must be at least 0"),
        ({"orders_per_second": 0}, "orders_per_second is 0: it must be above 0"),
        ({"burst": 0}, "burst is 0: it must be a whole number of at least 1"),
        ({"burst": 1.5}, "burst is 1.5: it must be a whole number of at least 1"),
        ({"buying_power": None}, "buying_power is None: it must be True or False"),
        ({"trading_hours": 1}, "trading_hours is 1: it must be True or False"),
    ],
)
def test_a_value_that_cannot_be_a_limit_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError) as error:
        RiskLimits(**fields)  # type: ignore[arg-type]
    assert str(error.value) == said


def test_none_is_no_limit() -> None:
    limits = RiskLimits(max_order_quantity=None, price_band=None, orders_per_second=None)
    assert (limits.max_order_quantity, limits.price_band, limits.orders_per_second) == (None, None, None)


def test_a_limit_may_be_nothing_at_all() -> None:
    assert RiskLimits(max_position=0).max_position == 0
