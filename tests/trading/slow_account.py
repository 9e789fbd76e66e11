"""Slow, obvious account: amounts in units of the currencies, as fractions."""

from __future__ import annotations

from fractions import Fraction

from hftlab.protocol.enums import Side
from hftlab.trading.commissions import NO_COMMISSION, Commission
from hftlab.trading.venue import Liquidity

__all__ = ["SCHEDULES", "SlowAccount"]

SCHEDULES = [
    NO_COMMISSION,
    Commission(per_unit=0.003, maker_per_unit=-0.0021),
    Commission(maker_bps=-0.35, taker_bps=0.45, auction_bps=0.333),
    Commission(taker_bps=7.7, minimum=1.5, maximum_bps=90),
]


class SlowAccount:
    """One account in one listing, with the definitions in their plainest form. `smallest` is what cash counts in."""

    def __init__(self, smallest: Fraction, schedule: Commission) -> None:
        self.smallest, self.schedule = smallest, schedule
        self.quantity = self.cost = self.realized = self.cash = Fraction(0)

    def rounded(self, amount: Fraction) -> Fraction:
        return round(amount / self.smallest) * self.smallest

    def charge(self, quantity: Fraction, price: Fraction, role: Liquidity) -> Fraction:
        schedule = self.schedule
        bps = {
            Liquidity.MAKER: schedule.maker_bps,
            Liquidity.TAKER: schedule.taker_bps,
            Liquidity.AUCTION: schedule.auction_bps,
        }[role]
        own = {
            Liquidity.MAKER: schedule.maker_per_unit,
            Liquidity.TAKER: schedule.taker_per_unit,
            Liquidity.AUCTION: schedule.taker_per_unit,
        }[role]
        bps = schedule.taker_bps if bps is None else bps
        own = schedule.per_unit if own is None else own
        charge = Fraction(str(own)) * quantity + Fraction(str(bps)) / 10_000 * quantity * price
        if charge >= 0:
            charge = max(charge, Fraction(str(schedule.minimum)))
            if schedule.maximum_bps is not None:
                charge = min(charge, Fraction(str(schedule.maximum_bps)) / 10_000 * quantity * price)
        return self.rounded(charge)

    def fill(self, side: Side, quantity: Fraction, price: Fraction, role: Liquidity) -> None:
        charge, value = self.charge(quantity, price, role), self.rounded(quantity * price)
        sign = 1 if side is Side.BUY else -1
        self.cash -= sign * value + charge
        closed = min(quantity, abs(self.quantity)) if self.quantity * sign < 0 else Fraction(0)
        if closed:
            brought = value if closed == quantity else self.rounded(closed * price)
            removed = self.rounded(self.cost * closed / abs(self.quantity))
            self.realized += -sign * brought - removed
            self.cost -= removed
            value -= brought
        if closed < quantity:
            self.cost += sign * value
        self.quantity += sign * quantity
        self.realized -= charge
