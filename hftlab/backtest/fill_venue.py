"""Trading venue over a recorded market: orders of accounts stand in it, and fill by a model."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any, Final

from hftlab.backtest.core import Core, Entry
from hftlab.backtest.decimal_grid import HIGHEST_PRICE
from hftlab.backtest.fill_updates import fill_update, state_update, terms_update
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.report_texts import REASONS, reason_of
from hftlab.backtest.reports import Cause, ReportRow
from hftlab.backtest.venue_state import VenueState
from hftlab.book.matching import EntryType, InForce, Prevention
from hftlab.clock import NANOSECONDS
from hftlab.events import ASK, BID
from hftlab.instruments import Instrument
from hftlab.protocol.enums import OrderType, UpdateType
from hftlab.simulator.entry_reasons import REQUESTED, SMALL_DISPLAY, UNKNOWN_ORDER
from hftlab.simulator.entry_rows import new_order, replacement_problem
from hftlab.simulator.live_orders import Listing, LiveOrder
from hftlab.trading.venue import (
    Cancel,
    MarketPhase,
    New,
    OrderTerms,
    Replace,
    RequestKind,
    VenueRequest,
    VenueUpdate,
)

__all__ = ["FillVenue"]

_DAY: Final = 86_400 * NANOSECONDS
_MOST_PARTS: Final = 1000
"""Parts at most that an iceberg shows one after the other."""
_KINDS: Final = {New: RequestKind.NEW, Cancel: RequestKind.CANCEL, Replace: RequestKind.REPLACE}
_ACCEPTED, _FILLED, _CANCELLED = int(Cause.ACCEPTED), int(Cause.FILLED), int(Cause.CANCELLED)
_REPLACED, _REDUCED, _REFUSED = int(Cause.REPLACED), int(Cause.REDUCED), int(Cause.REFUSED)


class FillVenue:
    """Fill venue: a TradingVenue (see hftlab.trading.venue) whose orders stand in a recorded market.

    Times are ns on the recording's axis of reception. Requests and reports take as long as `latency` says, and those of
    one account never overtake each other. `run()` stops at the first report that is due, so that whoever hears of it
    can act before time goes on. DAY orders rest as GTC ones do: the end of a day is not modelled.
    """

    def __init__(self, core: Core, instruments: Sequence[Instrument], latency: Latency, start: int) -> None:
        self.instruments: Final = tuple(instruments)
        self.broker: object | None = None
        self.on_update: Callable[[VenueUpdate], object] | None = None
        """Called with each update as it happens at the venue, before anybody hears of it."""
        self.on_arrival: Callable[[VenueRequest, int, int], object] | None = None
        """Called with each request that is sent, when it was, and when it arrives."""
        self._core = core
        self._listings = {
            one.wire_symbol: Listing.of(number, one, HIGHEST_PRICE // one.tick)
            for number, one in enumerate(self.instruments)
        }
        self._draws = latency.start()
        parts = ("entry", "response", "compute")
        self._is_delayed = any(getattr(latency, part) != getattr(Latency.none, part) for part in parts)
        self._state = VenueState(start)

    # --- time ---

    @property
    def latency(self) -> int:
        """Above 0 if requests or reports take time."""
        return int(self._is_delayed)

    @property
    def day(self) -> int:
        """Number of the day (UTC) since 1970."""
        return self._state.now // _DAY

    @property
    def now(self) -> int:
        """Time (ns) up to which everything has happened."""
        return self._state.now

    @property
    def is_busy(self) -> bool:
        """True if there are orders, or requests or reports on their way: time means something to it then."""
        state = self._state
        return bool(state.by_number or state.underway or state.reports)

    def next_time(self) -> int | None:
        """Return when something may be reported next: what comes before is not worth waiting for."""
        state = self._state
        due = self._core.next_time() if state.by_number else None
        if state.underway and (due is None or state.underway[0][0] < due):
            due = state.underway[0][0]
        reported = state.reports.due
        return reported if due is None or (reported is not None and reported < due) else due

    def run(self, until: int) -> int:
        """Let time go on to `until`, or to the first report that is due before; returns the time reached."""
        state, core = self._state, self._core
        while True:
            reported = state.reports.due
            limit = until if reported is None or reported > until else reported
            is_met = bool(state.underway) and state.underway[0][0] <= limit
            target = state.underway[0][0] if is_met else limit
            reached = core.play(target, stop=True)
            rows = core.take_rows()
            if ((rows or state.stops.orders) and self._report(rows)) or reached < target:
                continue
            if not is_met:
                if limit > state.now:
                    state.now = limit
                return state.now
            self._meet()

    def advance(self, until: int) -> Sequence[object]:
        """Let time go on up to and including `until`; requests that arrive meanwhile are met at their own times."""
        state = self._state
        while state.underway and state.underway[0][0] <= until:
            self._play(state.underway[0][0])
            self._meet()
        self._play(until)
        state.now = max(state.now, until)
        return ()

    def _play(self, until: int) -> None:
        core = self._core
        while True:
            reached = core.play(until)
            # Behind a trade that has released a stop there may be more rows of the same time.
            if not self._report(core.take_rows()) and reached >= until:
                return

    # --- requests ---

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request of an account at `at`, or now if that is over."""
        state = self._state
        if at < state.now:
            at = state.now
        arrival = self._arrival(at, _KINDS[type(request)]) if self._is_delayed else at
        last = state.last_arrival.get(account)
        if last is not None and last > arrival:
            arrival = last
        state.last_arrival[account] = arrival
        state.requests += 1
        if self.on_arrival is not None:
            self.on_arrival(request, at, arrival)
        heapq.heappush(state.underway, (arrival, state.requests, account, request))
        if arrival <= at:
            self.advance(at)

    def _arrival(self, at: int, kind: RequestKind) -> int:
        at += self._draws.compute.draw(at)
        return at + self._draws.entry[kind].draw(at)

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates that are due since the last call."""
        state = self._state
        due = state.reports.due
        return [] if due is None or due > state.now else state.reports.take(state.now)

    def phase(self, symbol: str) -> MarketPhase:
        """Return an instrument's phase, which is CONTINUOUS. Raises KeyError."""
        self._listings[symbol]
        return MarketPhase.CONTINUOUS

    def reference_price(self, symbol: str) -> int | None:
        """Return the last trade's price, else the middle of the book, in 1e-9; None before either. Raises KeyError."""
        listing = self._listings[symbol]
        last = self._core.last(listing.number)
        if last is not None:
            return last * listing.tick
        bid, ask = self._core.best(listing.number)
        return None if bid is None or ask is None else (bid + ask) * listing.tick // 2

    def ahead(self, order_id: str) -> int | None:
        """Return the quantity (1e-9) that stands ahead of a resting order; None if it does not rest."""
        order = self._state.by_id.get(order_id)
        if order is None or order.is_waiting:
            return None
        try:
            return self._core.ahead(order.number) * order.listing.lot
        except KeyError:
            return None

    def _meet(self) -> None:
        """Do the request that arrives next, up to whose arrival the market has been played."""
        at, _, account, request = heapq.heappop(self._state.underway)
        problem = self._do(account, request, at)
        if problem is not None:
            self._refuse(account, request, problem, at)
        self._report(self._core.take_rows())

    def _do(self, account: str, request: VenueRequest, at: int) -> str | None:
        """Carry a request out, or return why it is refused."""
        if isinstance(request, New):
            return self._new(account, request, at)
        order = self._state.by_id.get(request.order_id)
        if order is None or order.account != account:
            return UNKNOWN_ORDER
        if isinstance(request, Cancel):
            if order.is_waiting:
                self._forget(order)
                self._tell(state_update(order, UpdateType.CANCEL, at, self._heard(account, at), reason=REQUESTED))
            else:
                self._core.cancel(order.number, at)
            return None
        return self._replace(order, request, at)

    def _new(self, account: str, request: New, at: int) -> str | None:
        state, terms = self._state, request.terms
        listing = self._listings.get(terms.symbol)
        if listing is None:
            return f"symbol: {terms.symbol!r} is not traded here"
        if request.order_id in state.by_id:
            return f"order_id: {request.order_id!r} is an order already"
        order = new_order(account, request, listing)
        if isinstance(order, str):
            return order
        display = terms.display_quantity
        if display is not None and _MOST_PARTS * display < order.quantity * listing.lot:
            return SMALL_DISPLAY
        state.orders += 1
        order.number = state.orders
        state.by_id[order.order_id] = state.by_number[order.number] = order
        state.terms[order.number] = terms
        if not order.is_waiting:
            self._core.enter(self._entry(order, terms), at)
            return None
        self._tell(state_update(order, UpdateType.NEW, at, self._heard(account, at)))
        if state.stops.is_reached(order, self._core.last(listing.number)):
            self._release(order, at)
        else:
            state.stops.add(order)
            self._watch(listing.number)
        return None

    def _entry(self, order: LiveOrder, terms: OrderTerms) -> Entry:
        owner = self._state.owners.setdefault(order.account, len(self._state.owners) + 1)
        is_market = order.type in (OrderType.MARKET, OrderType.STOP)
        return Entry(
            number=order.number,
            instrument=order.listing.number,
            owner=owner,
            side=BID if order.is_buy else ASK,
            type=int(EntryType.MARKET if is_market else EntryType.LIMIT),
            in_force=int(InForce[terms.time_in_force.name]),
            price=0 if is_market else order.price,
            lots=order.quantity - order.filled,
            display=min((terms.display_quantity or 0) // order.listing.lot, order.quantity),
            post_only=int(terms.post_only),
            prevention=int(Prevention[terms.self_trade_prevention.name]),
        )

    def _replace(self, order: LiveOrder, request: Replace, at: int) -> str | None:
        problem = replacement_problem(order, request)
        if problem is not None:
            return problem
        listing = order.listing
        quantity = order.quantity if request.quantity is None else request.quantity // listing.lot
        price = order.price if request.price is None else request.price // listing.tick
        display = self._state.terms[order.number].display_quantity
        if display is not None and _MOST_PARTS * display < (quantity - order.filled) * listing.lot:
            return SMALL_DISPLAY
        if not order.is_waiting:
            self._core.replace(order.number, quantity - order.filled, price, at)
            return None
        order.quantity, order.price = quantity, price
        if request.stop_price is not None:
            self._state.stops.remove(order)
            order.stop = request.stop_price // listing.tick
            self._state.stops.add(order)
            self._watch(listing.number)
        self._tell(terms_update(order, at, self._heard(order.account, at), None))
        return None

    # --- stops ---

    def _watch(self, instrument: int) -> None:
        self._core.set_stops(instrument, *self._state.stops.nearest(instrument))

    def _release(self, order: LiveOrder, at: int) -> None:
        """Enter a stop order that the market has reached."""
        order.is_waiting = False
        order.type = OrderType.LIMIT if order.type is OrderType.STOP_LIMIT else OrderType.MARKET
        self._tell(state_update(order, UpdateType.NEW, at, self._heard(order.account, at), reason="triggered"))
        self._state.released.add(order.number)
        self._core.enter(self._entry(order, self._state.terms[order.number]), at)

    def _release_reached(self) -> bool:
        """Release the stops that trades have reached, behind the event of the trade: it spends its own liquidity."""
        orders = self._take_reached()
        while orders and not self._core.end_event():
            orders += self._take_reached()
        self._follow_all()
        for order in orders:
            self._release(order, self._core.reached)
        return bool(orders)

    def _take_reached(self) -> list[LiveOrder]:
        orders: list[LiveOrder] = []
        for instrument in self._state.stops.instruments():
            if reached := self._state.stops.take_reached(instrument, self._core.last(instrument)):
                self._watch(instrument)
                orders += reached
        return orders

    # --- reports ---

    def _report(self, rows: list[ReportRow]) -> bool:
        """Turn reports of the core, and those that follow, into updates; tells whether there was something."""
        some = bool(rows)
        for row in rows:
            self._follow(*row)
        while self._state.stops.orders and self._release_reached():
            self._follow_all()
            some = True
        return some

    def _follow_all(self) -> None:
        for row in self._core.take_rows():
            self._follow(*row)

    def _follow(
        self, at: int, cause: int, number: int, lots: int, ticks: int, why: int, ahead: int, is_taker: int
    ) -> None:
        state = self._state
        order = state.by_number[number]
        if cause == _ACCEPTED and number in state.released:
            state.released.discard(number)
            return
        heard = self._heard(order.account, at)
        if cause == _REPLACED:
            order.quantity, order.price = order.filled + lots, ticks
            update = terms_update(order, at, heard, None)
        elif cause == _FILLED:
            order.filled += lots
            if order.filled == order.quantity:
                self._forget(order)
            update = fill_update(order, at, heard, lots, ticks, why, ahead, is_taker)
        elif cause == _ACCEPTED:
            update = state_update(order, UpdateType.NEW, at, heard)
        elif cause == _REDUCED and order.quantity - lots > order.filled:
            order.quantity -= lots
            update = terms_update(order, at, heard, REASONS[why])
        elif cause in (_CANCELLED, _REDUCED) or number in state.released:  # its account has a refused stop open
            self._forget(order)
            update = state_update(order, UpdateType.CANCEL, at, heard, reason=reason_of(order, why))
        else:
            kind = RequestKind.REPLACE if cause == _REFUSED else RequestKind.NEW
            if kind is RequestKind.NEW:
                self._forget(order)
            update = state_update(order, UpdateType.REJECT, at, heard, request=kind, reason=reason_of(order, why))
        self._tell(update)

    def _refuse(self, account: str, request: VenueRequest, reason: str, at: int) -> None:
        self._tell(
            VenueUpdate(
                at=at,
                account=account,
                reported=self._heard(account, at),
                order_id=request.order_id,
                kind=UpdateType.REJECT,
                request=_KINDS[type(request)],
                reason=reason,
            )
        )

    def _heard(self, account: str, at: int) -> int:
        """Return when an account hears of its next update, which is of `at`."""
        return self._state.reports.heard(account, at + self._draws.response.draw(at) if self._is_delayed else at)

    def _tell(self, update: VenueUpdate) -> None:
        self._state.reports.add(update)
        if self.on_update is not None:
            self.on_update(update)

    def _forget(self, order: LiveOrder) -> None:
        state = self._state
        del state.by_id[order.order_id], state.by_number[order.number], state.terms[order.number]
        state.released.discard(order.number)
        if order.is_waiting:
            state.stops.remove(order)
            self._watch(order.listing.number)

    # --- checkpoints ---

    def checkpoint(self) -> object:
        """Copy everything that changes but the broker, for restore()."""
        return self._core.checkpoint(), self._state.copied(), self._draws.checkpoint()

    def restore(self, checkpoint: Any) -> None:
        """Go to a checkpoint of this venue; it can be used any number of times."""
        core, state, draws = checkpoint
        self._core.restore(core)
        self._draws.restore(draws)
        self._state = state.copied()
