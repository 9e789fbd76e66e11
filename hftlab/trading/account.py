"""Accounts: cash by currency, positions, and what they are worth in the account's own currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final, NamedTuple

from hftlab.errors import HftlabError
from hftlab.instruments import UNIT, Instrument
from hftlab.protocol.enums import SelfTradePrevention, Side
from hftlab.trading.commissions import TYPICAL_COMMISSIONS, Commission, commission_of
from hftlab.trading.money import cash_currency, checked_number, exact, floor_units, round_half_even
from hftlab.trading.position import Position, price_currency
from hftlab.trading.risk_limits import RiskLimits
from hftlab.trading.venue import Liquidity

__all__ = ["RATES", "Account", "AccountTerms", "Portfolio", "Position"]

RATES: Final[Mapping[str, float]] = MappingProxyType({"GBP": 1.25, "EUR": 1.10, "USDT": 1.0})
"""Fixed exchange rates in USD for accounts in USD that give none. They are round numbers for experiments, of no day."""


@dataclass(frozen=True, kw_only=True)
class AccountTerms:
    """Terms of an account: its cash and currency, exchange rates, leverage, commissions and limits.

    `cash` is an amount in `currency`, or amounts by currency. `rates` are what one unit of another currency is worth in
    `currency`; they stay fixed, and without them an account in USD has `RATES`. Pence (GBX) are paid in GBP and go with
    its rate. Positions and open orders may be worth `leverage` times the account's total value. `commissions` are
    schedules by venue (a venue without one charges nothing), one for all venues, or None. Raises ValueError naming the
    field and its value.
    """

    cash: float | Mapping[str, float] = 1_000_000.0
    currency: str = "USD"
    rates: Mapping[str, float] = field(default_factory=lambda: RATES)
    leverage: float = 1.0
    commissions: Mapping[str, Commission] | Commission | None = field(default_factory=lambda: TYPICAL_COMMISSIONS)
    limits: RiskLimits = field(default_factory=RiskLimits)
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST

    def __post_init__(self) -> None:
        _check_currency("currency", self.currency)
        if self.rates is RATES and self.currency != "USD":
            object.__setattr__(self, "rates", {})
        for name in ("cash", "rates", "commissions"):  # copies: a mapping that changes later would change the account
            if isinstance(value := getattr(self, name), Mapping):
                object.__setattr__(self, name, dict(value))
        self._check_rates()
        if isinstance(self.cash, Mapping):
            for currency, amount in self.cash.items():
                _check_currency("cash", currency)
                checked_number(f"cash[{currency!r}]", amount)
                if currency != self.currency and currency not in self.rates:
                    raise ValueError(f"cash is in {currency}, which has no rate in {self.currency}: pass one in rates")
        else:
            checked_number("cash", self.cash)
        checked_number("leverage", self.leverage, above=0)
        self._check_commissions()
        if not isinstance(self.limits, RiskLimits):
            raise ValueError(f"limits is {self.limits!r}: it must be RiskLimits, such as RiskLimits(max_position=1000)")
        if self.self_trade_prevention not in tuple(SelfTradePrevention):
            names = ", ".join(SelfTradePrevention)
            raise ValueError(f"self_trade_prevention is {self.self_trade_prevention!r}: it must be one of {names}")
        object.__setattr__(self, "self_trade_prevention", SelfTradePrevention(self.self_trade_prevention))

    def _check_rates(self) -> None:
        if not isinstance(self.rates, Mapping):
            raise ValueError(f"rates is {self.rates!r}: it must be rates by currency, such as {{'GBP': 1.25}}")
        for currency, rate in self.rates.items():
            _check_currency("rates", currency)
            checked_number(f"rates[{currency!r}]", rate, above=0)
            if currency == self.currency and rate != 1:
                raise ValueError(f"rates[{currency!r}] is {rate!r}: the rate of the account's own currency is 1")

    def _check_commissions(self) -> None:
        schedules = self.commissions
        if schedules is None or isinstance(schedules, Commission):
            return
        if not isinstance(schedules, Mapping):
            raise ValueError(f"commissions is {schedules!r}: it must be a Commission, commissions by venue, or None")
        for venue, schedule in schedules.items():
            if not isinstance(schedule, Commission):
                raise ValueError(f"commissions[{venue!r}] is {schedule!r}: it must be a Commission")


def _check_currency(name: str, currency: object) -> None:
    if not isinstance(currency, str) or not currency:
        raise ValueError(f"{name} has {currency!r} as a currency: give one such as 'USD'")
    cash, parts = cash_currency(currency)
    if cash != currency:
        raise ValueError(f"{name} is in {currency}: give it in {cash}, of which {parts} {currency} are one")


class Portfolio(NamedTuple):
    """Portfolio of an account, in integers of 1e-9 of `currency`."""

    total_value: int
    """Cash and market value."""
    cash: int
    market_value: int
    """Value of all positions, short ones below 0."""
    buying_power: int
    unrealized: int
    realized: int
    day_pnl: int
    currency: str


class _Listing(NamedTuple):
    """Payment terms of one instrument: its prices' currency to cash, to the account's currency and the commission's."""

    instrument: Instrument
    cash: str
    parts: int
    rate: tuple[int, int]
    commission: Commission
    charged_in: str
    charged_parts: int
    worth: Fraction


class Account:
    """Account that trades some instruments: cash by currency, positions and commissions, in integers of 1e-9.

    `instruments` can be traded; `positions` has those that were, by wire symbol. What is bought in a currency is paid
    in it: its cash goes below 0 where there is none, without interest. `commissions` is what was charged, by currency
    of the cash. Prices in a currency that nobody knows are in the account's own. Raises HftlabError for an instrument,
    or a commission, in a currency without a rate.
    """

    def __init__(self, name: str, terms: AccountTerms, instruments: Iterable[Instrument]) -> None:
        self.name = name
        amounts = terms.cash if isinstance(terms.cash, Mapping) else {terms.currency: terms.cash}
        self.cash = {currency: floor_units(amount) for currency, amount in amounts.items()}
        self.commissions: dict[str, int] = {}
        self.positions: dict[str, Position] = {}
        self.instruments = tuple(
            one if price_currency(one) else replace(one, currency=terms.currency) for one in instruments
        )
        # Each position's value in the account's currency, and the sums of all and of the cash: a check of an order adds
        # up nothing.
        self._values: dict[str, int] = {}
        self._market_value = self._gross = self._cash_value = 0
        self.set_terms(terms)

    def set_terms(self, terms: AccountTerms) -> None:
        """Go on with other rates, commissions and limits; cash and positions stay.

        Raises HftlabError for a currency without a rate, and leaves the account as it is.
        """
        listings = self.check_terms(terms)
        self.terms, self._listings, self._leverage = terms, listings, exact(terms.leverage).as_integer_ratio()
        rates = {**terms.rates, terms.currency: 1.0}
        self._rates = {currency: exact(rate).as_integer_ratio() for currency, rate in rates.items()}
        self._value_cash()
        for symbol, position in self.positions.items():
            self._revalue(symbol, position)

    def check_terms(self, terms: AccountTerms) -> dict[str, _Listing]:
        """Check that the account can go on with other terms; returns how its instruments would be paid for.

        Raises HftlabError for a currency without a rate.
        """
        for currency in self.cash:
            self._rate(currency, f"the account has cash in {currency}", terms)
        return {one.wire_symbol: self._listing(one, terms) for one in self.instruments}

    def __repr__(self) -> str:
        held = ", ".join(repr(one) for one in self.positions.values() if one.quantity)
        total = self.total_value / UNIT
        return f"Account({self.name!r}, total_value={total:.2f} {self.terms.currency}, positions=[{held}])"

    def _listing(self, instrument: Instrument, terms: AccountTerms) -> _Listing:
        currency = price_currency(instrument)
        commission = commission_of(terms.commissions, instrument.venue.name)
        charged = commission.currency or currency
        (cash, parts), (charged_in, charged_parts) = cash_currency(currency), cash_currency(charged)
        rate = self._rate(currency, f"{instrument.wire_symbol} is priced in {currency}", terms)
        worth = rate / self._rate(charged, f"{instrument.venue.name} charges commissions in {charged}", terms)
        ratio = rate.as_integer_ratio()
        return _Listing(instrument, cash, parts, ratio, commission, charged_in, charged_parts, worth)

    def _rate(self, currency: str, why: str, terms: AccountTerms) -> Fraction:
        cash, parts = cash_currency(currency)
        rate = 1 if cash == terms.currency else terms.rates.get(cash)
        if rate is None:
            raise HftlabError(
                f"{why}, and account {self.name!r} has no rate of {cash} in {terms.currency}: pass one, as in "
                f"AccountTerms(rates={{{cash!r}: 1.0}})"
            )
        return exact(rate) / parts

    # --- what happens ---

    def fill(self, symbol: str, side: Side, quantity: int, price: int, liquidity: Liquidity) -> int:
        """Take up a fill and return its commission in 1e-9 of the currency of the instrument's prices.

        The quantity is above 0. Raises KeyError for a symbol that the account does not trade.
        """
        listing = self._listings[symbol]
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position(listing.instrument)
        charge = listing.commission.charge(quantity, price, liquidity, worth=listing.worth, step=listing.charged_parts)
        commission = self._in_prices(charge, listing)
        paid = position.fill(quantity if side is Side.BUY else -quantity, price, commission)
        self.cash[listing.cash] = self.cash.get(listing.cash, 0) - paid // listing.parts
        charge //= listing.charged_parts
        self.cash[listing.charged_in] = self.cash.get(listing.charged_in, 0) - charge
        self.commissions[listing.charged_in] = self.commissions.get(listing.charged_in, 0) + charge
        self._value_cash()
        self._revalue(symbol, position)
        return commission

    def mark(self, symbol: str, price: int) -> bool:
        """Set the last price of an instrument and return whether that changed the value of a position."""
        position = self.positions.get(symbol)
        if position is None or position.mark == price:
            return False
        position.mark = price
        return position.quantity != 0 and self._revalue(symbol, position)

    def start_day(self) -> None:
        """Count the day's profit from here, in all positions."""
        for position in self.positions.values():
            position.start_day()

    # --- what it is worth, in 1e-9 of the account's currency ---

    @property
    def total_value(self) -> int:
        """Cash and positions."""
        return self._cash_value + self._market_value

    @property
    def gross_value(self) -> int:
        """Values of all positions, each counted as positive."""
        return self._gross

    def rate(self, symbol: str) -> Fraction:
        """Return what one unit of the currency of an instrument's prices is worth in the account's currency."""
        return Fraction(*self._listings[symbol].rate)

    def value(self, symbol: str, quantity: int, price: int) -> int:
        """Return what a quantity of an instrument is worth at a price, in 1e-9 of the account's currency."""
        numerator, denominator = self._listings[symbol].rate
        if numerator == denominator:
            value, rest = divmod(quantity * price, UNIT)
            if not rest:  # as of most prices and quantities
                return value
        return round_half_even(quantity * price * numerator, denominator * UNIT)

    def buying_power(self, reserved: int = 0) -> int:
        """Return what new positions may be worth; `reserved` is what open orders would cost. Below 0 is too little."""
        times, divisor = self._leverage
        return (self._cash_value + self._market_value) * times // divisor - self._gross - reserved

    def portfolio(self, reserved: int = 0) -> Portfolio:
        """Return the portfolio; `reserved` is what open orders would cost."""
        cash = self._cash_value
        unrealized = realized = day_pnl = 0
        for symbol, position in self.positions.items():
            rate = self._listings[symbol].rate
            open_profit, closed_profit = position.unrealized, position.realized
            unrealized += _converted(open_profit, rate)
            realized += _converted(closed_profit, rate)
            day_pnl += _converted(closed_profit + open_profit - position.day_base, rate)
        market_value = self._market_value
        return Portfolio(  # in the order of its fields: by name takes twice as long
            cash + market_value,
            cash,
            market_value,
            self.buying_power(reserved),
            unrealized,
            realized,
            day_pnl,
            self.terms.currency,
        )

    def _value_cash(self) -> None:
        self._cash_value = sum(_converted(amount, self._rates[currency]) for currency, amount in self.cash.items())

    def _revalue(self, symbol: str, position: Position) -> bool:
        before = self._values.get(symbol, 0)
        after = _converted(position.market_value, self._listings[symbol].rate)
        self._values[symbol] = after
        self._market_value += after - before
        self._gross += abs(after) - abs(before)
        return after != before

    @staticmethod
    def _in_prices(charge: int, listing: _Listing) -> int:
        """Convert a charge to the currency of the prices, to what cash can be paid in; exact in one currency."""
        if listing.worth == 1 and listing.parts == listing.charged_parts:
            return charge
        scale = listing.worth.numerator * listing.parts
        return listing.parts * round_half_even(charge * listing.worth.denominator, scale)


def _converted(amount: int, rate: tuple[int, int]) -> int:
    numerator, denominator = rate
    return amount if numerator == denominator else round_half_even(amount * numerator, denominator)
