"""Updates of orders in a fill venue, in the units of accounts: integers of 1e-9."""

from __future__ import annotations

from hftlab.backtest.report_texts import FILL_REASONS
from hftlab.backtest.reports import Why
from hftlab.protocol.enums import UpdateType
from hftlab.simulator.live_orders import LiveOrder
from hftlab.trading.venue import Liquidity, RequestKind, VenueUpdate

__all__ = ["fill_update", "state_update", "terms_update"]

_AUCTION = int(Why.AUCTION)


def fill_update(
    order: LiveOrder, at: int, heard: int, lots: int, ticks: int, why: int, ahead: int, is_taker: int
) -> VenueUpdate:
    """Return the update of a fill at `at`; the numbers are those of a report (hftlab.backtest.reports)."""
    listing = order.listing
    return VenueUpdate(
        at=at,
        account=order.account,
        reported=heard,
        order_id=order.order_id,
        kind=UpdateType.FILL,
        quantity=lots * listing.lot,
        price=ticks * listing.tick,
        liquidity=Liquidity.TAKER if is_taker else Liquidity.AUCTION if why == _AUCTION else Liquidity.MAKER,
        reason=FILL_REASONS[why],
        ahead=ahead * listing.lot,
    )


def terms_update(order: LiveOrder, at: int, heard: int, reason: str | None) -> VenueUpdate:
    """Return the update that tells the quantity and the prices that an order has from now on."""
    listing = order.listing
    return VenueUpdate(
        at=at,
        account=order.account,
        reported=heard,
        order_id=order.order_id,
        kind=UpdateType.REPLACE,
        quantity=order.quantity * listing.lot,
        price=order.price * listing.tick if order.price else None,
        stop_price=order.stop * listing.tick if order.stop else None,
        reason=reason,
    )


def state_update(
    order: LiveOrder,
    kind: UpdateType,
    at: int,
    heard: int,
    *,
    request: RequestKind | None = None,
    reason: str | None = None,
) -> VenueUpdate:
    """Return the update that an order is accepted, released or over, or that a `request` of it is refused."""
    return VenueUpdate(
        at=at,
        account=order.account,
        reported=heard,
        order_id=order.order_id,
        kind=kind,
        request=request,
        reason=reason,
    )
