"""An account whose orders and fills the test sets, with the interface that widgets read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hftlab.protocol.enums import OrderStatus, OrderType, PositionSide, Side
from hftlab.protocol.order_messages import PortfolioUpdate, PositionUpdate
from hftlab.trading.order_record import FillRecord, OrderRecord
from tests.widgets.market import NOON, Market

__all__ = ["Account", "Trader", "fill", "order", "portfolio", "position"]

SECOND = 1_000_000_000


@dataclass
class Handle:
    record: OrderRecord


@dataclass
class Account:
    records: list[OrderRecord] = field(default_factory=list)
    fills: list[FillRecord] = field(default_factory=list)
    positions: dict[str, PositionUpdate] = field(default_factory=dict)
    portfolio: PortfolioUpdate | None = None
    calls: list[Any] = field(default_factory=list)
    refuses: str = ""

    @property
    def orders(self) -> list[Handle]:
        return [Handle(record) for record in self.records]

    @property
    def open_orders(self) -> list[Handle]:
        return [handle for handle in self.orders if not handle.record.is_final]

    def cancel(self, order: str) -> None:
        if self.refuses:
            raise ValueError(self.refuses)
        self.calls.append(("cancel", order))

    def cancel_all(self) -> None:
        self.calls.append("cancel all")


@dataclass(eq=False)
class Trader(Market):
    trading: Account = field(default_factory=Account)


def order(number: int = 1, **changes: Any) -> OrderRecord:
    fields = {
        "client_order_id": f"order-{number}",
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "status": OrderStatus.NEW,
        "quantity": 100.0,
        "filled_quantity": 0.0,
        "remaining_quantity": 100.0,
        "created": NOON + number * SECOND,
        "updated": NOON + number * SECOND,
        "price": 175.25,
    }
    return OrderRecord(**{**fields, **changes})


def fill(number: int = 1, **changes: Any) -> FillRecord:
    fields = {
        "time": NOON + number * SECOND,
        "client_order_id": f"order-{number}",
        "order_id": str(number),
        "symbol": "AAPL",
        "side": Side.BUY,
        "price": 175.25,
        "quantity": 40.0,
        "commission": 0.12,
    }
    return FillRecord(**{**fields, **changes})


def position(symbol: str = "AAPL", quantity: float = 100.0, **changes: Any) -> PositionUpdate:
    fields = {
        "timestamp": 1.0,
        "average_price": 175.2534,
        "current_price": 176.0,
        "market_value": 176.0 * quantity,
        "unrealized_pnl": 74.66,
        "realized_pnl": -12.5,
        "day_pnl": 62.16,
        "side": PositionSide.LONG if quantity > 0 else PositionSide.SHORT,
    }
    return PositionUpdate(symbol=symbol, quantity=quantity, **{**fields, **changes})


def portfolio() -> PortfolioUpdate:
    return PortfolioUpdate(
        timestamp=1.0,
        total_value=1_000_062.16,
        cash=982_462.16,
        market_value=17_600.0,
        buying_power=964_862.16,
        unrealized_pnl=74.66,
        realized_pnl=-12.5,
        day_pnl=62.16,
    )
