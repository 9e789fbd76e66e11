"""Live orders of accounts at the simulated exchange: what the matching engine's rows mean for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from hftlab.book.matching import Reason, Status
from hftlab.book.matching.output import FILL_ROW, UPDATE_ROW
from hftlab.events import BID, NO_SIDE
from hftlab.instruments import Instrument
from hftlab.protocol.enums import OrderType, TimeInForce, UpdateType
from hftlab.simulator.entry_reasons import amount, cancel_reason, refusal
from hftlab.simulator.nearest_orders import NearestOrders
from hftlab.simulator.traders import FIRST_ACCOUNT
from hftlab.trading.venue import Liquidity, RequestKind, VenueUpdate

__all__ = ["Entered", "Listing", "LiveOrder", "LiveOrders"]

Row = tuple[int, ...]

assert FILL_ROW.names is not None and UPDATE_ROW.names is not None
assert FILL_ROW.names[-1] == UPDATE_ROW.names[-1] == "number"
_number = itemgetter(-1)
_FILL_FIELDS: Final = len(FILL_ROW.names)


class Listing(NamedTuple):
    """Instrument as the matching engine knows it: by its number, with prices in ticks and sizes in lots."""

    number: int
    instrument: Instrument
    tick: int
    lot: int
    highest: int
    """Highest price of an order, in ticks."""
    bounds: tuple[int, ...]
    """Prices (1e-9) from which on ..."""
    grids: tuple[int, ...]
    """... each market tick (1e-9) holds."""

    @classmethod
    def of(cls, number: int, instrument: Instrument, highest: int) -> Listing:
        """Return the listing of an instrument by its number, with the highest price of an order in ticks."""
        rule = instrument.rule
        bounds, grids = ((0,), (instrument.tick,)) if rule is None else (tuple(rule.bounds), tuple(rule.ticks))
        return cls(number, instrument, instrument.tick, instrument.lot, highest, bounds, grids)


@dataclass(slots=True, eq=False)
class LiveOrder:
    """Order of an account that can still trade, in ticks and lots.

    `number` is the matching engine's; it is 0 when the order has ended.
    """

    order_id: str
    account: str
    listing: Listing
    type: OrderType
    in_force: TimeInForce
    is_buy: bool
    quantity: int
    price: int
    stop: int
    number: int = 0
    filled: int = 0
    is_waiting: bool = False
    """True of a stop that has not been released."""

    @property
    def reach(self) -> int:
        """Price that the market has to reach for it to trade or to be released."""
        return self.stop if self.is_waiting else self.price

    @property
    def is_below(self) -> bool:
        """True if the market has to fall to reach it."""
        return self.is_buy != self.is_waiting


class Entered(NamedTuple):
    """Request that the matching engine has been given: `order` is the new one, or the one to change."""

    account: str
    order_id: str
    kind: RequestKind
    order: LiveOrder
    stop: int = 0
    """Stop price after a replacement, in ticks."""


class LiveOrders:
    """Live orders of all accounts; an order is forgotten when it has ended. `books` are the engine's BOOK rows."""

    def __init__(self, listings: tuple[Listing, ...], books: Any) -> None:
        self._listings, self._books = listings, books
        self._owners: dict[str, int] = {}
        self._by_id: dict[str, LiveOrder] = {}
        self._by_number: dict[int, LiveOrder] = {}
        self.counts: Final[dict[int, int]] = {}
        """Number of live orders in each listing that has some, by the listing's number."""
        self._nearest = {one.number: (NearestOrders(falling=True), NearestOrders(falling=False)) for one in listings}

    def owner(self, account: str) -> int:
        """Return the number by which the matching engine knows an account."""
        return self._owners.setdefault(account, FIRST_ACCOUNT + len(self._owners))

    def find(self, account: str, order_id: str) -> LiveOrder | None:
        """Return a live order of an account; None if there is none, or it is another's."""
        order = self._by_id.get(order_id)
        return order if order is not None and order.account == account else None

    def nearest(self, listing: int) -> tuple[int | None, int | None]:
        """Return the prices below and above the market, in ticks, at which the first live orders are reached."""
        below, above = self._nearest[listing]
        return below.nearest(), above.nearest()

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def report(self, fills: list[Row], updates: list[Row], entered: Entered | None) -> Iterator[VenueUpdate]:
        """Turn rows of FILL_ROW and UPDATE_ROW, which follow all earlier ones, into updates in their true order.

        `entered` is the request that was submitted last.
        """
        rows = sorted([*fills, *updates], key=_number) if fills and updates else fills or updates
        for row in rows:
            if len(row) == _FILL_FIELDS:
                yield from self._fill(row)
            elif row[4] >= FIRST_ACCOUNT:
                yield self._update(row, entered)

    def _fill(self, row: Row) -> Iterator[VenueUpdate]:
        at, _, _, price, size, aggressor, buy, buyer, buy_left, sell, seller, sell_left, _ = row
        for number, owner, left, is_taker in (
            (buy, buyer, buy_left, aggressor == BID),
            (sell, seller, sell_left, aggressor != BID),
        ):
            if owner < FIRST_ACCOUNT:
                continue
            order = self._by_number[number]
            order.filled += size
            role = Liquidity.AUCTION if aggressor == NO_SIDE else Liquidity.TAKER if is_taker else Liquidity.MAKER
            if left == 0:
                self._forget(order)
            yield VenueUpdate(
                at=at,
                account=order.account,
                order_id=order.order_id,
                kind=UpdateType.FILL,
                quantity=size * order.listing.lot,
                price=price * order.listing.tick,
                liquidity=role,
            )

    def _update(self, row: Row, entered: Entered | None) -> VenueUpdate:
        at, _, _, number, _, status, reason, _, size, left, phase, _ = row
        if status == Status.REJECTED:
            assert entered is not None, "only a request is refused"
            return self._refused(at, entered, reason, phase)
        if status == Status.ACCEPTED:
            assert entered is not None, "only a request enters an order"
            self._remember(entered.order, number)
            return _told(at, entered.order, UpdateType.NEW)
        order = self._by_number[number]
        if status == Status.TRIGGERED:
            order.is_waiting = False
            order.type = OrderType.LIMIT if order.type is OrderType.STOP_LIMIT else OrderType.MARKET
            self._place(order)
            return _told(at, order, UpdateType.NEW, "triggered")
        if status == Status.CANCELLED:
            self._forget(order)
            kind = UpdateType.EXPIRE if reason == Reason.EXPIRED else UpdateType.CANCEL
            return _told(at, order, kind, cancel_reason(reason, order.type, order.in_force, self._band(order.listing)))
        why = None
        if status == Status.REPLACED:
            assert entered is not None, "only a request replaces an order"
            order.quantity, order.price, order.stop = order.filled + size, row[7], entered.stop
            self._place(order)
        else:
            assert status == Status.REDUCED
            why = cancel_reason(reason, order.type, order.in_force, self._band(order.listing))
            if left == 0:
                self._forget(order)
                return _told(at, order, UpdateType.CANCEL, why)
            order.quantity -= size
        return VenueUpdate(
            at=at,
            account=order.account,
            order_id=order.order_id,
            kind=UpdateType.REPLACE,
            quantity=order.quantity * order.listing.lot,
            price=order.price * order.listing.tick if order.price else None,
            stop_price=order.stop * order.listing.tick if order.stop else None,
            reason=why,
        )

    def _refused(self, at: int, entered: Entered, reason: int, phase: int) -> VenueUpdate:
        listing = entered.order.listing
        text = refusal(reason, phase, listing.instrument.wire_symbol, self._band(listing))
        return VenueUpdate(
            at=at,
            account=entered.account,
            order_id=entered.order_id,
            kind=UpdateType.REJECT,
            request=entered.kind,
            reason=text,
        )

    def _band(self, listing: Listing) -> Callable[[], str]:
        book = self._books[listing.number]
        return lambda: f"{amount(int(book['lower']) * listing.tick)} to {amount(int(book['upper']) * listing.tick)}"

    def _remember(self, order: LiveOrder, number: int) -> None:
        order.number = number
        self._by_id[order.order_id] = self._by_number[number] = order
        listing = order.listing.number
        self.counts[listing] = self.counts.get(listing, 0) + 1
        self._place(order)

    def _place(self, order: LiveOrder) -> None:
        below, above = self._nearest[order.listing.number]
        (below if order.is_below else above).add(order, self.counts[order.listing.number])

    def _forget(self, order: LiveOrder) -> None:
        del self._by_id[order.order_id], self._by_number[order.number]
        order.number = 0
        listing = order.listing.number
        self.counts[listing] -= 1
        if not self.counts[listing]:
            del self.counts[listing]


def _told(at: int, order: LiveOrder, kind: UpdateType, reason: str | None = None) -> VenueUpdate:
    return VenueUpdate(at=at, account=order.account, order_id=order.order_id, kind=kind, reason=reason)
