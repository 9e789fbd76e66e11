"""Order entry of the simulated exchange: requests of accounts meet the order flow, each at its own time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hftlab.book.matching import Action, Reason, Status, TradingPhase, new_entries
from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NO_PRICE, SIDES
from hftlab.errors import ArgumentError, HftlabError, NameNotFound
from hftlab.events import EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.log import get_logger
from hftlab.protocol.enums import UpdateType
from hftlab.simulator.entry_reasons import UNKNOWN_ORDER
from hftlab.simulator.entry_rows import Row, cancel_row, command_row, new_order, new_row, replace_row
from hftlab.simulator.live_orders import Entered, Listing, LiveOrders
from hftlab.simulator.order_flow import OrderFlow
from hftlab.trading.venue import Cancel, MarketPhase, New, Replace, RequestKind, VenueRequest, VenueUpdate

__all__ = ["OrderEntry"]

_KINDS: Final = {New: RequestKind.NEW, Cancel: RequestKind.CANCEL, Replace: RequestKind.REPLACE}
_CONTINUOUS: Final = int(TradingPhase.CONTINUOUS)
_PHASES: Final = {one.value: MarketPhase[one.name] for one in TradingPhase}


_NEAR: Final = 0.005
"""Distance from the best price, relative, within which an order may be reached before the next message: that of some
fifty standard deviations of 100 ms.
"""

_log = get_logger("hftlab.simulator")


class OrderEntry:
    """Order entry: requests to an order flow's venue, and the updates that come back (see TradingVenue).

    A request arrives `latency` ns after it was sent. Then the flow is made up to and including that time, and the
    request is matched. The flow is made in steps for that, whose events `run()` yields.
    """

    def __init__(self, flow: OrderFlow, instruments: Sequence[Instrument], latency: int, start: int) -> None:
        self.latency = latency
        self.made = start
        """Time (ns) up to which events have been made."""
        self._flow, self._told = flow, start
        books = flow.engine.state.books
        self._last, self._phases, self._halts = books["last"], books["phase"], books["halts"]
        listings = tuple(Listing.of(*pair, int(books[pair[0]]["highest"])) for pair in enumerate(instruments))
        self._listings: Final = {one.instrument.wire_symbol: one for one in listings}
        self._live = LiveOrders(listings, books)
        self._underway: deque[tuple[int, str, VenueRequest]] = deque()
        self._updates: list[VenueUpdate] = []
        # When traders act next where it matters; everything that changes it ends in _note().
        self._next: int | None = None
        self._knows_next = False
        self._looked: dict[int, tuple[int, bool]] = {}
        self._entry = new_entries(1)
        self._fields = self._entry.view(np.int64)

    # --- time ---

    def next_time(self) -> int | None:
        """Return when a request arrives, or traders act where an account has a live order near the market, or None.

        What trades far from the market all the same has its own time as well, but is known with the next message only.
        """
        if not self._knows_next:
            times = (self._acts(number) for number in self._live.counts)
            self._next, self._knows_next = min((at for at in times if at is not None), default=None), True
        if not self._underway:
            return self._next
        arrival = self._underway[0][0]
        return arrival if self._next is None else min(arrival, self._next)

    def run(self, until: int) -> Iterator[EventBatch]:
        """Make everything up to and including `until`, and yield all events that have not been yielded."""
        self._told = max(self._told, until)
        self._receive(until)
        yield from self._flow.run(until)
        self._note(until, None)

    def advance(self, until: int) -> None:
        """Let requests arrive up to and including `until`, and trade what is live; `run()` yields the events."""
        self._told = max(self._told, until)
        self._receive(until)
        if self._live.counts:
            self._make(until)

    def _acts(self, number: int) -> int | None:
        """Return when traders act next in a listing where an order may trade then."""
        at = int(self._flow.next_times[number])
        known = self._looked.get(number)
        # Its book is as it was unless its traders have acted, or a request has come.
        if known is None or known[0] != at:
            known = self._looked[number] = at, self._may_trade(number)
        return at if known[1] else None

    def _may_trade(self, number: int) -> bool:
        if self._phases[number] != _CONTINUOUS:
            return False
        below, above = self._live.nearest(number)
        bid = None if below is None else self._best(number, BIDS)
        ask = None if above is None else self._best(number, ASKS)
        return (below is not None and (bid is None or bid - below <= bid * _NEAR)) or (
            above is not None and (ask is None or above - ask <= ask * _NEAR)
        )

    # --- requests ---

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request at `at`, or now where that is over."""
        self._told = max(self._told, at)
        if self.latency:
            self._underway.append((self._told + self.latency, account, request))
        else:
            self._enter(account, request, self._told)

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates since the last call."""
        updates, self._updates = self._updates, []
        return updates

    def _receive(self, until: int) -> None:
        while self._underway and self._underway[0][0] <= until:
            at, account, request = self._underway.popleft()
            self._enter(account, request, at)

    def _enter(self, account: str, request: VenueRequest, at: int) -> None:
        at = max(at, self.made)
        if isinstance(request, Replace):
            # What is open is the whole quantity without what is filled by then.
            self._make(at)
        prepared = self._prepare(account, request, at)
        if isinstance(prepared, str):
            self._make(at)
            self._refuse(account, request, at, prepared)
            return
        entered, row = prepared
        self._submit(row, at, entered)

    def _prepare(self, account: str, request: VenueRequest, at: int) -> tuple[Entered, Row] | str:
        """Return a request's row and what it is about, or why it is refused."""
        kind, order_id, owner = _KINDS[type(request)], request.order_id, self._live.owner(account)
        if isinstance(request, New):
            listing = self._listings.get(request.terms.symbol)
            if listing is None:
                return f"symbol: {request.terms.symbol!r} is not traded here"
            if order_id in self._live:
                return f"order_id: {order_id!r} is an order already"
            new = new_order(account, request, listing)
            if isinstance(new, str):
                return new
            return Entered(account, order_id, kind, new), new_row(new, request.terms, owner, at)
        order = self._live.find(account, order_id)
        if order is None:
            return UNKNOWN_ORDER
        if isinstance(request, Cancel):
            return Entered(account, order_id, kind, order), cancel_row(order.number, owner, at)
        row = replace_row(order, request, owner, at)
        if isinstance(row, str):
            return row
        return Entered(account, order_id, kind, order, stop=row[10]), row

    def _refuse(self, account: str, request: VenueRequest, at: int, reason: str) -> None:
        self._updates.append(
            VenueUpdate(
                at=at,
                account=account,
                order_id=request.order_id,
                kind=UpdateType.REJECT,
                request=_KINDS[type(request)],
                reason=reason,
            )
        )

    def _submit(self, row: Row, at: int, entered: Entered | None) -> None:
        self._looked.clear()
        self._fields[:] = row
        self._flow.make(at, self._entry)
        self._note(at, entered)

    def _make(self, until: int) -> None:
        if until > self.made:
            self._flow.make(until)
            self._note(until, None)

    def _note(self, until: int, entered: Entered | None) -> None:
        self.made, self._knows_next = max(self.made, until), False
        fills, updates = self._flow.take_rows()
        if fills or updates:
            self._updates += self._live.report(fills, updates, entered)
            for row in updates:
                if row[3] == 0 and row[6] == Reason.OUT_OF_BAND and row[5] == Status.PHASE:
                    _log.warning("halted at the price band", symbol=self.symbols[row[2]])

    # --- the venue's commands ---

    @property
    def symbols(self) -> list[str]:
        """Wire symbols of the listings."""
        return list(self._listings)

    def command(self, action: str, symbol: str, at: int, price: int = 0, size: int = 0) -> None:
        """Perform a command of the venue, a name of Action, at `at`, or now where that is over."""
        listing = self._listing(symbol)
        self._told = max(self._told, at)
        self._receive(self._told)
        at = max(self._told, self.made)
        self._submit(command_row(Action[action], listing, at, price, size), at, None)

    def set_band(self, symbol: str, width: float | None, halts: bool, at: int) -> None:
        """Set the band of an instrument around its reference price at `at`; None ends it."""
        listing = self._listing(symbol)
        if width is None:
            self.command("BAND", symbol, at)
            return
        if not listing.tick <= width * UNIT < listing.highest * listing.tick:
            raise ArgumentError(f"the band of {symbol} must be a tick wide or wider, got {width!r}")
        self.advance(at)
        self._make(max(self._told, self.made))
        reference = self.reference_price(symbol)
        if reference is None:
            raise HftlabError(f"{symbol} has no price yet around which to set a band: wait for its first quotes")
        self._halts[listing.number] = halts
        self.command("BAND", symbol, at, reference // listing.tick, listing.instrument.ticks(width))

    def phase(self, symbol: str) -> MarketPhase:
        """Return an instrument's phase. Raises KeyError."""
        return _PHASES[int(self._phases[self._listing(symbol).number])]

    def reference_price(self, symbol: str) -> int | None:
        """Return the last trade's price, else the middle of the book, in 1e-9; None before either is known."""
        listing = self._listing(symbol)
        last = int(self._last[listing.number])
        if last != NO_PRICE:
            return last * listing.tick
        bid, ask = self._best(listing.number, BIDS), self._best(listing.number, ASKS)
        return None if bid is None or ask is None else (bid + ask) * listing.tick // 2

    def _listing(self, symbol: str) -> Listing:
        listing = self._listings.get(symbol)
        if listing is None:
            raise NameNotFound(f"{symbol!r} is not listed: choose one of {', '.join(self._listings)}")
        return listing

    def _best(self, number: int, side: int) -> int | None:
        state = self._flow.engine.state
        row = state.sides[SIDES * number + side]
        end = int(row["start"]) + int(row["length"])
        # Market orders that wait for an auction are one level, before all others.
        for key in state.keys[max(int(row["start"]), end - 2) : end][::-1].tolist():
            if key != MARKET_KEY:
                return key if side == BIDS else -key  # type: ignore[no-any-return]
        return None
