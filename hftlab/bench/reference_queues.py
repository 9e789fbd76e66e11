"""Orders and queues of the slow matching engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from hftlab.book.matching.entries import EntryType, InForce, Prevention, TradingPhase

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
    shown: int = 0
    rank: int = 0

    @property
    def is_public(self) -> bool:
        return self.type in (EntryType.LIMIT, EntryType.ICEBERG)

    @property
    def side(self) -> str:
        return "B" if self.is_bid else "A"

    def reaches(self, price: int) -> bool:
        return self.type == EntryType.MARKET or (price <= self.price if self.is_bid else price >= self.price)

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
    last: int = 0
    traded: list[int] = field(default_factory=list)  # the prices since stops were last looked at
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

    def crosses(self, is_bid: bool, price: int) -> bool:
        others = self.queue(not is_bid)
        if not others:
            return False
        if others[0].type == EntryType.MARKET:
            return True
        return others[0].price <= price if is_bid else others[0].price >= price
