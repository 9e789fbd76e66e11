"""State machine of an order, over the reference document's eight statuses and six update types."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from hftlab.errors import ImpossibleTransition
from hftlab.protocol.enums import OrderStatus, Side, UpdateType
from hftlab.trading.venue import Liquidity, OrderTerms, RequestKind, VenueUpdate

__all__ = ["FINAL", "TRANSITIONS", "Fill", "Order", "Replacement"]

_PENDING_NEW, _NEW, _PARTIAL, _FILLED = (
    OrderStatus.PENDING_NEW,
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
)
_PENDING_CANCEL, _CANCELED, _REJECTED, _EXPIRED = (
    OrderStatus.PENDING_CANCEL,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)
# Members' names by their class take ten times as long to look up, and every update passes here.
_FILL_UPDATE, _NEW_UPDATE, _REPLACE_UPDATE, _REJECT_UPDATE = (
    UpdateType.FILL,
    UpdateType.NEW,
    UpdateType.REPLACE,
    UpdateType.REJECT,
)

FINAL: Final = frozenset({_FILLED, _CANCELED, _REJECTED, _EXPIRED})
"""Statuses in which an order is over."""

_OVER: Final = {UpdateType.REJECT: frozenset[OrderStatus]()}
"""Once an order is over only requests about it can still be refused: an empty set leaves the status as it is."""

TRANSITIONS: Final[Mapping[OrderStatus, Mapping[UpdateType, frozenset[OrderStatus]]]] = MappingProxyType(
    {
        _PENDING_NEW: {
            UpdateType.NEW: frozenset({_NEW}),
            UpdateType.REJECT: frozenset({_REJECTED, _PENDING_NEW}),
            UpdateType.CANCEL: frozenset({_PENDING_CANCEL}),
        },
        _NEW: {
            UpdateType.NEW: frozenset({_NEW}),
            UpdateType.FILL: frozenset({_PARTIAL, _FILLED}),
            UpdateType.CANCEL: frozenset({_PENDING_CANCEL, _CANCELED}),
            UpdateType.REPLACE: frozenset({_NEW}),
            UpdateType.EXPIRE: frozenset({_EXPIRED}),
            UpdateType.REJECT: frozenset({_NEW}),
        },
        _PARTIAL: {
            UpdateType.FILL: frozenset({_PARTIAL, _FILLED}),
            UpdateType.CANCEL: frozenset({_PENDING_CANCEL, _CANCELED}),
            UpdateType.REPLACE: frozenset({_PARTIAL}),
            UpdateType.EXPIRE: frozenset({_EXPIRED}),
            UpdateType.REJECT: frozenset({_PARTIAL}),
        },
        _PENDING_CANCEL: {
            UpdateType.NEW: frozenset({_PENDING_CANCEL}),
            UpdateType.FILL: frozenset({_PENDING_CANCEL, _FILLED}),
            UpdateType.CANCEL: frozenset({_CANCELED}),
            UpdateType.REPLACE: frozenset({_PENDING_CANCEL}),
            UpdateType.EXPIRE: frozenset({_EXPIRED}),
            UpdateType.REJECT: frozenset({_REJECTED, _PENDING_NEW, _NEW, _PARTIAL, _PENDING_CANCEL}),
        },
        _FILLED: _OVER,
        _CANCELED: _OVER,
        _REJECTED: _OVER,
        _EXPIRED: _OVER,
    }
)
"""Status -> update type -> the statuses that it can lead to; what is not listed cannot happen.

A REJECT of a new order makes it REJECTED; one of a cancellation or a replacement brings the status of before back. As
in FIX 4.4 (appendix D) an order that is to be cancelled stays PENDING_CANCEL while it fills in part.
"""


class Fill(msgspec.Struct, frozen=True, gc=False):
    """Execution of a part of an order: integers of 1e-9, and the commission for it in the instrument's currency."""

    at: int
    quantity: int
    price: int
    liquidity: Liquidity
    commission: int


class Replacement(msgspec.Struct, frozen=True, gc=False):
    """Replacement that is on its way: the order's new clientOrderId, and its terms then."""

    client_order_id: str
    terms: OrderTerms


class Order(msgspec.Struct, kw_only=True, gc=False):
    """Order of an account, from PENDING_NEW to its end. Quantities, prices and money are integers of 1e-9.

    `quantity` of its terms is the whole order's: what is filled, and what is open.
    """

    account: str
    order_id: str
    client_order_id: str
    terms: OrderTerms
    entered: tuple[str, OrderTerms] | None = None
    """The clientOrderId and the terms with which it came, by which it is known when it comes again."""
    status: OrderStatus = _PENDING_NEW
    filled: int = 0
    value: int = 0
    """Sum of price times quantity over all fills, in 1e-18."""
    commission: int = 0
    """Commission of all fills, in the instrument's currency."""
    reason: str | None = None
    """Why the order, or the last request about it, ended as it did."""
    is_accepted: bool = False
    """True once the venue has taken it."""
    entered_by: object = None
    """The connection at whose end it is to be cancelled; None for none."""
    cancels: int = 0
    """Requests to cancel it that the venue has not answered."""
    replacements: tuple[Replacement, ...] = ()
    """Those that the venue has not answered, the oldest first."""
    counted: tuple[int, int] | None = None
    """Quantity and price by which it counts as open in its account; None if it has not been valued."""

    @property
    def is_open(self) -> bool:
        """True while it can still trade."""
        return self.status not in FINAL

    @property
    def remaining(self) -> int:
        """Open quantity; 0 of an order that is over."""
        return self.terms.quantity - self.filled if self.status not in FINAL else 0

    @property
    def sign(self) -> int:
        """1 for a buy order, -1 for a sell order."""
        return 1 if self.terms.side is Side.BUY else -1

    def ask_for_cancel(self) -> None:
        """Note that its cancellation is on the way to the venue."""
        self._move(UpdateType.CANCEL, _PENDING_CANCEL)
        self.cancels += 1

    def apply(self, update: VenueUpdate) -> None:
        """Follow an update of the venue. Raises ImpossibleTransition, and leaves the order as it is."""
        kind = update.kind
        if kind is _FILL_UPDATE:
            self._fill(update)
        elif kind is _NEW_UPDATE:
            self._move(kind, self.status if self.status is _PENDING_CANCEL else _NEW)
            self.is_accepted = True
            self.reason = update.reason
        elif kind is _REPLACE_UPDATE:
            self._replace(update)
        elif kind is _REJECT_UPDATE:
            self._reject(update)
        else:
            self._move(kind, _CANCELED if kind is UpdateType.CANCEL else _EXPIRED)
            self.reason = update.reason

    def _fill(self, update: VenueUpdate) -> None:
        quantity, price = update.quantity or 0, update.price
        if quantity <= 0 or price is None or self.filled + quantity > self.terms.quantity or not self.is_accepted:
            raise ImpossibleTransition(
                f"order {self.order_id} cannot have a fill of {quantity} at {price}: "
                f"{self.filled} of {self.terms.quantity} (1e-9 units) are filled, its status is {self.status}"
            )
        is_whole = self.filled + quantity == self.terms.quantity
        is_pending = self.status is _PENDING_CANCEL
        self._move(UpdateType.FILL, _FILLED if is_whole else _PENDING_CANCEL if is_pending else _PARTIAL)
        self.filled += quantity
        self.value += quantity * price
        self.reason = update.reason

    def _replace(self, update: VenueUpdate) -> None:
        terms = self.terms
        quantity = terms.quantity if update.quantity is None else update.quantity
        if quantity <= self.filled:
            raise ImpossibleTransition(
                f"order {self.order_id} cannot be of {quantity}: {self.filled} (1e-9 units) are filled already"
            )
        self._move(_REPLACE_UPDATE, self.status)
        self.terms = msgspec.structs.replace(
            terms,
            quantity=quantity,
            price=terms.price if update.price is None else update.price,
            stop_price=terms.stop_price if update.stop_price is None else update.stop_price,
        )
        self.reason = update.reason

    def _reject(self, update: VenueUpdate) -> None:
        if update.request is RequestKind.NEW:
            self._move(UpdateType.REJECT, _REJECTED)
        elif self.is_open:
            if update.request is RequestKind.CANCEL and self.cancels > 0:
                self.cancels -= 1
            self._move(UpdateType.REJECT, _PENDING_CANCEL if self.cancels else self._before_cancel)
        elif UpdateType.REJECT not in TRANSITIONS[self.status]:
            raise ImpossibleTransition(f"order {self.order_id} is {self.status}")
        self.reason = update.reason

    @property
    def _before_cancel(self) -> OrderStatus:
        """Status without the cancellation that has been asked for."""
        if not self.is_accepted:
            return _PENDING_NEW
        return _PARTIAL if self.filled else _NEW

    def _move(self, kind: UpdateType, status: OrderStatus) -> None:
        if status not in TRANSITIONS[self.status].get(kind, ()):
            raise ImpossibleTransition(
                f"order {self.order_id} is {self.status}: {kind} cannot make it {status}"
                f"{'' if self.is_open else ', it is over'}"
            )
        self.status = status
