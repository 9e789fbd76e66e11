"""Reasons of the simulated exchange for refused and cancelled orders, as text for those who sent them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hftlab.book.matching import Reason, TradingPhase
from hftlab.instruments import UNIT
from hftlab.protocol.enums import OrderType, TimeInForce

__all__ = ["REQUESTED", "SMALL_DISPLAY", "UNKNOWN_ORDER", "amount", "cancel_reason", "refusal"]

REQUESTED: Final = "requested"
"""Reason of a cancellation that the order's account has asked for."""
UNKNOWN_ORDER: Final = "unknown order"
SMALL_DISPLAY: Final = "display_quantity: an iceberg shows at least a thousandth of its quantity"

_REFUSALS: Final = {
    Reason.UNKNOWN_ORDER: UNKNOWN_ORDER,
    Reason.BAD_TYPE: "type: a MARKET order that waits for an auction cannot be replaced",
    Reason.BAD_DISPLAY: SMALL_DISPLAY,
    Reason.WOULD_TAKE: "post-only: the order would trade at once",
}
_CANCELS: Final = {
    Reason.REQUESTED: REQUESTED,
    Reason.EXPIRED: "end of day",
    Reason.SELF_TRADE: "self-trade prevention",
    Reason.NOT_FILLABLE: "fill or kill: not fillable",
}


def amount(value: int) -> str:
    """Format an integer of 1e-9 exactly, with two decimals at least."""
    whole, rest = divmod(abs(value), UNIT)
    return f"{'-' * (value < 0)}{whole}.{f'{rest:09d}'.rstrip('0').ljust(2, '0')}"


def refusal(reason: int, phase: int, symbol: str, band: Callable[[], str]) -> str:
    """Return why the matching engine has refused a request about an instrument in that phase."""
    if reason == Reason.WRONG_PHASE:
        if phase == TradingPhase.CALL:
            return f"auction call: {symbol} takes no IOC, FOK or post-only orders"
        return f"{TradingPhase(phase).name.lower()}: {symbol} is not trading"
    if reason == Reason.OUT_OF_BAND:
        return f"price: outside of the band {band()}"
    return _REFUSALS.get(Reason(reason)) or Reason(reason).name.lower().replace("_", " ")


def cancel_reason(reason: int, order_type: OrderType, in_force: TimeInForce, band: Callable[[], str]) -> str:
    """Return why the matching engine has cancelled an order, or its rest."""
    if reason == Reason.NO_LIQUIDITY:
        kind = "a MARKET" if order_type is OrderType.MARKET else f"an {in_force}"
        return f"no liquidity for the rest of {kind} order"
    if reason == Reason.OUT_OF_BAND:
        return f"no liquidity inside of the band {band()}"
    return _CANCELS[Reason(reason)]
