"""Own orders of a compiled strategy, compiled: what it asks for, and what it hears."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.backtest.reports import REPORT, Cause
from hftlab.events import BID
from hftlab.kernels.compiling import in_place, inlined

__all__ = [
    "BUY",
    "COUNTS",
    "HOLDING",
    "MOST_OPEN",
    "MOST_REQUESTS",
    "NEWS",
    "OPEN",
    "REQUEST",
    "SELL",
    "Kind",
    "Records",
    "State",
    "cancel",
    "find_open",
    "hear",
    "replace",
    "send",
]

Records = npt.NDArray[Any]

BUY, SELL = 1, -1
"""Sides of own orders: the signs of what they add to a position."""

MOST_OPEN: Final = 1 << 12
"""Orders that can be open at a time."""
MOST_REQUESTS: Final = 1 << 12
"""Requests that a step can make."""


_MOST: Final = 1 << 53
"""Lots, and ticks of a price, that an order may have: the whole numbers that a float has."""


class Kind(IntEnum):
    """Kind of a request."""

    NEW = 0
    CANCEL = 1
    REPLACE = 2


class State(IntEnum):
    """State of an open order, as far as the strategy has heard."""

    PENDING_NEW = 0
    WORKING = 1
    PENDING_CANCEL = 2
    PENDING_REPLACE = 3


_NEW, _CANCEL, _REPLACE = int(Kind.NEW), int(Kind.CANCEL), int(Kind.REPLACE)
_PENDING_NEW, _WORKING = int(State.PENDING_NEW), int(State.WORKING)
_PENDING_CANCEL, _PENDING_REPLACE = int(State.PENDING_CANCEL), int(State.PENDING_REPLACE)
_ACCEPTED, _REJECTED, _FILLED = int(Cause.ACCEPTED), int(Cause.REJECTED), int(Cause.FILLED)
_CANCELLED, _REPLACED, _REFUSED = int(Cause.CANCELLED), int(Cause.REPLACED), int(Cause.REFUSED)

OPEN: Final = np.dtype(
    [
        ("number", "i8"),
        ("instrument", "i8"),
        ("side", "i8"),  # BUY or SELL
        ("ticks", "i8"),
        ("quantity", "i8"),  # lots of the whole order
        ("lots", "i8"),  # of these still open
        ("state", "i8"),  # State
    ]
)
REQUEST: Final = np.dtype(
    [
        ("kind", "i8"),  # Kind
        ("number", "i8"),
        ("instrument", "i8"),
        ("side", "i8"),  # events.BID or events.ASK
        ("type", "i8"),  # EntryType
        ("in_force", "i8"),  # InForce
        ("ticks", "i8"),
        ("lots", "i8"),  # of the whole order
        ("post_only", "i8"),
        ("sent", "i8"),  # ns
        ("arrived", "i8"),
    ]
)
HOLDING: Final = np.dtype(
    [
        ("position", "i8"),  # lots
        ("cash", "i8"),  # ticks times lots: of sales, less that of purchases, without fees
        ("fills", "i8"),
        ("highest", "i8"),  # ticks that an order may be at, up or down
    ]
)
NEWS: Final = np.dtype([*REPORT.descr, ("heard", "i8")])
"""A report, and when the strategy hears of it."""

# Open orders; orders ever sent; rows of the requests and of the news; requests that have been sent on and have arrived,
# and news that have been heard.
COUNTS: Final = np.dtype([(name, "i8") for name in ("open", "orders", "requests", "news", "sent", "arrived", "heard")])


@in_place
def find_open(orders: Any, number: int) -> int:
    """Return the row of an open order; -1 if it is not open. The newest are found first."""
    for row in range(orders.counts[0].open - 1, -1, -1):
        if orders.open[row].number == number:
            return row
    return -1


@in_place
def send(
    orders: Any, instrument: int, side: int, order_type: int, in_force: int, ticks: int, lots: int, post_only: int
) -> int:
    """Write the request for a new order down, and return the number that the order gets."""
    counts = orders.counts[0]
    if instrument < 0 or instrument >= len(orders.holdings):
        raise IndexError("the market has no instrument of this number")
    _check_whole(lots, ticks)
    _check_price(orders.holdings[instrument].highest, ticks)
    if counts.open == len(orders.open):
        raise RuntimeError("the strategy has as many orders open as it may: 4,096")
    number = counts.orders + 1
    row = _next_request(orders)
    row.kind, row.number, row.instrument, row.side = _NEW, number, instrument, side
    row.type, row.in_force, row.ticks, row.lots, row.post_only = order_type, in_force, ticks, lots, post_only
    order = orders.open[counts.open]
    order.number, order.instrument, order.side = number, instrument, BUY if side == BID else SELL
    order.ticks, order.quantity, order.lots, order.state = ticks, lots, lots, _PENDING_NEW
    counts.orders = number
    counts.open += 1
    return int(number)


@in_place
def cancel(orders: Any, number: int) -> bool:
    """Write the request for a cancellation down; False if the order is not open, or that has been asked for."""
    at = find_open(orders, number)
    if at < 0 or orders.open[at].state == _PENDING_CANCEL:
        return False
    row = _next_request(orders)
    row.kind, row.number, row.instrument = _CANCEL, number, orders.open[at].instrument
    orders.open[at].state = _PENDING_CANCEL
    return True


@in_place
def replace(orders: Any, number: int, lots: int, ticks: int) -> bool:
    """Write the request for a replacement down; False if the order is not open, or about to be cancelled."""
    at = find_open(orders, number)
    if at < 0 or orders.open[at].state == _PENDING_CANCEL:
        return False
    _check_whole(lots, ticks)
    _check_price(orders.holdings[orders.open[at].instrument].highest, ticks)
    row, order = _next_request(orders), orders.open[at]
    row.kind, row.number, row.instrument, row.lots, row.ticks = _REPLACE, number, order.instrument, lots, ticks
    if order.state != _PENDING_NEW:
        order.state = _PENDING_REPLACE
    return True


@inlined
def _check_whole(lots: float, ticks: float) -> None:
    """Refuse half lots and half ticks, which the columns of the requests would cut off. Whole floats are as good."""
    if not (abs(lots) <= _MOST and lots == np.int64(lots)):
        raise ValueError("the lots of an order are not a whole number, or too many: round them")
    if not (abs(ticks) <= _MOST and ticks == np.int64(ticks)):
        raise ValueError("the price of an order is not a whole number of ticks, or too high: round it, or divide by //")


@inlined
def _check_price(highest: int, ticks: int) -> None:
    """Refuse a price whose 1e-9 are not an int64, as one in another unit than ticks has them."""
    if abs(ticks) > highest:
        raise ValueError("the price of an order is too high: give it in ticks, as market.bid() has it")


@inlined
def _next_request(orders: Any) -> Any:
    counts = orders.counts[0]
    if counts.requests == len(orders.requests):
        raise RuntimeError("the step sends more requests than it may at a time: 4,096")
    row = orders.requests[counts.requests]
    counts.requests += 1
    row.side = row.type = row.in_force = row.ticks = row.lots = row.post_only = row.sent = row.arrived = 0
    return row


@in_place
def hear(orders: Any, news: Any) -> None:
    """Take a report in: what the strategy knows of its orders and positions changes."""
    at, cause = find_open(orders, news.number), news.cause
    if at < 0:
        return
    order = orders.open[at]
    if cause == _FILLED:
        holding = orders.holdings[order.instrument]
        order.lots -= news.lots
        holding.position += order.side * news.lots
        holding.cash -= order.side * news.lots * news.price
        holding.fills += 1
    elif cause == _REPLACED:
        order.quantity += news.lots - order.lots
        order.lots, order.ticks = news.lots, news.price
    if cause in (_CANCELLED, _REJECTED) or order.lots == 0:
        _forget(orders, at)
    elif (cause == _ACCEPTED and order.state == _PENDING_NEW) or (
        cause in (_REPLACED, _REFUSED) and order.state == _PENDING_REPLACE
    ):
        order.state = _WORKING


@inlined
def _forget(orders: Any, at: int) -> None:
    counts = orders.counts[0]
    counts.open -= 1
    for row in range(at, counts.open):
        orders.open[row] = orders.open[row + 1]
