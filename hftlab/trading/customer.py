"""Customer of a broker: an account with its orders, what they would cost, and its pre-trade checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hftlab.instruments import Instrument
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.protocol.order_messages import PrivateMessage
from hftlab.trading.account import Account, AccountTerms, Portfolio
from hftlab.trading.open_exposure import OpenExposure
from hftlab.trading.order_list import OrderList
from hftlab.trading.orders import Fill, Order, Replacement
from hftlab.trading.risk import Exposure, PreTradeChecks, order_price
from hftlab.trading.venue import OrderTerms, VenueUpdate
from hftlab.trading.wire import order_update, portfolio_update, position_update

__all__ = ["Customer"]

_KINDS: Final = {
    OrderStatus.PENDING_NEW: UpdateType.NEW,
    OrderStatus.NEW: UpdateType.NEW,
    OrderStatus.PARTIALLY_FILLED: UpdateType.FILL,
    OrderStatus.FILLED: UpdateType.FILL,
    OrderStatus.PENDING_CANCEL: UpdateType.CANCEL,
    OrderStatus.CANCELED: UpdateType.CANCEL,
    OrderStatus.REJECTED: UpdateType.REJECT,
    OrderStatus.EXPIRED: UpdateType.EXPIRE,
}
"""Update type that goes with a status where an order is told as state."""


class Customer:
    """Customer of a broker: one account, its orders and its checks; prices and quantities are integers of 1e-9."""

    def __init__(self, name: str, terms: AccountTerms, instruments: Mapping[str, Instrument]) -> None:
        self.account = Account(name, terms, instruments.values())
        self.orders = OrderList()
        self.checks = PreTradeChecks(terms.limits)
        self.has_changed = False
        """True if the portfolio differs from the last that was told."""
        self._exposure = OpenExposure()

    def set_terms(self, terms: AccountTerms) -> None:
        """Go on with other terms; cash, positions and orders stay. Raises HftlabError."""
        self.account.set_terms(terms)
        self.checks = PreTradeChecks(terms.limits)
        self.has_changed = True
        for order in self.orders:  # other rates are other costs
            order.counted = None

    # --- open orders ---

    def exposure(self, symbol: str, *, without: Order | None = None) -> Exposure:
        """Return what is open in a symbol and what all open orders would cost, without one of them if it is given."""
        return self._exposure.of(symbol, self.account.positions, without=without)

    def reserve(self, order: Order, reference: int | None) -> None:
        """Count an open order by what is left of it, as it is valued with this reference price.

        While replacements are on their way, the largest of its quantities and the highest of its prices count.
        """
        terms = order.terms
        quantity, price = terms.quantity, order_price(terms, reference) or 0
        for each in order.replacements:
            other = each.terms
            if other.quantity > quantity:
                quantity = other.quantity
            other_price = order_price(other, reference) or 0
            if other_price > price:
                price = other_price
        quantity -= order.filled
        counted = quantity, price
        if order.counted != counted:  # a replacement changes it when it is asked for or when it is done
            order.counted = counted
            self._exposure.set(order, quantity, self.account.value(terms.symbol, quantity, price))
        self.has_changed = True

    def release(self, order: Order) -> None:
        """Count an order no more: it is over."""
        self._exposure.drop(order)
        order.counted, order.replacements = None, ()
        self.orders.close(order)
        self.has_changed = True

    def fill(self, order: Order, update: VenueUpdate) -> Fill:
        """Take a fill of an order into the account."""
        quantity, price, liquidity = update.quantity, update.price, update.liquidity
        assert quantity is not None
        assert price is not None
        assert liquidity is not None
        charged = self.account.fill(order.terms.symbol, order.terms.side, quantity, price, liquidity)
        order.commission += charged
        return Fill(update.at, quantity, price, liquidity, charged)

    # --- replacements ---

    def terms_to_be(self, order: Order) -> OrderTerms:
        """Return the terms that an order has once the replacements that are on their way are done."""
        return order.replacements[-1].terms if order.replacements else order.terms

    def await_replacement(self, order: Order, client_order_id: str, terms: OrderTerms) -> None:
        """Note that an order is about to have another clientOrderId, by which it is found from now on, and terms."""
        self.orders.name(order, client_order_id)
        order.replacements = (*order.replacements, Replacement(client_order_id, terms))

    def end_replacement(self, order: Order, *, is_done: bool) -> None:
        """Give an order its new clientOrderId, or make that one free again if the replacement was refused."""
        if not order.replacements:
            return  # of a venue that says so without having been asked
        client_order_id = order.replacements[0].client_order_id
        order.replacements = order.replacements[1:]
        if is_done:
            order.client_order_id = client_order_id
            self.orders.name(order, client_order_id)  # once more if as many as are kept were on their way behind it
        elif client_order_id != order.client_order_id:
            self.orders.unname(order, client_order_id)

    # --- state ---

    def portfolio(self) -> Portfolio:
        """Return the portfolio, with the buying power that open orders leave."""
        return self.account.portfolio(self._exposure.notional(self.account.positions))

    def state(self, at: int, *, with_finished: bool = False) -> list[PrivateMessage]:
        """Return the state as messages: open orders, positions, and last the portfolio.

        `with_finished` adds the orders that are over and still known, before the open ones.
        """
        orders = [*(self.orders.finished if with_finished else ()), *self.orders]
        return [
            *(order_update(order, _KINDS[order.status], at, snapshot=True) for order in orders),
            *(position_update(position, at, snapshot=True) for position in self.account.positions.values()),
            portfolio_update(self.portfolio(), at, snapshot=True),
        ]
