"""Venue without a market: it keeps the requests, and a test says what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hftlab.instruments import UNIT, Instrument, find_instrument
from hftlab.protocol import UpdateType
from hftlab.trading import Liquidity, MarketPhase, VenueUpdate
from hftlab.trading.venue import Cancel, New, Replace, RequestKind, VenueRequest

__all__ = ["ScriptedVenue"]


class ScriptedVenue:
    """TradingVenue whose updates a test makes: `accept("ORD_1")`, `fill("ORD_1", 10, 175.0)`, ..."""

    def __init__(self, *symbols: str, latency: int = 0) -> None:
        found = [find_instrument(symbol) for symbol in symbols or ("AAPL", "MSFT")]
        self.instruments: Sequence[Instrument] = [one for one in found if one is not None]
        self.latency = latency
        self.requests: list[tuple[str, VenueRequest, int]] = []
        self.phases: dict[str, MarketPhase] = {}
        self.prices: dict[str, int] = {}
        self.broker: Any = None
        self.day = 0
        self.now = 0
        self._accounts: dict[str, str] = {}
        self._updates: list[VenueUpdate] = []

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        self.requests.append((account, request, at))
        self._accounts.setdefault(request.order_id, account)
        self.now = max(self.now, at)

    def advance(self, until: int) -> Sequence[object]:
        self.now = until
        return []

    def take_updates(self) -> list[VenueUpdate]:
        updates, self._updates = self._updates, []
        return updates

    def phase(self, symbol: str) -> MarketPhase:
        return self.phases.get(symbol, MarketPhase.CONTINUOUS)

    def reference_price(self, symbol: str) -> int | None:
        return self.prices.get(symbol)

    # --- what a test says ---

    def update(self, order_id: str, kind: UpdateType, **fields: Any) -> None:
        account = self._accounts[order_id]
        self._updates.append(VenueUpdate(at=self.now, account=account, order_id=order_id, kind=kind, **fields))

    def accept(self, order_id: str) -> None:
        self.update(order_id, UpdateType.NEW)

    def fill(self, order_id: str, quantity: float, price: float, liquidity: Liquidity = Liquidity.MAKER) -> None:
        self.update(
            order_id,
            UpdateType.FILL,
            quantity=round(quantity * UNIT),
            price=round(price * UNIT),
            liquidity=liquidity,
        )

    def cancel(self, order_id: str, reason: str = "requested") -> None:
        self.update(order_id, UpdateType.CANCEL, reason=reason)

    def expire(self, order_id: str) -> None:
        self.update(order_id, UpdateType.EXPIRE, reason="end of day")

    def refuse(self, order_id: str, request: RequestKind, reason: str = "refused") -> None:
        self.update(order_id, UpdateType.REJECT, request=request, reason=reason)

    def replace(self, order_id: str, quantity: float, price: float | None = None) -> None:
        self.update(
            order_id,
            UpdateType.REPLACE,
            quantity=round(quantity * UNIT),
            price=None if price is None else round(price * UNIT),
        )

    def asked(self, kind: type[New] | type[Cancel] | type[Replace]) -> list[VenueRequest]:
        """Return the requests of a kind."""
        return [request for _, request, _ in self.requests if isinstance(request, kind)]
