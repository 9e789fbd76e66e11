"""Limits of an account, which each of its orders is checked against before it goes to the venue."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from hftlab.trading.money import checked_number

__all__ = ["RiskLimits"]

_SWITCHES: Final = ("buying_power", "trading_hours")
_COUNTS: Final = ("burst", "max_open_orders")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits of one account; None is no limit. Notionals are in the account's currency, quantities in units.

    `max_position` is that of each instrument, long or short, with the open orders of the same side filled.
    `max_notional` holds for the values of all positions and open orders together, each counted as positive.
    `price_band` is the share of the reference price (the last trade's, else the middle of the book) that the limit of a
    buy may be above it and that of a sell below it. `orders_per_second`, with `burst` at once, counts new orders and
    replacements, also refused ones; cancels are never limited. `max_open_orders` refuses new orders beside so many open
    ones, `buying_power` orders that the account cannot pay for, `trading_hours` those outside of the venue's regular
    hours. What only reduces a position needs no buying power and has no position or notional limit. Raises ValueError
    for a value that cannot be a limit.
    """

    max_order_quantity: float | None = None
    max_order_notional: float | None = None
    max_position: float | None = None
    max_notional: float | None = None
    price_band: float | None = 0.5
    orders_per_second: float | None = 100.0
    burst: int = 200
    max_open_orders: int | None = 10_000
    buying_power: bool = True
    trading_hours: bool = False

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in _SWITCHES:
                if not isinstance(value, bool):
                    raise ValueError(f"{one.name} is {value!r}: it must be True or False")
            elif one.name in _COUNTS:
                if one.name == "max_open_orders" and value is None:
                    continue
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    raise ValueError(f"{one.name} is {value!r}: it must be a whole number of at least 1")
            elif one.name == "orders_per_second":
                if value is not None:
                    checked_number(one.name, value, above=0)
            elif value is not None:
                checked_number(one.name, value, least=0)
