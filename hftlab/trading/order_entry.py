"""Entry of orders: the requests of accounts, which are checked and then sent to a trading venue."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeAlias

from hftlab.errors import ServerError
from hftlab.nearest import describe_unknown
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.protocol.order_messages import CancelAll, CancelOrder, NewOrder, OrderUpdate, ReplaceOrder
from hftlab.source import Timed
from hftlab.trading.customer import Customer
from hftlab.trading.orders import FINAL, Order
from hftlab.trading.venue import Cancel, New, Replace, RequestKind, TradingVenue, VenueUpdate
from hftlab.trading.wire import order_update, terms_of, to_units

__all__ = ["OrderEntry", "OrderRequest"]

OrderRequest: TypeAlias = NewOrder | CancelOrder | ReplaceOrder | CancelAll
"""Messages that a broker takes."""

_CANCEL, _REJECT = UpdateType.CANCEL, UpdateType.REJECT
_PENDING_CANCEL: Final = OrderStatus.PENDING_CANCEL
_CANCELLED: Final = (OrderStatus.CANCELED, _PENDING_CANCEL)


class OrderEntry:
    """Entry of the orders of all customers of a broker at one venue.

    Requests that pass the customer's checks go to the venue. What follows at once comes as messages; what becomes of
    them at the venue, the broker hears of later. `open_orders` are those that can still trade, by order id.
    """

    def __init__(self, venue: TradingVenue) -> None:
        self._venue = venue
        self.instruments = {one.wire_symbol: one for one in venue.instruments}
        self.open_orders: dict[str, Order] = {}
        self.count = 0
        """Number of the newest order."""

    def take(
        self, customer: Customer, request: OrderRequest, at: int, entered_by: Hashable | None = None
    ) -> list[Timed[OrderUpdate]]:
        """Take a request of a customer; returns the messages that follow at once. Raises ServerError."""
        match request:
            case ReplaceOrder():
                return self._replace(customer, request, at)
            case NewOrder():
                return self._enter(customer, request, at, entered_by)
            case CancelOrder():
                return self.cancel(customer, self._find(customer, request.client_order_id), at)
            case CancelAll():
                orders = [one for one in customer.orders if request.symbol in (None, one.terms.symbol)]
                return [item for order in orders for item in self.cancel(customer, order, at)]

    def _enter(
        self, customer: Customer, message: NewOrder, at: int, entered_by: Hashable | None
    ) -> list[Timed[OrderUpdate]]:
        known = customer.orders.find(message.client_order_id)
        if known is not None:
            # Read as it was then: the account's prevention may be another one by now.
            if known.entered != (message.client_order_id, terms_of(message, known.terms.self_trade_prevention)):
                raise ServerError(
                    f"the clientOrderId {message.client_order_id!r} is that of another order: give each order its own",
                    context={"clientOrderId": message.client_order_id},
                )
            return []
        instrument = self.instruments.get(message.symbol)
        if instrument is None:
            raise ServerError(
                f"the venue does not trade {describe_unknown([message.symbol], list(self.instruments))}",
                context={"field": "symbol", "unknown": [message.symbol]},
            )
        terms = terms_of(message, customer.account.terms.self_trade_prevention)
        self.count += 1
        order = Order(
            account=customer.account.name,
            order_id=f"ORD_{self.count}",
            client_order_id=message.client_order_id,
            terms=terms,
            entered=(message.client_order_id, terms),
            entered_by=entered_by,
        )
        venue = self._venue
        reference = venue.reference_price(terms.symbol)
        rejection = customer.checks.check_new(
            terms,
            instrument,
            customer.account,
            customer.exposure(terms.symbol),
            reference,
            venue.phase(terms.symbol),
            at,
        )
        customer.orders.add(order)
        if rejection is not None:
            return [_refused(customer, order, RequestKind.NEW, rejection.reason, at)]
        self.open_orders[order.order_id] = order
        customer.reserve(order, reference)
        told = [_told(order, UpdateType.NEW, at)] if venue.latency else []
        venue.submit(order.account, New(order.order_id, terms), at)
        return told

    def cancel(self, customer: Customer, order: Order, at: int) -> list[Timed[OrderUpdate]]:
        """Take a request to cancel an order; returns the messages that follow at once."""
        if order.status in _CANCELLED:
            return []
        if order.status in FINAL:
            return [_refused(customer, order, RequestKind.CANCEL, f"cancel: the order is {order.status}", at)]
        told = []
        if self._venue.latency:
            order.ask_for_cancel()
            told.append(_told(order, _CANCEL, at))
        self._venue.submit(order.account, Cancel(order.order_id), at)
        return told

    def _replace(self, customer: Customer, message: ReplaceOrder, at: int) -> list[Timed[OrderUpdate]]:
        name, new_name = message.client_order_id, message.new_client_order_id
        order = self._find(customer, name)
        other = customer.orders.find(new_name)
        if other is not None:
            if other is order and customer.orders.is_later(order, new_name, name):
                return []
            if new_name != name:
                raise ServerError(
                    f"the newClientOrderId {new_name!r} has been an order's already: give a new one",
                    context={"clientOrderId": new_name},
                )
        quantity, price, stop = message.quantity, message.price, message.stop_price
        # What is left out stays as it is when the request arrives, which may be otherwise than it is now.
        request = Replace(
            order.order_id,
            None if quantity is None else to_units(quantity),
            None if price is None else to_units(price),
            None if stop is None else to_units(stop),
        )
        wanted = request.applied_to(customer.terms_to_be(order))
        if order.status in FINAL or order.status is _PENDING_CANCEL:
            return [_refused(customer, order, RequestKind.REPLACE, f"replace: the order is {order.status}", at)]
        terms, venue = order.terms, self._venue
        symbol = terms.symbol
        reference = venue.reference_price(symbol)
        rejection = customer.checks.check_replace(
            terms,
            wanted,
            order.filled,
            self.instruments[symbol],
            customer.account,
            lambda: customer.exposure(symbol, without=order),
            reference,
            venue.phase(symbol),
            at,
        )
        if rejection is not None:
            return [_refused(customer, order, RequestKind.REPLACE, rejection.reason, at)]
        customer.await_replacement(order, new_name, wanted)
        customer.reserve(order, reference)
        venue.submit(order.account, request, at)
        return []

    def _find(self, customer: Customer, client_order_id: str) -> Order:
        order = customer.orders.find(client_order_id)
        if order is None:
            raise ServerError(
                f"this account has no order with the clientOrderId {client_order_id!r}",
                context={"clientOrderId": client_order_id},
            )
        return order


def _refused(customer: Customer, order: Order, kind: RequestKind, reason: str, at: int) -> Timed[OrderUpdate]:
    """Refuse a request about an order, and return the message that tells of it."""
    order.apply(
        VenueUpdate(
            at=at,
            account=order.account,
            order_id=order.order_id,
            kind=_REJECT,
            request=kind,
            reason=reason,
        )
    )
    if not order.is_open:
        customer.orders.close(order)
    return _told(order, _REJECT, at)


def _told(order: Order, kind: UpdateType, at: int) -> Timed[OrderUpdate]:
    return Timed(at, order_update(order, kind, at), order.account)
