"""Copies of a fill venue's state share nothing that changes."""

from __future__ import annotations

from hftlab.backtest.venue_state import VenueState
from hftlab.clock import NANOSECONDS
from hftlab.instruments import UNIT
from hftlab.protocol.enums import OrderType, TimeInForce
from hftlab.simulator.live_orders import Listing, LiveOrder
from tests.trading.units import AAPL

LISTING = Listing(0, AAPL, UNIT // 100, UNIT, 2**40, (0,), (UNIT // 100,))


def test_a_copy_keeps_its_orders_and_stops() -> None:
    state = VenueState(NANOSECONDS)
    order = LiveOrder("ORD_1", "alice", LISTING, OrderType.STOP, TimeInForce.DAY, True, 10, 0, 101, 1, 0, True)
    state.by_id["ORD_1"] = state.by_number[1] = order
    state.stops.add(order)
    state.owners["alice"] = 1
    copy = state.copied()
    order.quantity, state.now = 5, 2 * NANOSECONDS
    state.stops.remove(order)
    state.by_id.clear()
    state.owners["bob"] = 2
    (kept,) = copy.stops.take_reached(0, 101)
    assert kept is copy.by_id["ORD_1"] is copy.by_number[1]
    assert (kept.quantity, kept.listing, copy.now, copy.owners) == (10, LISTING, NANOSECONDS, {"alice": 1})
