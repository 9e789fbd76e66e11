"""Interfaces of an account that views show: its orders, fills, positions and portfolio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hftlab.protocol.order_messages import PortfolioUpdate, PositionUpdate
from hftlab.trading.order_record import FillRecord, OrderRecord
from hftlab.widgets.core.interfaces import Client

__all__ = ["Account", "Order", "TradingClient"]


class Order(Protocol):
    """An order that always shows the newest state."""

    @property
    def record(self) -> OrderRecord: ...


class Account(Protocol):
    """A client's account. Calls that trade return once the server has answered."""

    @property
    def orders(self) -> Sequence[Order]: ...
    @property
    def open_orders(self) -> Iterable[Order]: ...
    @property
    def positions(self) -> Mapping[str, PositionUpdate]: ...
    @property
    def portfolio(self) -> PortfolioUpdate | None: ...
    @property
    def fills(self) -> Sequence[FillRecord]: ...
    def buy(self, symbol: str, quantity: float, /, *, price: float | None, wait: bool) -> Order: ...
    def sell(self, symbol: str, quantity: float, /, *, price: float | None, wait: bool) -> Order: ...
    def cancel(self, order: str, /) -> Any: ...
    def cancel_all(self) -> Any: ...


class TradingClient(Client, Protocol):
    """A client that is signed in as an account."""

    @property
    def trading(self) -> Account: ...
