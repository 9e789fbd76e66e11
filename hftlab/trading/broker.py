"""Broker between clients and a trading venue: accounts, pre-trade checks, orders, and the messages about them."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Mapping
from typing import Final, TypeAlias

from hftlab.errors import ServerError
from hftlab.protocol.enums import UpdateType
from hftlab.protocol.order_messages import PrivateMessage
from hftlab.source import Timed
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.customer import Customer
from hftlab.trading.order_entry import OrderEntry, OrderRequest
from hftlab.trading.orders import FINAL, Fill, Order
from hftlab.trading.venue import RequestKind, TradingVenue, VenueUpdate
from hftlab.trading.wire import order_update, portfolio_update, position_update

__all__ = ["DEFAULT_ACCOUNT", "Broker", "OrderRequest"]

Private: TypeAlias = Timed[PrivateMessage]

DEFAULT_ACCOUNT: Final = "*"
"""Name of the terms that accounts get which are not named."""

_STATE: Final = ("_customers", "_day", "_at", "_kept", "_holders")
"""Attributes that change as accounts trade."""

_FILL, _REPLACE, _REPLACEMENT = UpdateType.FILL, UpdateType.REPLACE, RequestKind.REPLACE


class Broker:
    """Broker of one venue. It takes the requests of accounts, checks them, and tells each account what becomes of them.

    `terms` are the accounts' by name; "*" are those of all others, which begin when they first ask for something. The
    broker does no I/O: `at` is the venue's time in ns, and messages come as `Timed` with their account.

    `handle()` takes a request, `collect()` returns what has happened at the venue meanwhile, and `mark()` what price
    changes do to positions. `snapshot()` tells an account's state.
    """

    def __init__(self, venue: TradingVenue, terms: Mapping[str, AccountTerms] | None = None) -> None:
        self.venue = venue
        self._entry = OrderEntry(venue)
        self._terms: dict[str, AccountTerms] = {}
        self._customers: dict[str, Customer] = {}
        self._day = venue.day
        self._at = 0
        """Time of the last thing that has happened."""
        self._kept: list[Private] = []
        """Messages that nobody has taken yet, because the request that they came with raised."""
        self._holders: dict[str, dict[str, None]] = {}
        """Symbol -> accounts that have a position in it; a set would have another order in each process."""
        self.set_terms(terms or {})

    # --- accounts ---

    def set_terms(self, terms: Mapping[str, AccountTerms]) -> None:
        """Give accounts other terms. Those that have begun keep their cash and positions, and get the new limits.

        Raises TypeError for terms that are not AccountTerms, HftlabError for a currency without a rate; nothing has
        changed then.
        """
        for name, each in terms.items():
            if not isinstance(each, AccountTerms):
                raise TypeError(f"accounts[{name!r}] is {each!r}: give an AccountTerms(cash=..., limits=...)")
            Account(name, each, self._entry.instruments.values())  # raises for what it cannot trade
        known = {DEFAULT_ACCOUNT: AccountTerms(), **terms}
        begun = {name: known.get(name, known[DEFAULT_ACCOUNT]) for name in self._customers}
        for name, each in begun.items():
            self._customers[name].account.check_terms(each)
        self._terms = known
        for name, each in begun.items():
            self._change_terms(self._customers[name], each)

    def _change_terms(self, customer: Customer, terms: AccountTerms) -> None:
        customer.set_terms(terms)
        for order in customer.orders:  # another rate is another cost
            customer.reserve(order, self.venue.reference_price(order.terms.symbol))

    def account(self, name: str) -> Account:
        """Return an account; one that has not traded yet begins with its terms."""
        return self._customer(name).account

    @property
    def accounts(self) -> list[str]:
        """Names of the accounts that have begun."""
        return list(self._customers)

    def orders(self, name: str) -> list[Order]:
        """Return the open orders of an account, in the order of their entry."""
        return list(self._customer(name).orders)

    def _customer(self, name: str) -> Customer:
        customer = self._customers.get(name)
        if customer is None:
            customer = self._customers[name] = self._new_customer(name)
        return customer

    def _new_customer(self, name: str) -> Customer:
        return Customer(name, self._terms.get(name, self._terms[DEFAULT_ACCOUNT]), self._entry.instruments)

    # --- requests ---

    def handle(self, name: str, request: OrderRequest, at: int, *, entered_by: Hashable | None = None) -> list[Private]:
        """Take a request of an account; returns the messages that follow at once.

        With `entered_by` a new order is cancelled by disconnect() of the same. Raises ServerError for an order that the
        account does not have, and for a clientOrderId that it has used for another one.
        """
        customer = self._customers.get(name) or self._customer(name)
        if at > self._at:
            self._at = at
        told = self.collect()  # what has happened before the request
        try:
            told += self._entry.take(customer, request, at, entered_by)
        except ServerError:
            self._kept = told
            raise
        return told + self.collect()

    def disconnect(self, entered_by: Hashable, at: int) -> list[Private]:
        """Cancel the open orders that were entered by a connection that asked for it."""
        told = self.collect()
        for order in [each for each in self._entry.open_orders.values() if each.entered_by == entered_by]:
            told += self._entry.cancel(self._customers[order.account], order, at)
        return told + self.collect()

    # --- what the venue reports ---

    def collect(self) -> list[Private]:
        """Return the messages for what has happened at the venue since the last call.

        The updates of orders come in their order, then each position that they have changed, and the portfolios.
        """
        updates = self.venue.take_updates()
        if not updates and not self._kept and self._day == self.venue.day:  # as nearly always, for whoever asks often
            return []
        told, self._kept = self._kept, []
        touched: dict[tuple[str, str], int] = {}
        for update in updates:
            heard = update.at if update.reported is None else update.reported
            if heard > self._at:
                self._at = heard
            order = self._entry.open_orders.get(update.order_id)
            if order is None:
                continue
            fill = self._follow(order, update)
            told.append(Timed(heard, order_update(order, update.kind, update.at, fill=fill), order.account))
            if fill is not None:
                touched[order.account, order.terms.symbol] = heard
        if touched:
            told += self._positions(touched)
        if self._day != self.venue.day:
            self._day = self.venue.day
            told += self._start_day()
        return told

    def _follow(self, order: Order, update: VenueUpdate) -> Fill | None:
        """Take an update into its order and account; returns the fill if it is one."""
        customer, fill, kind = self._customers[order.account], None, update.kind
        order.apply(update)
        is_changed = True
        if kind is _FILL:
            fill = self._fill(customer, order, update)
        elif kind is _REPLACE:
            if update.reason is None or update.request is _REPLACEMENT:
                customer.end_replacement(order, is_done=update.reason is None)
        elif update.request is _REPLACEMENT:
            customer.end_replacement(order, is_done=False)
        else:
            is_changed = False
        if order.status in FINAL:
            customer.release(order)
            del self._entry.open_orders[order.order_id]
        elif is_changed:  # another quantity or price is open
            customer.reserve(order, self.venue.reference_price(order.terms.symbol))
        return fill

    def _fill(self, customer: Customer, order: Order, update: VenueUpdate) -> Fill:
        fill = customer.fill(order, update)
        symbol = order.terms.symbol
        holders = self._holders.setdefault(symbol, {})
        if customer.account.positions[symbol].quantity:
            holders[order.account] = None
        else:
            holders.pop(order.account, None)
        return fill

    def _positions(self, touched: Mapping[tuple[str, str], int]) -> list[Private]:
        told: list[Private] = []
        portfolios: dict[str, int] = {}
        for (name, symbol), at in touched.items():
            told.append(Timed(at, position_update(self._customers[name].account.positions[symbol], at), name))
            portfolios[name] = at
        for name, at in portfolios.items():
            customer = self._customers[name]
            customer.has_changed = False
            told.append(Timed(at, portfolio_update(customer.portfolio(), at), name))
        return told

    # --- prices ---

    def mark(self, symbol: str, price: int, at: int) -> list[Private]:
        """Value the positions in a symbol at another price (1e-9); returns a POSITION_UPDATE for each that changes."""
        self._at = max(self._at, at)
        told: list[Private] = []
        for name in self._holders.get(symbol, ()):
            customer = self._customers[name]
            if customer.account.mark(symbol, price):
                customer.has_changed = True
                position = customer.account.positions[symbol]
                told.append(Timed(at, position_update(position, at, snapshot=True), name))
        return told

    def portfolios(self, at: int) -> list[Private]:
        """Return a PORTFOLIO_UPDATE for each account whose portfolio has changed since the last one."""
        told: list[Private] = []
        for name, customer in self._customers.items():
            if customer.has_changed:
                customer.has_changed = False
                portfolio = customer.portfolio()
                told.append(Timed(at, portfolio_update(portfolio, at, snapshot=True), name))
        return told

    def _start_day(self) -> list[Private]:
        """Let the day's profit of all accounts count from here; returns the state of what that changes."""
        told: list[Private] = []
        for name, customer in self._customers.items():
            customer.account.start_day()
            customer.has_changed = True
            positions = customer.account.positions.values()
            told += [Timed(self._at, position_update(one, self._at, snapshot=True), name) for one in positions]
        return told

    # --- state ---

    def snapshot(self, name: str, at: int, *, with_finished: bool = False) -> list[Private]:
        """Return the state of an account as messages: its open orders, its positions, and last its portfolio.

        `with_finished` adds the orders that are over and still known, before the open ones.
        """
        customer = self._customers.get(name) or self._new_customer(name)  # looking at an account does not begin it
        state = customer.state(at, with_finished=with_finished)
        return [Timed(at, message, name) for message in state]

    def checkpoint(self) -> bytes:
        """Copy all accounts and orders, for restore(); what the venue has of them is not in it."""
        state = {name: getattr(self, name) for name in _STATE}
        return pickle.dumps((state, self._entry.open_orders, self._entry.count), pickle.HIGHEST_PROTOCOL)

    def restore(self, checkpoint: bytes) -> None:
        """Go back, or on, to a checkpoint of this broker; accounts keep the terms that they have by now.

        The venue has to be there already: its prices value what is open on other terms.
        """
        state, open_orders, count = pickle.loads(checkpoint)  # noqa: S301 - of this process, never of a file
        vars(self).update(state)
        self._entry.open_orders, self._entry.count = open_orders, count
        for name, customer in self._customers.items():
            terms = self._terms.get(name, self._terms[DEFAULT_ACCOUNT])
            if customer.account.terms != terms:
                self._change_terms(customer, terms)

    @property
    def needs_valuation(self) -> bool:
        """True if an account has a position, or a portfolio that differs from the last that was told."""
        if any(self._holders.values()):
            return True
        for customer in self._customers.values():  # noqa: SIM110
            if customer.has_changed:  # asked for often: a generator takes several times as long
                return True
        return False

    @property
    def held_symbols(self) -> list[str]:
        """Symbols in which an account has a position."""
        return [symbol for symbol, holders in self._holders.items() if holders]
