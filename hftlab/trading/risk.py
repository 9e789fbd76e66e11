"""Pre-trade checks: what each order of an account must pass before it goes to the venue."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from hftlab.instruments import UNIT, Instrument
from hftlab.protocol.enums import OrderType, Side, TimeInForce
from hftlab.protocol.publishing.limits import Rate, TokenBucket
from hftlab.trading.account import Account
from hftlab.trading.money import exact, floor_units, to_text
from hftlab.trading.risk_limits import RiskLimits
from hftlab.trading.venue import MarketPhase, OrderTerms

__all__ = ["Check", "Exposure", "PreTradeChecks", "Rejection", "RiskLimits", "order_price"]

# Names for members of enumerations, whose lookup by class takes several times as long: every order is checked.
_BUY: Final = Side.BUY
_CONTINUOUS, _CALL, _HALTED, _CLOSED = (
    MarketPhase.CONTINUOUS,
    MarketPhase.CALL,
    MarketPhase.HALTED,
    MarketPhase.CLOSED,
)
_ICEBERG, _STOP_LIMIT = OrderType.ICEBERG, OrderType.STOP_LIMIT
_IMMEDIATE: Final = (TimeInForce.IOC, TimeInForce.FOK)
_STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT)
_RESTING: Final = (OrderType.LIMIT, OrderType.ICEBERG)
_FIELDS: Final = ("price", "stop price", "display quantity")
_NEEDED: Final = {
    OrderType.LIMIT: (True, False, False),
    OrderType.MARKET: (False, False, False),
    OrderType.STOP: (False, True, False),
    OrderType.STOP_LIMIT: (True, True, False),
    OrderType.ICEBERG: (True, False, True),
}
"""Fields that an order of each type has to have, and the only ones that it may have."""
_CENT: Final = UNIT // 100


class Check(StrEnum):
    """Check that refuses an order."""

    TERMS = "TERMS"
    """Values that do not go together, such as a LIMIT order without a price."""
    HALTED = "HALTED"
    TRADING_HOURS = "TRADING_HOURS"
    """The market is closed, or collects orders for an auction and the order cannot wait for it."""
    ORDER_RATE = "ORDER_RATE"
    OPEN_ORDERS = "OPEN_ORDERS"
    TICK = "TICK"
    LOT = "LOT"
    PRICE_BAND = "PRICE_BAND"
    ORDER_QUANTITY = "ORDER_QUANTITY"
    ORDER_NOTIONAL = "ORDER_NOTIONAL"
    POSITION = "POSITION"
    NOTIONAL = "NOTIONAL"
    BUYING_POWER = "BUYING_POWER"


class Rejection(NamedTuple):
    """Refusal of an order: the check, the limit and the value that goes beyond it (None without numbers), and why."""

    check: Check
    limit: float | None
    value: float | None
    reason: str
    """Text for the wire; it names the check, the limit and the value."""


class Exposure(NamedTuple):
    """Open orders of an account, without the one that is checked."""

    buy_quantity: int = 0
    """Open quantity of the buy orders in the order's instrument, in 1e-9 units."""
    sell_quantity: int = 0
    notional: int = 0
    """Cost of all open orders, in 1e-9 of the account's currency."""
    orders: int = 0
    """Number of open orders, in all instruments."""


class PreTradeChecks:
    """Pre-trade checks of one account. Its only state is the rate of orders; times never go back."""

    def __init__(self, limits: RiskLimits) -> None:
        self.limits = limits
        self._order_quantity = _units(limits.max_order_quantity)
        self._order_notional = _units(limits.max_order_notional)
        self._position = _units(limits.max_position)
        self._notional = _units(limits.max_notional)
        band = limits.price_band
        self._band = None if band is None else exact(band).as_integer_ratio()
        self._most_orders = limits.max_open_orders
        self._open_phase = None if limits.trading_hours else _CONTINUOUS
        """Phase in which any order is taken at any time; None for none."""
        self._has_hours = limits.trading_hours
        self._needs_value = limits.buying_power or self._notional is not None
        rate = limits.orders_per_second
        self._bucket = None if rate is None else TokenBucket(Rate(rate, limits.burst))
        self._started: int | None = None

    def check_new(
        self,
        terms: OrderTerms,
        instrument: Instrument,
        account: Account,
        exposure: Exposure,
        reference: int | None,
        phase: MarketPhase,
        at: int,
    ) -> Rejection | None:
        """Return why a new order is refused, None if it may go to the venue.

        `reference` is the instrument's reference price (1e-9), None before there is one; `at` is in nanoseconds UTC.
        """
        return (
            self._rate(at)
            or self._count(exposure.orders)
            or _terms(terms)
            or (None if phase is self._open_phase else self._market(terms, instrument, phase, at))
            or _grid(terms, instrument)
            or self._order(terms, account, reference)
            or self._account(terms, terms.quantity, account, exposure, reference)
        )

    def check_replace(
        self,
        terms_before: OrderTerms,
        terms_after: OrderTerms,
        filled: int,
        instrument: Instrument,
        account: Account,
        exposure: Callable[[], Exposure],
        reference: int | None,
        phase: MarketPhase,
        at: int,
    ) -> Rejection | None:
        """Return why an order is not replaced, None if the replacement may go to the venue.

        `filled` (1e-9 units) is what has traded already, and `exposure` returns what is open without the order. The
        limits of one order count its whole quantity, those of the account what is left. A replacement that asks for no
        more quantity and no more money than before has no limits of the account, and its exposure is not asked for.
        """
        rejection = (
            self._rate(at)
            or _terms(terms_after, replaces=True)
            or (_nothing_open(terms_after, filled) if terms_after.quantity <= filled else None)
            or (None if phase is self._open_phase else self._market(terms_after, instrument, phase, at))
            or _grid(terms_after, instrument)
            or self._order(terms_after, account, reference)
        )
        if rejection is not None or _is_no_more(terms_before, terms_after, reference):
            return rejection
        return self._account(terms_after, terms_after.quantity - filled, account, exposure(), reference)

    def _rate(self, at: int) -> Rejection | None:
        if self._bucket is None:
            return None
        if self._started is None:
            self._started = at
        wait = self._bucket.take((at - self._started) / UNIT)
        if not wait:
            return None
        limit = self._bucket.rate
        return Rejection(
            Check.ORDER_RATE,
            limit.per_second,
            None,
            f"order rate: more than {limit.per_second:g} a second and {limit.burst:,} at once, wait {wait:.3f} seconds",
        )

    def _count(self, orders: int) -> Rejection | None:
        most = self._most_orders
        if most is None or orders < most:
            return None
        return Rejection(
            Check.OPEN_ORDERS, most, orders + 1, f"open orders: {orders:,} are open, and the limit is {most:,}"
        )

    def _market(self, terms: OrderTerms, instrument: Instrument, phase: MarketPhase, at: int) -> Rejection | None:
        symbol = terms.symbol
        if phase is _HALTED:
            return Rejection(Check.HALTED, None, None, f"halted: {symbol} does not trade now")
        if phase is _CLOSED:
            return Rejection(Check.TRADING_HOURS, None, None, f"trading hours: the market of {symbol} is closed")
        if phase is _CALL and terms.type not in _STOPS:
            name = "post-only" if terms.post_only else str(terms.time_in_force)
            if terms.post_only or terms.time_in_force in _IMMEDIATE:
                reason = f"trading hours: {symbol} is in a call for an auction, which takes no {name} orders"
                return Rejection(Check.TRADING_HOURS, None, None, reason)
        if self._has_hours and instrument.venue.phase_at(at) != "regular":
            reason = f"trading hours: {symbol} trades in the regular hours of {instrument.venue.name} only"
            return Rejection(Check.TRADING_HOURS, None, None, reason)
        return None

    def _order(self, terms: OrderTerms, account: Account, reference: int | None) -> Rejection | None:
        """Check what concerns the order alone: its price, quantity and value."""
        band, price = self._band, terms.price
        if band is not None and price is not None:
            base = terms.stop_price if terms.type is _STOP_LIMIT else reference
            if base is not None and base > 0:
                share, whole = band
                is_buy = terms.side is _BUY
                if price * whole > base * (whole + share) if is_buy else price * whole < base * (whole - share):
                    return _outside(price, base, share if is_buy else -share, whole)
        quantity = terms.quantity
        if self._order_quantity is not None and quantity > self._order_quantity:
            limit = self._order_quantity
            reason = f"order quantity: {to_text(quantity)} is more than the limit of {to_text(limit)}"
            return Rejection(Check.ORDER_QUANTITY, limit / UNIT, quantity / UNIT, reason)
        if self._order_notional is None:
            return None
        price = order_price(terms, reference)
        if price is None:
            return _no_price(Check.ORDER_NOTIONAL, "order notional", terms)
        limit, value = self._order_notional, abs(account.value(terms.symbol, quantity, price))
        if value > limit:
            return _more(Check.ORDER_NOTIONAL, "order notional", "", value, limit, account)
        return None

    def _account(
        self, terms: OrderTerms, quantity: int, account: Account, exposure: Exposure, reference: int | None
    ) -> Rejection | None:
        """Check what the account would hold and owe if `quantity`, the open part of the order, were filled."""
        position = account.positions.get(terms.symbol)
        held = 0 if position is None else position.quantity
        # What it would hold in the order's direction; up to 0 the order only reduces a position of the other one.
        after = quantity + (exposure.buy_quantity + held if terms.side is _BUY else exposure.sell_quantity - held)
        if self._position is not None and after > self._position:
            limit = self._position
            reason = f"position: {to_text(after)} with all open orders is more than the limit of {to_text(limit)}"
            return Rejection(Check.POSITION, limit / UNIT, after / UNIT, reason)
        increase = quantity if quantity < after else after
        if not self._needs_value or increase <= 0:
            return None
        price = order_price(terms, reference)
        if price is None:
            return _no_price(Check.BUYING_POWER, "buying power", terms)
        needed = abs(account.value(terms.symbol, increase, price))
        if self._notional is not None:
            total = account.gross_value + exposure.notional + needed
            if total > self._notional:
                return _more(Check.NOTIONAL, "notional", " with all open orders", total, self._notional, account)
        if not self.limits.buying_power:
            return None
        left = account.buying_power(exposure.notional)
        if needed <= left:
            return None
        currency = account.terms.currency
        reason = (
            f"buying power: the order needs {_money(needed, up=True)} {currency} and {_money(left)} {currency} are left"
        )
        return Rejection(Check.BUYING_POWER, left / UNIT, needed / UNIT, reason)


def _terms(terms: OrderTerms, *, replaces: bool = False) -> Rejection | None:
    kind, display = terms.type, terms.display_quantity
    given, needed = (terms.price is not None, terms.stop_price is not None, display is not None), _NEEDED[kind]
    if given != needed:
        name, has = next((name, has) for name, has, needs in zip(_FIELDS, given, needed, strict=True) if has != needs)
        return _senseless(f"{_name(kind)} order {'with' if has else 'without'} a {name}")
    if display is not None and (display <= 0 or (display > terms.quantity and not replaces)):
        text = f"{_name(kind)} order of {to_text(terms.quantity)} with a display quantity of {to_text(display)}"
        return _senseless(text)
    if kind is _ICEBERG and terms.time_in_force in _IMMEDIATE:
        return _senseless(f"{_name(kind)} order that is {terms.time_in_force} and so never rests")
    if terms.post_only:
        if kind not in _RESTING:
            return _senseless(f"a post-only {kind} order")
        if terms.time_in_force in _IMMEDIATE:
            return _senseless(f"a post-only order that is {terms.time_in_force}")
    return None


def _outside(price: int, base: int, share: int, whole: int) -> Rejection:
    """Refuse a price beyond a share (`share / whole`) above the base price, or below it for a share below 0."""
    limit = Fraction(base * (whole + share), whole)
    reason = (
        f"price band: the price {to_text(price)} is more than {100 * abs(share) / whole:.6g} % "
        f"{'above' if price > base else 'below'} {to_text(base)}: {to_text(round(limit))} is the limit"
    )
    return Rejection(Check.PRICE_BAND, float(limit / UNIT), price / UNIT, reason)


def _nothing_open(terms: OrderTerms, filled: int) -> Rejection:
    reason = (
        f"terms: {to_text(filled)} are filled, a whole quantity of {to_text(terms.quantity)} leaves nothing open: "
        "cancel the order instead"
    )
    return Rejection(Check.TERMS, filled / UNIT, terms.quantity / UNIT, reason)


def _grid(terms: OrderTerms, instrument: Instrument) -> Rejection | None:
    """Check prices against ticks and quantities against lots."""
    for price in (terms.price, terms.stop_price):
        if price is not None:
            tick = instrument.tick if instrument.rule is None else instrument.tick_at(price)
            if price % tick:
                reason = f"tick: the price {to_text(price)} is not a multiple of {to_text(tick)}"
                return Rejection(Check.TICK, tick / UNIT, price / UNIT, reason)
    lot = instrument.lot
    for quantity in (terms.quantity, terms.display_quantity):
        if quantity is not None and (quantity <= 0 or quantity % lot):
            reason = f"lot: the quantity {to_text(quantity)} is not a positive multiple of {to_text(lot)}"
            return Rejection(Check.LOT, lot / UNIT, quantity / UNIT, reason)
    return None


def _is_no_more(before: OrderTerms, after: OrderTerms, reference: int | None) -> bool:
    """Tell whether a replacement asks for no more quantity at no higher value."""
    if after.quantity > before.quantity:
        return False
    old, new = order_price(before, reference), order_price(after, reference)
    if old is None or new is None:
        return old is new
    return abs(new) <= abs(old)


def order_price(terms: OrderTerms, reference: int | None) -> int | None:
    """Return the price that an order is valued at, which it is not expected to trade above.

    A buy's is its limit, or without one the higher of its stop and the reference price: a stop at or below the market
    is released at once. A sell's is its limit, or the reference price, or the stop of a stop order, if that is higher:
    it trades at its limit or better. None if none of them is known.
    """
    highest, stop, buys = terms.price, terms.stop_price, terms.side is _BUY
    if buys and highest is not None:
        return highest
    if stop is not None and (highest is None or stop > highest):
        highest = stop
    if (buys or stop is None) and reference is not None and (highest is None or reference > highest):
        highest = reference
    return highest


def _more(check: Check, name: str, of: str, value: int, limit: int, account: Account) -> Rejection:
    currency = account.terms.currency
    reason = f"{name}: {_money(value, up=True)} {currency}{of} is more than the limit of {_money(limit)} {currency}"
    return Rejection(check, limit / UNIT, value / UNIT, reason)


def _no_price(check: Check, name: str, terms: OrderTerms) -> Rejection:
    reason = f"{name}: {terms.symbol} has no price yet to value {_name(terms.type)} order at: send a LIMIT order"
    return Rejection(check, None, None, reason)


def _senseless(text: str) -> Rejection:
    return Rejection(Check.TERMS, None, None, f"terms: {text}")


def _name(kind: OrderType) -> str:
    return f"{'an' if kind is _ICEBERG else 'a'} {kind}"


def _money(units: int, *, up: bool = False) -> str:
    """Return an amount in whole cents, rounded so that what is missing never looks as if it were there."""
    return to_text(-(-units // _CENT) * _CENT if up else units // _CENT * _CENT, places=2)


def _units(limit: float | None) -> int | None:
    return None if limit is None else floor_units(limit)
