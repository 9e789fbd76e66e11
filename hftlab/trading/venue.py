"""Trading venues: markets that take orders and report what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from hftlab.instruments import Instrument
from hftlab.protocol.enums import Liquidity, OrderType, SelfTradePrevention, Side, TimeInForce, UpdateType

__all__ = [
    "Cancel",
    "Liquidity",
    "MarketPhase",
    "New",
    "OrderTerms",
    "Replace",
    "RequestKind",
    "TradingVenue",
    "VenueRequest",
    "VenueUpdate",
]


class MarketPhase(StrEnum):
    """Phase of an instrument's trading.

    In CALL orders are collected for an auction, in HALTED and CLOSED only cancels are taken.
    """

    CONTINUOUS = "CONTINUOUS"
    CALL = "CALL"
    HALTED = "HALTED"
    CLOSED = "CLOSED"


class RequestKind(StrEnum):
    """Kind of a request to a venue."""

    NEW = "NEW"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Terms of an order. Prices and quantities are integers of 1e-9: of the currency, and of a share or coin."""

    symbol: str
    """Wire symbol, such as AAPL or AAPL:NYSE."""
    side: Side
    type: OrderType
    quantity: int
    price: int | None = None
    """Limit; None of MARKET and STOP orders."""
    stop_price: int | None = None
    display_quantity: int | None = None
    """Shown part of an ICEBERG."""
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST


class New(msgspec.Struct, frozen=True, gc=False):
    """Request to enter an order; `order_id` is unique at the venue, among all accounts."""

    order_id: str
    terms: OrderTerms


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """Request to cancel an order."""

    order_id: str


class Replace(msgspec.Struct, frozen=True, gc=False):
    """Request to change an order; None leaves a value as it is.

    `quantity` is the whole order's, filled part included.
    """

    order_id: str
    quantity: int | None = None
    price: int | None = None
    stop_price: int | None = None

    def applied_to(self, terms: OrderTerms) -> OrderTerms:
        """Return the terms that an order of these terms has afterwards."""
        return msgspec.structs.replace(
            terms,
            quantity=terms.quantity if self.quantity is None else self.quantity,
            price=terms.price if self.price is None else self.price,
            stop_price=terms.stop_price if self.stop_price is None else self.stop_price,
        )


VenueRequest: TypeAlias = New | Cancel | Replace
"""Requests of an account to a venue."""


class VenueUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Update of one order by its venue, in integers of 1e-9 and nanoseconds UTC.

    By `kind`: NEW is accepted, or (of a stop, with a `reason`) released; FILL has `quantity`, `price` and `liquidity`
    of one execution; CANCEL and EXPIRE take off what was open, for a `reason`; REPLACE has the order's whole `quantity`
    and its prices from now on, and a `reason` if nobody has asked for it, as for a reduction by self-trade prevention;
    REJECT refuses the request that `request` names, for a `reason`, and leaves the order as it is, except that a
    rejected NEW never becomes one. Where fills are modelled a FILL has a `reason` too, and `ahead`, the quantity that
    stood ahead of the order when it got its place.
    """

    at: int
    account: str
    order_id: str
    kind: UpdateType
    quantity: int | None = None
    price: int | None = None
    stop_price: int | None = None
    liquidity: Liquidity | None = None
    request: RequestKind | None = None
    reason: str | None = None
    reported: int | None = None
    """When the account's broker hears of it; None for at once."""
    ahead: int | None = None


@runtime_checkable
class TradingVenue(Protocol):
    """Market that takes orders: the simulated exchange, or fills modelled on a replayed or live market.

    Times are nanoseconds of the venue's own clock and never go back. Updates of all accounts come in the order in which
    they happened.
    """

    broker: object | None
    """Broker of its accounts, which outlives a server; None until there is one. The venue only keeps it."""

    @property
    def day(self) -> int:
        """Number of the trading day; where it changes, the day's profit of all accounts begins anew."""
        ...

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Instruments that can be traded."""
        ...

    @property
    def latency(self) -> int:
        """Nanoseconds that a request takes to reach the market; 0 where it is matched at once."""
        ...

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request of an account at `at`; it is matched at its arrival, `latency` later.

        Without a latency its outcome is in take_updates() when this returns.
        """
        ...

    def advance(self, until: int) -> Sequence[object]:
        """Let time go on up to and including `until`; requests that arrive meanwhile are matched at their own times."""
        ...

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates since the last call."""
        ...

    def phase(self, symbol: str) -> MarketPhase:
        """Return an instrument's phase. Raises KeyError for a symbol that the venue does not have."""
        ...

    def reference_price(self, symbol: str) -> int | None:
        """Return the last trade's price, else the middle of the book, in 1e-9; None before either is known."""
        ...
