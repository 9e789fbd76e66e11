"""Watch over a client's orders: the blotter, and those who wait for an order to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from hftlab.protocol import AuthSuccess, Message
from hftlab.protocol.messages import Ack, Gap
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.trading.blotter import Blotter, TrackedOrder
from hftlab.trading.order_record import OrderRecord

__all__ = ["OrderWatch"]

_Condition: TypeAlias = Callable[[OrderRecord], bool]

_CONCERNED: Final = frozenset({*PRIVATE_MESSAGES, Ack, AuthSuccess, Gap})


class OrderWatch:
    """Blotter of a client with those who wait for its orders; it outlives connections. Call it on the client's loop."""

    def __init__(self) -> None:
        self.blotter = Blotter()
        self._waiting: dict[TrackedOrder, list[tuple[_Condition, asyncio.Future[None]]]] = {}

    def receive(self, message: Message) -> None:
        """Take in a message that is not a duplicate, before the client's callbacks see it."""
        if type(message) in _CONCERNED:
            self.changed(self.blotter.receive(message))

    def changed(self, orders: Iterable[TrackedOrder]) -> None:
        """Wake up those who have waited for what these orders are now: also for a state that they soon leave again."""
        if not self._waiting:
            return
        for order in orders:
            for condition, waiter in self._waiting.get(order, ()):
                if not waiter.done() and condition(order.record):
                    waiter.set_result(None)

    @contextmanager
    def watching(self, order: TrackedOrder, condition: _Condition) -> Iterator[asyncio.Future[None]]:
        """Give a future that is done at the first change of an order, from now on, that meets a condition."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, waiter)
        self._waiting.setdefault(order, []).append(entry)
        try:
            yield waiter
        finally:
            waiting = self._waiting[order]
            waiting.remove(entry)
            if not waiting:
                del self._waiting[order]
