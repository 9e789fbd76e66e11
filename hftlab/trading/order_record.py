"""Record of one order at a client, and the fills that the client has seen."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from hftlab.protocol.enums import OrderStatus, OrderType, Side, TimeInForce, UpdateType
from hftlab.protocol.order_messages import NewOrder, OrderUpdate

__all__ = ["FINAL", "FillRecord", "OrderRecord"]

T = TypeVar("T")

FINAL: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})
"""States that an order does not leave."""


class OrderRecord(msgspec.Struct, frozen=True, gc=False):
    """State of one order as a client knows it: its request at first, then the newest ORDER_UPDATE.

    Prices are in the instrument's currency, quantities in its units, times in nanoseconds UTC. `order_id` is None
    before the first update. `created` is when this client made the order (by its own clock), or the time of the first
    update of another client's order; `updated` is the time of the newest update. In a replay both are the replay's.
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: float
    filled_quantity: float
    remaining_quantity: float
    created: int
    updated: int
    order_id: str | None = None
    price: float | None = None
    stop_price: float | None = None
    display_quantity: float | None = None
    time_in_force: TimeInForce | None = None
    average_price: float | None = None
    commission: float | None = None
    reason: str | None = None
    update_type: UpdateType | None = None
    is_acknowledged: bool = False

    @classmethod
    def of_request(cls, request: NewOrder, at: int) -> OrderRecord:
        """Make the record of an order that is about to be sent at `at`."""
        return cls(
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            status=OrderStatus.PENDING_NEW,
            quantity=request.quantity,
            filled_quantity=0.0,
            remaining_quantity=request.quantity,
            created=at,
            updated=at,
            price=request.price,
            stop_price=request.stop_price,
            display_quantity=request.display_quantity,
            time_in_force=request.time_in_force,
        )

    @classmethod
    def of_update(cls, update: OrderUpdate, at: int, before: OrderRecord | None) -> OrderRecord:
        """Make the record after an update of time `at`; terms that it leaves out are those of `before`."""
        created, stop, display, in_force = at, update.stop_price, update.display_quantity, update.time_in_force
        average, commission = update.average_price, update.commission
        if before is not None:
            if before.order_id is not None or update.ts_event is None:  # else it begins at the venue
                created = before.created
            stop = before.stop_price if stop is None else stop
            display = before.display_quantity if display is None else display
            in_force = before.time_in_force if in_force is None else in_force
            average = before.average_price if average is None else average
            commission = before.commission if commission is None else commission
        return cls(  # in the order of the fields: by name takes five times as long, and every update makes one
            update.client_order_id,
            update.symbol,
            update.side,
            update.order_type,
            update.status,
            update.quantity,
            update.filled_quantity,
            update.remaining_quantity,
            created,
            at,
            update.order_id,
            update.price,
            stop,
            display,
            in_force,
            average,
            commission,
            update.reason,
            update.update_type,
            True,
        )

    @property
    def is_final(self) -> bool:
        """True of an order that is FILLED, CANCELED, REJECTED or EXPIRED."""
        return self.status in FINAL


class FillRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution of one's own order.

    `commission` is that of this execution, a rebate below 0; None where the server does not say. `time` is the
    server's, in nanoseconds UTC.
    """

    time: int
    client_order_id: str
    order_id: str
    symbol: str
    side: Side
    price: float
    quantity: float
    commission: float | None = None

    @classmethod
    def of_update(cls, update: OrderUpdate, at: int, before: OrderRecord | None) -> FillRecord | None:
        """Make the fill that an update of time `at` reports; None if it reports none, or one without a price."""
        if update.update_type is not UpdateType.FILL or update.snapshot:
            return None
        filled = 0.0 if before is None else before.filled_quantity
        quantity = update.last_fill_quantity or update.filled_quantity - filled
        price = _newer(update.last_fill_price, _price_of(update, before))
        if price is None or quantity <= 0:
            return None
        paid = 0.0 if before is None else before.commission or 0.0
        return cls(
            time=at,
            client_order_id=update.client_order_id,
            order_id=update.order_id,
            symbol=update.symbol,
            side=update.side,
            price=price,
            quantity=quantity,
            commission=None if update.commission is None else _difference(update.commission, paid),
        )


def _newer(new: T | None, old: T | None) -> T | None:
    return old if new is None else new


def _price_of(update: OrderUpdate, before: OrderRecord | None) -> float | None:
    """Return the price that moved the average from `before` to the update's; None where averages are not told."""
    if before is None or before.average_price is None or update.average_price is None:
        return update.average_price
    added = update.filled_quantity - before.filled_quantity
    value = update.average_price * update.filled_quantity - before.average_price * before.filled_quantity
    return None if added <= 0 else round(value / added, 9)


def _difference(total: float, before: float) -> float:
    """Subtract two sums of money without the noise of binary fractions: money has nine decimals."""
    return round(total - before, 9)
