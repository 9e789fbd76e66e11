"""Positions: the open quantity in one instrument, what it has cost, and the profit that is realized."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from hftlab.instruments import UNIT, Instrument
from hftlab.market.costs import VENUE_CURRENCIES
from hftlab.protocol.enums import PositionSide
from hftlab.trading.money import cash_currency, round_half_even

__all__ = ["Position", "price_currency"]

_NOTHING: Final = Fraction(0)


def price_currency(instrument: Instrument) -> str:
    """Return the currency of an instrument's prices; the venue's usual one where the instrument's is unknown."""
    return instrument.currency or VENUE_CURRENCIES.get(instrument.venue.name, instrument.venue.currency)


class Position:
    """Position in one instrument, with weighted average cost.

    Amounts are integers of 1e-9 of `currency`, that of the instrument's prices; those in pence are multiples of 100,
    so that they are exact in pounds. `quantity` (1e-9 units) is below 0 for a short position, and `cost` has its sign:
    what the open quantity was bought or sold for. Increases move the average price, reductions realize profit and leave
    it. `realized` is net of `commissions`. `mark` is the last price (1e-9), a fill's or one that was set. `day_base` is
    the profit, realized or not, with which the day began.
    """

    __slots__ = ("_step", "commissions", "cost", "currency", "day_base", "instrument", "mark", "quantity", "realized")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.currency = price_currency(instrument)
        _, self._step = cash_currency(self.currency)
        self.quantity = self.cost = self.realized = self.commissions = self.day_base = 0
        self.mark: int | None = None

    def __repr__(self) -> str:
        return (
            f"Position({self.instrument.wire_symbol}, quantity={self.quantity / UNIT:g}, "
            f"average_price={float(self.average_price / UNIT):g} {self.currency})"
        )

    @property
    def side(self) -> PositionSide:
        """Direction of the position."""
        if self.quantity == 0:
            return PositionSide.FLAT
        return PositionSide.LONG if self.quantity > 0 else PositionSide.SHORT

    @property
    def average_price(self) -> Fraction:
        """Price (1e-9) that the open quantity was bought or sold at on average, without commissions; 0 when flat."""
        return Fraction(self.cost * UNIT, self.quantity) if self.quantity else _NOTHING

    @property
    def market_value(self) -> int:
        """Value of the open quantity at the last price, below 0 for a short position."""
        return 0 if self.mark is None else self.value(self.quantity, self.mark)

    @property
    def unrealized(self) -> int:
        """Profit that closing at the last price would realize, without commissions."""
        return self.market_value - self.cost

    @property
    def day_pnl(self) -> int:
        """Realized and unrealized profit since the day began."""
        return self.realized + self.unrealized - self.day_base

    def value(self, quantity: int, price: int) -> int:
        """Return what a quantity is worth at a price, rounded half to even to what cash can be paid in."""
        return self._step * round_half_even(quantity * price, UNIT * self._step)

    def start_day(self) -> None:
        """Count the day's profit from here."""
        self.day_base = self.realized + self.unrealized

    def fill(self, quantity: int, price: int, commission: int) -> int:
        """Take up a fill, `quantity` below 0 for a sale, and return what was paid for it without the commission.

        What is sold brings in money: the result is below 0. A fill beyond the open quantity closes the position and
        opens one the other way at the price of the fill.
        """
        paid = self.value(quantity, price)
        before, self.quantity = self.quantity, self.quantity + quantity
        if before == 0 or (before > 0) == (quantity > 0):
            self.cost += paid
        elif abs(quantity) <= abs(before):
            part = round_half_even(self.cost // self._step * abs(quantity), abs(before))
            self._realize(paid, self._step * part)
        else:
            closing = self.value(-before, price)
            self._realize(closing, self.cost)
            self.cost = paid - closing
        self.realized -= commission
        self.commissions += commission
        self.mark = price
        return paid

    def _realize(self, paid: int, cost: int) -> None:
        """Close what has cost `cost` for `paid`, both below 0 for what was sold."""
        self.cost -= cost
        self.realized -= paid + cost
