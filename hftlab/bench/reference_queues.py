"""Orders and queues of the slow matching engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from hftlab.book.matching.entries import EntryType, InForce, Prevention, TradingPhase, Trigger

__all__ = ["FAR", "IMMEDIATE", "LIMITED", "STOPS", "Book", "Order"]

LIMITED = (EntryType.LIMIT, EntryType.ICEBERG, EntryType.STOP_LIMIT)
STOPS = (EntryType.STOP, EntryType.STOP_LIMIT)
IMMEDIATE = (InForce.IOC, InForce.FOK)
FAR = 2**61


@dataclass
class Order:
    """Live order: `open` lots in all, of which `shown` are public; at one price the lowest `rank` is first."""

    id: int
    owner: int
    is_bid: bool
    type: EntryType
    in_force: InForce
    price: int
    stop: int
    open: int
    display: int
    post_only: bool
    prevention: Prevention
    trigger: Trigger = Trigger.TRADE
    trail: int = 0
    trail_step: int = 0
    is_whole: bool = False
    has_fired: bool = False
    is_new: bool = True  # a stop that has not looked at the last trade yet
    shown: int = 0
    rank: int = 0

    @property
    def is_public(self) -> bool:
        return self.type in (EntryType.LIMIT, EntryType.ICEBERG) and not self.is_whole

    @property
    def is_watched(self) -> bool:
        return self.trigger != Trigger.TRADE or self.trail > 0

    def is_reached_by(self, price: int) -> bool:
        return price >= self.stop if self.is_bid else price <= self.stop

    def see(self, price: int, lowest: int) -> None:
        """Fire, or trail tick by tick."""
        if self.has_fired or self.is_reached_by(price):
            self.has_fired = True
            return
        step = max(self.trail_step, 1) * (-1 if self.is_bid else 1)
        while self.trail and abs(price - self.stop) >= self.trail + abs(step):
            self.stop += step
            if self.type == EntryType.STOP_LIMIT:
                self.price = max(self.price + step, lowest)

    @property
    def side(self) -> str:
        return "B" if self.is_bid else "A"

    def reaches(self, price: int) -> bool:
        return self.type == EntryType.MARKET or (price <= self.price if self.is_bid else price >= self.price)

    def avoids(self, other: Order) -> bool:
        return self.prevention != Prevention.NONE and self.owner != 0 and self.owner == other.owner

    def best_first(self) -> tuple[int, int]:
        if self.type == EntryType.MARKET:
            return -FAR, self.rank
        return -self.price if self.is_bid else self.price, self.rank

    def show(self) -> None:
        self.shown = min(self.display, self.open) if self.type == EntryType.ICEBERG else self.open


@dataclass
class Book:
    """One instrument's queued orders and waiting stops, in no order, and its prices in ticks."""

    phase: TradingPhase = TradingPhase.CONTINUOUS
    orders: list[Order] = field(default_factory=list)
    stops: list[Order] = field(default_factory=list)
    wholes: list[Order] = field(default_factory=list)
    lowest: int = 1
    last: int | None = None
    traded: list[int] = field(default_factory=list)  # the prices since stops were last looked at
    step: list[int] = field(default_factory=list)  # the prices of this step
    reference: int = 0
    width: int = 0

    @property
    def lower(self) -> int:
        return self.reference - self.width if self.width else -FAR

    @property
    def upper(self) -> int:
        return self.reference + self.width if self.width else FAR

    def queue(self, is_bid: bool) -> list[Order]:
        return sorted((order for order in self.orders if order.is_bid == is_bid), key=Order.best_first)

    def waiting_wholes(self, is_bid: bool) -> list[Order]:
        return sorted((order for order in self.wholes if order.is_bid == is_bid), key=Order.best_first)

    def quote(self, is_bid: bool) -> int | None:
        """Best price for a buyer, or else for a seller, in continuous trading."""
        others = self.queue(not is_bid) if self.phase == TradingPhase.CONTINUOUS else []
        return others[0].price if others else None

    def makers(self, taker: Order) -> list[Order]:
        """Return whom an order could trade with, first to last: at one price those all or none come last."""
        sign = 1 if taker.is_bid else -1
        wholes = [
            order
            for order in self.waiting_wholes(not taker.is_bid)
            if order.open <= taker.open and not taker.avoids(order) and not taker.post_only
            and taker.reaches(order.price) and self.lower <= order.price <= self.upper
        ]  # fmt: skip
        return sorted(
            [*self.queue(not taker.is_bid)[:1], *wholes], key=lambda order: (sign * order.price, order.is_whole)
        )

    def crosses(self, is_bid: bool, price: int) -> bool:
        others = self.queue(not is_bid)
        if not others:
            return False
        if others[0].type == EntryType.MARKET:
            return True
        return others[0].price <= price if is_bid else others[0].price >= price
