"""State of a fill venue: orders, requests and reports underway, and stops that wait."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from hftlab.backtest.waiting_stops import WaitingStops
from hftlab.simulator.live_orders import LiveOrder
from hftlab.trading.venue import OrderTerms, VenueRequest, VenueUpdate

__all__ = ["Underway", "VenueState"]


class Underway(NamedTuple):
    """Request on its way to the venue."""

    arrival: int
    number: int
    account: str
    request: VenueRequest


class VenueState:
    """State of a fill venue, all that changes of it; copy.deepcopy() makes a checkpoint."""

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

    def __deepcopy__(self, memo: dict[int, Any]) -> VenueState:
        copied = object.__new__(VenueState)
        # Updates and terms never change, and neither do listings.
        memo |= {id(order.listing): order.listing for order in self.by_number.values()}
        memo |= {id(terms): terms for terms in self.terms.values()}
        memo |= {id(update): update for _, _, update in self.reports}
        memo |= {id(one): one for one in self.underway}
        copied.__dict__ = copy.deepcopy(self.__dict__, memo)
        return copied
