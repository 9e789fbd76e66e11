"""State of a fill venue: orders, requests and reports underway, and stops that wait."""

from __future__ import annotations

import copy
from typing import Final, NamedTuple

from hftlab.backtest.waiting_stops import WaitingStops
from hftlab.simulator.live_orders import LiveOrder
from hftlab.trading.venue import OrderTerms, VenueRequest, VenueUpdate

__all__ = ["Underway", "VenueState"]

_COLLECTIONS: Final = ("underway", "reports", "terms", "released", "owners", "last_arrival", "last_report")


class Underway(NamedTuple):
    """Request on its way to the venue."""

    arrival: int
    number: int
    account: str
    request: VenueRequest


class VenueState:
    """State of a fill venue, all that changes of it."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.underway: list[Underway] = []
        self.reports: list[tuple[int, int, VenueUpdate]] = []
        self.by_id: dict[str, LiveOrder] = {}
        self.by_number: dict[int, LiveOrder] = {}
        self.terms: dict[int, OrderTerms] = {}
        self.released: set[int] = set()
        """Stops that the core has been given and has not accepted yet: their accounts know them already."""
        self.stops = WaitingStops()
        self.owners: dict[str, int] = {}
        self.last_arrival: dict[str, int] = {}
        self.last_report: dict[str, int] = {}
        self.requests = self.updates = self.orders = 0

    def copied(self) -> VenueState:
        """Copy what changes; deepcopy() would take a second for ten thousand orders."""
        state = copy.copy(self)
        # Requests, updates, terms and listings never change.
        state.by_number = {number: copy.copy(order) for number, order in self.by_number.items()}
        state.by_id = {order.order_id: order for order in state.by_number.values()}
        state.stops = self.stops.copied(state.by_number)
        for name in _COLLECTIONS:
            setattr(state, name, copy.copy(getattr(self, name)))
        return state
