"""Commissions: what a venue or a broker charges for fills, and what it pays for them as rebates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from math import lcm
from types import MappingProxyType
from typing import Final, NamedTuple

from hftlab.instruments import UNIT
from hftlab.market.costs import TYPICAL_FEES
from hftlab.trading.money import checked_number, exact, round_half_even
from hftlab.trading.venue import Liquidity

__all__ = ["NO_COMMISSION", "TYPICAL_COMMISSIONS", "Commission", "commission_of"]

_ONE: Final = Fraction(1)
_BPS: Final = 10_000


class _Rates(NamedTuple):
    """Rates of one role: (`units` * quantity + `value` * value) / `denominator`."""

    units: int
    value: int
    denominator: int


@dataclass(frozen=True, kw_only=True)
class Commission:
    """Commission schedule of one venue: per unit (a share, a coin), and in basis points of a fill's value.

    Rates below 0 are rebates. `maker_per_unit` and `taker_per_unit` take the place of `per_unit` where they are given.
    A fill in an auction pays as a taker's does, but for `auction_bps` if that is given. Without a rebate a fill pays
    at least `minimum`, but never more than `maximum_bps` of its value. Amounts are in `currency` and are paid in it;
    None is the currency of the listing's prices. Raises ValueError for a rate that is not a finite number, and for a
    `minimum` or `maximum_bps` below 0.
    """

    per_unit: float = 0.0
    maker_bps: float = 0.0
    taker_bps: float = 0.0
    auction_bps: float | None = None
    maker_per_unit: float | None = None
    taker_per_unit: float | None = None
    minimum: float = 0.0
    maximum_bps: float | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "currency":
                if value is not None and (not isinstance(value, str) or not value):
                    raise ValueError(f"currency is {value!r}: it must be a currency such as 'USD', or None")
            elif value is not None or one.default is not None:
                least = 0.0 if one.name in ("minimum", "maximum_bps") else None
                checked_number(one.name, value, least=least)

    def charge(self, quantity: int, price: int, liquidity: Liquidity, *, worth: Fraction = _ONE, step: int = 1) -> int:
        """Return the commission of one fill in 1e-9 of `currency`, below 0 for a rebate.

        `quantity` is above 0; it and `price` are in 1e-9. `worth` is what one unit of the currency of the prices is
        worth in `currency`, where they differ. The result is exact, rounded half to even to a multiple of `step`.
        """
        rates = self._rates[liquidity]
        value = quantity * abs(price) * worth.numerator
        paid = rates.units * quantity * UNIT * worth.denominator + rates.value * value
        scale = rates.denominator * UNIT * worth.denominator
        if paid >= 0 and self._has_bounds:
            paid, scale = self._bounded(Fraction(paid, scale), Fraction(value, UNIT * worth.denominator))
        return step * round_half_even(paid, scale * step)

    def _bounded(self, paid: Fraction, value: Fraction) -> tuple[int, int]:
        paid = max(paid, exact(self.minimum) * UNIT)
        if self.maximum_bps is not None:
            paid = min(paid, value * exact(self.maximum_bps) / _BPS)
        return paid.numerator, paid.denominator

    @cached_property
    def _has_bounds(self) -> bool:
        return self.minimum > 0 or self.maximum_bps is not None

    @cached_property
    def _rates(self) -> Mapping[Liquidity, _Rates]:
        maker = self.per_unit if self.maker_per_unit is None else self.maker_per_unit
        taker = self.per_unit if self.taker_per_unit is None else self.taker_per_unit
        auction_bps = self.taker_bps if self.auction_bps is None else self.auction_bps
        return {
            Liquidity.MAKER: _common(exact(maker), exact(self.maker_bps) / _BPS),
            Liquidity.TAKER: _common(exact(taker), exact(self.taker_bps) / _BPS),
            Liquidity.AUCTION: _common(exact(taker), exact(auction_bps) / _BPS),
        }


def _common(units: Fraction, value: Fraction) -> _Rates:
    denominator = lcm(units.denominator, value.denominator)
    return _Rates(int(units * denominator), int(value * denominator), denominator)


NO_COMMISSION: Final = Commission()

TYPICAL_COMMISSIONS: Final[Mapping[str, Commission]] = MappingProxyType(
    {
        venue: Commission(per_unit=fee.per_unit, maker_bps=fee.bps, taker_bps=fee.bps)
        for venue, fee in TYPICAL_FEES.items()
    }
)
"""Commissions by venue: the taker fees of `TYPICAL_FEES`, for makers as well. Rebates and lower fees for makers depend
on a member's volume and are not in it: pass the schedule that you have."""


def commission_of(schedules: Mapping[str, Commission] | Commission | None, venue: str) -> Commission:
    """Return the schedule of a venue: one for all venues is that of each, a venue without one has `NO_COMMISSION`."""
    if isinstance(schedules, Commission):
        return schedules
    return NO_COMMISSION if schedules is None else schedules.get(venue, NO_COMMISSION)
