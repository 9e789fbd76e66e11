"""Texts of reports: why an order was filled, refused or cancelled, for those who sent it."""

from __future__ import annotations

from typing import Final

from hftlab.backtest.reports import Why
from hftlab.protocol.enums import OrderType
from hftlab.simulator.entry_reasons import REQUESTED, UNKNOWN_ORDER
from hftlab.simulator.live_orders import LiveOrder

__all__ = ["FILL_REASONS", "REASONS", "no_liquidity", "reason_of"]

FILL_REASONS: Final = {
    int(Why.QUEUE): "queue",
    int(Why.CROSS): "cross",
    int(Why.TRADE_THROUGH): "trade_through",
    int(Why.AUCTION): "auction",
}
REASONS: Final = {
    int(Why.NONE): None,
    int(Why.REQUESTED): REQUESTED,
    int(Why.WOULD_TAKE): "post-only: the order would trade at once",
    int(Why.NOT_FILLABLE): "fill or kill: not fillable",
    int(Why.SELF_TRADE): "self-trade prevention",
    int(Why.UNKNOWN_ORDER): UNKNOWN_ORDER,
    int(Why.BAD_SIZE): "quantity: 0 is not above 0",
    int(Why.NOT_TRADING): "halted: the instrument is not trading",
}


def reason_of(order: LiveOrder, why: int) -> str | None:
    """Return why an order was refused, or what was left of it cancelled."""
    if why == Why.NO_LIQUIDITY:
        return no_liquidity(OrderType.MARKET if order.type is OrderType.MARKET else order.in_force)
    return REASONS[why]


def no_liquidity(kind: str) -> str:
    """Return why the rest of an order was cancelled: a MARKET order, or one of a time in force such as IOC."""
    return f"no liquidity for the rest of {'a' if kind == OrderType.MARKET else 'an'} {kind} order"
