"""State of a fill venue: orders, requests and reports underway, and stops that wait."""

from __future__ import annotations

import copy
from typing import Final, TypeAlias

from hftlab.backtest.venue_reports import VenueReports
from hftlab.backtest.waiting_stops import WaitingStops
from hftlab.simulator.live_orders import LiveOrder
from hftlab.trading.venue import OrderTerms, VenueRequest

__all__ = ["Underway", "VenueState"]

_COLLECTIONS: Final = ("underway", "terms", "released", "owners", "last_arrival")


Underway: TypeAlias = tuple[int, int, str, VenueRequest]
"""Request on its way to the venue: when it arrives (ns), its number, its account, and itself."""


class VenueState:
    """State of a fill venue, all that changes of it."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.underway: list[Underway] = []
        self.reports = VenueReports()
        self.by_id: dict[str, LiveOrder] = {}
        self.by_number: dict[int, LiveOrder] = {}
        self.terms: dict[int, OrderTerms] = {}
        self.released: set[int] = set()
        """Stops that the core has been given and has not accepted yet: their accounts know them already."""
        self.stops = WaitingStops()
        self.owners: dict[str, int] = {}
        self.last_arrival: dict[str, int] = {}
        self.requests = self.orders = 0

    def copied(self) -> VenueState:
        """Copy what changes; deepcopy() would take a second for ten thousand orders."""
        state = copy.copy(self)
        # Requests, terms and listings never change.
        state.by_number = {number: copy.copy(order) for number, order in self.by_number.items()}
        state.by_id = {order.order_id: order for order in state.by_number.values()}
        state.stops = self.stops.copied(state.by_number)
        state.reports = self.reports.copied()
        for name in _COLLECTIONS:
            setattr(state, name, copy.copy(getattr(self, name)))
        return state
