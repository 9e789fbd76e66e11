"""Brokers in other processes: what a server asks of one, and how it is answered later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from hftlab.errors import WireError
from hftlab.protocol.order_messages import PrivateMessage
from hftlab.trading.order_entry import OrderRequest

__all__ = ["OrderAnswer", "RemoteBroker", "StateAnswer"]

OrderAnswer: TypeAlias = Callable[[WireError | None], None]
"""Function that is told that a request is taken (None), or why it is not."""

StateAnswer: TypeAlias = Callable[[Sequence[PrivateMessage] | None], None]
"""Function that gets the messages of an account's state; None if the broker cannot be asked now."""


@runtime_checkable
class RemoteBroker(Protocol):
    """Broker of accounts in another process, whose private messages the source yields, numbered already.

    Answers come once each, on the stream's loop: that about an order before the messages that follow from it, and the
    state of an account behind all its messages of before and ahead of all later ones.
    """

    @property
    def takes_orders(self) -> bool:
        """True if there is such a broker at present."""
        ...

    def ask_state(self, account: str, answer: StateAnswer, *, with_finished: bool) -> None:
        """Ask for an account's open orders, positions and portfolio; `with_finished` adds the orders that are over."""
        ...

    def send(self, account: str, request: OrderRequest, entered_by: str | None, answer: OrderAnswer) -> None:
        """Send a request of an account; `entered_by` is the connection at whose end a new order is to be cancelled."""
        ...

    def disconnect(self, entered_by: str) -> None:
        """Cancel the open orders of a connection that has ended."""
        ...
