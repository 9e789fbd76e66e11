"""Recorded market of prints alone, in which orders trade by a rule that a reader can check by hand."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from hftlab.clock import Clock
from hftlab.instruments import UNIT, Instrument, find_instrument
from hftlab.protocol import CancelOrder, Message, NewOrder, OrderType, Side, UpdateType
from hftlab.source import Timed
from hftlab.trading import AccountTerms, Broker, Liquidity, MarketPhase, OrderTerms, VenueUpdate
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.paper_trading import PaperTrading
from hftlab.trading.venue import Cancel, New, RequestKind, VenueRequest
from tests.protocol.conftest import market_data, symbol

__all__ = ["Print", "PrintedMarket", "PrintedReplay", "cancel", "new", "paper", "printed"]


class Print(NamedTuple):
    at: int
    price: float
    size: int = 10


class _Due(NamedTuple):
    at: int
    number: int
    thing: Any


@dataclass
class _State:
    """What changes, so that a checkpoint is a copy of it."""

    now: int = 0
    row: int = 0
    numbers: int = 0
    last: int | None = None
    orders: dict[str, tuple[str, OrderTerms, int]] = field(default_factory=dict)
    """Open orders by id: their account, terms and open quantity."""
    underway: list[_Due] = field(default_factory=list)
    reports: list[_Due] = field(default_factory=list)


class PrintedMarket:
    """RecordedVenue whose rows are prints of AAPL.

    A resting order trades at its price with each print there or beyond, first come first served, as long as the print's
    size lasts. An order that crosses the last price, or is a market order, trades whole at that price at once. Requests
    arrive `entry` ns after they are sent, and the broker hears of what happens `response` ns later.
    """

    def __init__(self, prints: Sequence[Print], *, entry: int = 0, response: int = 0) -> None:
        found = find_instrument("AAPL")
        assert found is not None
        self.instruments: Sequence[Instrument] = [found]
        self.latency = entry + response
        self.broker: Any = None
        self.prints = list(prints)
        self._entry, self._response = entry, response
        self._state = _State()
        self._updates: list[VenueUpdate] = []

    # --- the venue ---

    @property
    def day(self) -> int:
        return self._state.now // 86_400_000_000_000

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        state = self._state
        assert at >= state.now
        state.numbers += 1
        state.underway.append(_Due(at + self._entry, state.numbers, (account, request)))
        if not self._entry:
            self.run(at)

    def advance(self, until: int) -> Sequence[object]:
        raise NotImplementedError("a recorded venue is run")

    def take_updates(self) -> list[VenueUpdate]:
        updates, self._updates = self._updates, []
        return updates

    def phase(self, symbol: str) -> MarketPhase:
        return MarketPhase.CONTINUOUS

    def reference_price(self, symbol: str) -> int | None:
        return self._state.last

    def run(self, until: int) -> int:
        state = self._state
        while True:
            at, thing = min(self._coming(), key=lambda one: one[0], default=(until + 1, None))
            if at > until:
                break
            state.now = max(state.now, at)
            if thing == "print":
                self._print(self.prints[state.row])
                state.row += 1
            elif thing == "request":
                due = state.underway.pop(0)
                self._arrive(*due.thing)
            else:
                self._updates.append(state.reports.pop(0).thing)
                if thing == "report" and not (state.reports and state.reports[0].at == at):
                    return at
        state.now = max(state.now, until)
        return until

    def next_time(self) -> int | None:
        state = self._state
        if not (state.orders or state.underway or state.reports):
            return None
        return min((at for at, _ in self._coming()), default=None)

    def checkpoint(self) -> Any:
        assert not self._updates
        return copy.deepcopy(self._state)

    def restore(self, checkpoint: Any) -> None:
        self._state = copy.deepcopy(checkpoint)
        self._updates = []

    # --- its rule ---

    def _coming(self) -> list[tuple[int, str]]:
        """What comes next: rows before requests before reports, at one time."""
        state = self._state
        coming = []
        if state.row < len(self.prints):
            coming.append((self.prints[state.row].at, "print"))
        if state.underway:
            coming.append((state.underway[0].at, "request"))
        if state.reports:
            coming.append((state.reports[0].at, "report"))
        return coming

    def _print(self, row: Print) -> None:
        state = self._state
        price, left = round(row.price * UNIT), row.size * UNIT
        state.last = price
        for name, (_, terms, _) in list(state.orders.items()):
            assert terms.price is not None
            reaches = price <= terms.price if terms.side is Side.BUY else price >= terms.price
            if reaches and left:
                left -= self._trade(name, left, terms.price, Liquidity.MAKER)

    def _arrive(self, account: str, request: VenueRequest) -> None:
        state = self._state
        name = request.order_id
        if isinstance(request, New):
            terms = request.terms
            self._report(account, name, UpdateType.NEW)
            state.orders[name] = account, terms, terms.quantity
            self._cross(name)
        elif name not in state.orders:
            kind = RequestKind.CANCEL if isinstance(request, Cancel) else RequestKind.REPLACE
            self._report(account, name, UpdateType.REJECT, request=kind, reason="unknown order")
        elif isinstance(request, Cancel):
            del state.orders[name]
            self._report(account, name, UpdateType.CANCEL, reason="requested")
        else:
            _, old, still = state.orders[name]
            quantity = old.quantity if request.quantity is None else request.quantity
            price = old.price if request.price is None else request.price
            still += quantity - old.quantity
            if still <= 0:
                self._report(account, name, UpdateType.REJECT, request=RequestKind.REPLACE, reason="too small")
                return
            terms = msgspec.structs.replace(old, quantity=quantity, price=price)
            del state.orders[name]
            state.orders[name] = account, terms, still
            self._report(account, name, UpdateType.REPLACE, quantity=quantity, price=price)
            self._cross(name)

    def _cross(self, name: str) -> None:
        state = self._state
        _, terms, still = state.orders[name]
        last = state.last
        is_market = terms.type is OrderType.MARKET
        crosses = last is not None and (
            is_market or (last <= (terms.price or 0) if terms.side is Side.BUY else last >= (terms.price or 0))
        )
        if crosses and last is not None:
            self._trade(name, still, last, Liquidity.TAKER)
        elif is_market:
            account = state.orders.pop(name)[0]
            self._report(account, name, UpdateType.CANCEL, reason="nothing to trade with")

    def _trade(self, name: str, most: int, price: int, liquidity: Liquidity) -> int:
        state = self._state
        account, terms, still = state.orders[name]
        size = min(most, still)
        if size == still:
            del state.orders[name]
        else:
            state.orders[name] = account, terms, still - size
        self._report(account, name, UpdateType.FILL, quantity=size, price=price, liquidity=liquidity)
        return size

    def _report(self, account: str, name: str, kind: UpdateType, **fields: Any) -> None:
        state = self._state
        state.numbers += 1
        update = VenueUpdate(at=state.now, account=account, order_id=name, kind=kind, **fields)
        state.reports.append(_Due(state.now + self._response, state.numbers, update))


class PrintedReplay:
    """Seekable source of the prints as MARKET_DATA, each `delay` ns after it was at the venue."""

    recorded = True
    symbols = ("AAPL",)
    name = "prints"

    def __init__(self, prints: Sequence[Print], *, delay: int = 0, loop: bool = False, speed: float = 1.0) -> None:
        self.rows = [Timed[Message](one.at + delay, printed(one)) for one in prints]
        self.loop = loop
        self.clock = Clock(self.rows[0].at if self.rows else 0, speed)
        self._place = 0

    @property
    def span(self) -> tuple[int, int] | None:
        return (self.rows[0].at, self.rows[-1].at) if self.rows else None

    def next_time(self) -> int | None:
        return self.rows[self._place].at if self._place < len(self.rows) else None

    def advance(self, until: int) -> list[Timed[Message]]:
        due = []
        while (at := self.next_time()) is not None and at <= until:
            due += self.take(1)
        return due

    def take(self, count: int) -> list[Timed[Message]]:
        taken = self.rows[self._place : self._place + count]
        self._place += len(taken)
        return taken

    def seek(self, position: int) -> list[Message]:
        self._place = sum(one.at <= position for one in self.rows)
        return [one.message for one in self.rows[max(0, self._place - 1) : self._place]]


def printed(one: Print) -> Message:
    return market_data(symbol("AAPL", one.price))


def paper(
    prints: Sequence[Print],
    *,
    entry: int = 0,
    response: int = 0,
    delay: int = 0,
    pace: int = 100,
    loop: bool = False,
    speed: float = 1.0,
) -> PaperSource:
    """Return a source of these prints in which accounts trade without commissions."""
    broker = Broker(PrintedMarket(prints, entry=entry, response=response), {"*": AccountTerms(commissions=None)})
    replay = PrintedReplay(prints, delay=delay, loop=loop, speed=speed)
    return PaperSource(replay, PaperTrading(broker, replay.span, pace=pace))


def new(name: str, side: Side = Side.BUY, quantity: float = 10, price: float | None = 100.0) -> NewOrder:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return NewOrder(
        timestamp=1.0,
        client_order_id=name,
        symbol="AAPL",
        side=side,
        order_type=kind,
        quantity=quantity,
        price=price,
    )


def cancel(name: str) -> CancelOrder:
    return CancelOrder(timestamp=1.0, client_order_id=name)
