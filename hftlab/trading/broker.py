"""Broker between clients and a trading venue: accounts, pre-trade checks, orders, and the messages about them."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Mapping
from typing import Final, TypeAlias

from hftlab.errors import ServerError
from hftlab.nearest import describe_unknown
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.protocol.order_messages import (
    CancelAll,
    CancelOrder,
    NewOrder,
    PrivateMessage,
    ReplaceOrder,
)
from hftlab.source import Timed
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.customer import Customer
from hftlab.trading.orders import Fill, Order
from hftlab.trading.venue import Cancel, New, OrderTerms, Replace, RequestKind, TradingVenue, VenueUpdate
from hftlab.trading.wire import optional_units, order_update, portfolio_update, position_update, terms_of

__all__ = ["DEFAULT_ACCOUNT", "Broker", "OrderRequest"]

OrderRequest: TypeAlias = NewOrder | CancelOrder | ReplaceOrder | CancelAll
"""Messages that a broker takes."""

Private: TypeAlias = Timed[PrivateMessage]

DEFAULT_ACCOUNT: Final = "*"
"""Name of the terms that accounts get which are not named."""

_STATE: Final = ("_customers", "_orders", "_entered", "_day", "_at", "_kept", "_holders")
"""Attributes that change as accounts trade."""

_CHANGES: Final = (UpdateType.FILL, UpdateType.REPLACE)
"""Updates that leave another quantity or price open."""


class Broker:
    """Broker of one venue. It takes the requests of accounts, checks them, and tells each account what becomes of them.

    `terms` are the accounts' by name; "*" are those of all others, which begin when they first ask for something. The
    broker does no I/O: `at` is the venue's time in ns, and messages come as `Timed` with their account.

    `handle()` takes a request, `collect()` returns what has happened at the venue meanwhile, and `mark()` what price
    changes do to positions. `snapshot()` tells an account's state.
    """

    def __init__(self, venue: TradingVenue, terms: Mapping[str, AccountTerms] | None = None) -> None:
        self.venue = venue
        self._instruments = {one.wire_symbol: one for one in venue.instruments}
        self._terms: dict[str, AccountTerms] = {}
        self._customers: dict[str, Customer] = {}
        self._orders: dict[str, Order] = {}
        """Open orders of all accounts by order id."""
        self._entered = 0
        """Number of the newest order."""
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
            Account(name, each, self._instruments.values())  # raises for what it cannot trade
        known = {DEFAULT_ACCOUNT: AccountTerms(), **terms}
        begun = {name: known.get(name, known[DEFAULT_ACCOUNT]) for name in self._customers}
        for name, each in begun.items():
            self._customers[name].account.check_terms(each)
        self._terms = known
        for name, each in begun.items():
            customer = self._customers[name]
            customer.set_terms(each)
            for order in customer.orders:  # another rate is another cost
                self._reserve(customer, order)

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
        return Customer(name, self._terms.get(name, self._terms[DEFAULT_ACCOUNT]), self._instruments)

    # --- requests ---

    def handle(self, name: str, request: OrderRequest, at: int, *, entered_by: Hashable | None = None) -> list[Private]:
        """Take a request of an account; returns the messages that follow at once.

        With `entered_by` a new order is cancelled by disconnect() of the same. Raises ServerError for an order that the
        account does not have, and for a clientOrderId that it has used for another one.
        """
        customer = self._customer(name)
        self._at = max(self._at, at)
        told = self.collect()  # what has happened before the request
        try:
            told += self._handle(customer, request, at, entered_by)
        except ServerError:
            self._kept = told
            raise
        return told + self.collect()

    def _handle(self, customer: Customer, request: OrderRequest, at: int, entered_by: Hashable | None) -> list[Private]:
        match request:
            case NewOrder():
                return self._enter(customer, request, at, entered_by)
            case CancelOrder():
                return self._cancel(customer, self._find(customer, request.client_order_id), at)
            case ReplaceOrder():
                return self._replace(customer, request, at)
            case CancelAll():
                orders = [one for one in customer.orders if request.symbol in (None, one.terms.symbol)]
                return [item for order in orders for item in self._cancel(customer, order, at)]

    def disconnect(self, entered_by: Hashable, at: int) -> list[Private]:
        """Cancel the open orders that were entered by a connection that asked for it."""
        told = self.collect()
        for order in [each for each in self._orders.values() if each.entered_by == entered_by]:
            told += self._cancel(self._customers[order.account], order, at)
        return told + self.collect()

    def _enter(self, customer: Customer, message: NewOrder, at: int, entered_by: Hashable | None) -> list[Private]:
        known = customer.orders.find(message.client_order_id)
        if known is not None:
            # Read as it was then: the account's prevention may be another one by now.
            if known.entered != (message.client_order_id, terms_of(message, known.terms.self_trade_prevention)):
                raise ServerError(
                    f"the clientOrderId {message.client_order_id!r} is that of another order: give each order its own",
                    context={"clientOrderId": message.client_order_id},
                )
            return []
        instrument = self._instruments.get(message.symbol)
        if instrument is None:
            raise ServerError(
                f"the venue does not trade {describe_unknown([message.symbol], list(self._instruments))}",
                context={"field": "symbol", "unknown": [message.symbol]},
            )
        terms = terms_of(message, customer.account.terms.self_trade_prevention)
        self._entered += 1
        order = Order(
            account=customer.account.name,
            order_id=f"ORD_{self._entered}",
            client_order_id=message.client_order_id,
            terms=terms,
            entered=(message.client_order_id, terms),
            entered_by=entered_by,
        )
        venue = self.venue
        rejection = customer.checks.check_new(
            terms,
            instrument,
            customer.account,
            customer.exposure(terms.symbol),
            venue.reference_price(terms.symbol),
            venue.phase(terms.symbol),
            at,
        )
        customer.orders.add(order)
        if rejection is not None:
            self._refuse(customer, order, RequestKind.NEW, rejection.reason, at)
            return [self._told(order, UpdateType.REJECT, at)]
        self._orders[order.order_id] = order
        self._reserve(customer, order)
        told = [self._told(order, UpdateType.NEW, at)] if venue.latency else []
        venue.submit(order.account, New(order.order_id, terms), at)
        return told

    def _cancel(self, customer: Customer, order: Order, at: int) -> list[Private]:
        if order.status in (OrderStatus.CANCELED, OrderStatus.PENDING_CANCEL):
            return []
        if not order.is_open:
            self._refuse(customer, order, RequestKind.CANCEL, f"cancel: the order is {order.status}", at)
            return [self._told(order, UpdateType.REJECT, at)]
        told = []
        if self.venue.latency:
            order.ask_for_cancel()
            told.append(self._told(order, UpdateType.CANCEL, at))
        self.venue.submit(order.account, Cancel(order.order_id), at)
        return told

    def _replace(self, customer: Customer, message: ReplaceOrder, at: int) -> list[Private]:
        order = self._find(customer, message.client_order_id)
        other = customer.orders.find(message.new_client_order_id)
        if other is order and customer.orders.is_later(order, message.new_client_order_id, message.client_order_id):
            return []
        if other is not None and message.new_client_order_id != message.client_order_id:
            raise ServerError(
                f"the newClientOrderId {message.new_client_order_id!r} has been an order's already: give a new one",
                context={"clientOrderId": message.new_client_order_id},
            )
        # What is left out stays as it is when the request arrives, which may be otherwise than it is now.
        request = Replace(
            order.order_id,
            optional_units(message.quantity),
            optional_units(message.price),
            optional_units(message.stop_price),
        )
        wanted = request.applied_to(customer.terms_to_be(order))
        reason = self._objection(customer, order, wanted, at)
        if reason is not None:
            self._refuse(customer, order, RequestKind.REPLACE, reason, at)
            return [self._told(order, UpdateType.REJECT, at)]
        customer.await_replacement(order, message.new_client_order_id, wanted)
        self._reserve(customer, order)
        self.venue.submit(order.account, request, at)
        return []

    def _objection(self, customer: Customer, order: Order, wanted: OrderTerms, at: int) -> str | None:
        """Return why an order cannot be replaced; None if it can."""
        if not order.is_open or order.status is OrderStatus.PENDING_CANCEL:
            return f"replace: the order is {order.status}"
        symbol = order.terms.symbol
        rejection = customer.checks.check_replace(
            order.terms,
            wanted,
            order.filled,
            self._instruments[symbol],
            customer.account,
            customer.exposure(symbol, without=order),
            self.venue.reference_price(symbol),
            self.venue.phase(symbol),
            at,
        )
        return None if rejection is None else rejection.reason

    def _find(self, customer: Customer, client_order_id: str) -> Order:
        order = customer.orders.find(client_order_id)
        if order is None:
            raise ServerError(
                f"this account has no order with the clientOrderId {client_order_id!r}",
                context={"clientOrderId": client_order_id},
            )
        return order

    def _refuse(self, customer: Customer, order: Order, kind: RequestKind, reason: str, at: int) -> None:
        order.apply(
            VenueUpdate(
                at=at,
                account=order.account,
                order_id=order.order_id,
                kind=UpdateType.REJECT,
                request=kind,
                reason=reason,
            )
        )
        if not order.is_open:
            customer.orders.close(order)

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
            self._at = max(self._at, _heard(update))
            order = self._orders.get(update.order_id)
            if order is None:
                continue
            told.append(self._follow(order, update))
            if update.kind is UpdateType.FILL:
                touched[order.account, order.terms.symbol] = _heard(update)
        if touched:
            told += self._positions(touched)
        if self._day != self.venue.day:
            self._day = self.venue.day
            told += self._start_day()
        return told

    def _follow(self, order: Order, update: VenueUpdate) -> Private:
        customer, fill = self._customers[order.account], None
        order.apply(update)
        if update.kind is UpdateType.FILL:
            fill = self._fill(customer, order, update)
        elif update.kind is UpdateType.REPLACE and update.reason is None:
            customer.end_replacement(order, is_done=True)
        elif update.request is RequestKind.REPLACE:
            customer.end_replacement(order, is_done=False)
        if order.is_open:
            if update.kind in _CHANGES or update.request is RequestKind.REPLACE:
                self._reserve(customer, order)
        else:
            customer.release(order)
            del self._orders[order.order_id]
        return self._told(order, update.kind, update.at, fill, heard=_heard(update))

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

    def _told(
        self, order: Order, kind: UpdateType, at: int, fill: Fill | None = None, *, heard: int | None = None
    ) -> Private:
        return Timed(at if heard is None else heard, order_update(order, kind, at, fill=fill), order.account)

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
        return pickle.dumps({name: getattr(self, name) for name in _STATE}, pickle.HIGHEST_PROTOCOL)

    def restore(self, checkpoint: bytes) -> None:
        """Go back, or on, to a checkpoint of this broker; accounts keep the terms that they have by now."""
        vars(self).update(pickle.loads(checkpoint))  # noqa: S301 - of this process, never of a file
        for name, customer in self._customers.items():
            terms = self._terms.get(name, self._terms[DEFAULT_ACCOUNT])
            if customer.account.terms != terms:
                customer.set_terms(terms)

    @property
    def needs_valuation(self) -> bool:
        """Whether an account has a position, or a portfolio that differs from the last that was told."""
        for holders in self._holders.values():  # asked for often: a generator takes several times as long
            if holders:
                return True
        for customer in self._customers.values():  # noqa: SIM110
            if customer.has_changed:
                return True
        return False

    @property
    def held_symbols(self) -> list[str]:
        """Symbols in which an account has a position."""
        return [symbol for symbol, holders in self._holders.items() if holders]

    def _reserve(self, customer: Customer, order: Order) -> None:
        """Count an open order at the price that it is valued at."""
        customer.reserve(order, self.venue.reference_price(order.terms.symbol))


def _heard(update: VenueUpdate) -> int:
    """Return when the broker hears of an update."""
    return update.at if update.reported is None else update.reported
