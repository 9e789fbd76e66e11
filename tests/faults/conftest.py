from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hftlab.client import Client
from hftlab.protocol import BookDelta, MarketData, Message, OrderStatus, OrderType, OrderUpdate, Side, UpdateType
from hftlab.protocol.subscribing.loss import Loss
from hftlab.server import Server
from hftlab.source import Timed

PATIENCE = 60.0
KEY = b"k" * 64
QUICK: dict[str, Any] = {"reconnect_interval": 0.01, "max_reconnect_attempts": 1000}
"""A client that comes back as soon as it can."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


async def crash(server: Server) -> None:
    """End a server without a word to its clients."""
    for one in server.connections():
        server.disconnect(one.id)
    await server.stop()


class Witness:
    """Sees everything that a client receives, and whether it tells of every hole in it."""

    def __init__(self, client: Client) -> None:
        self.losses: list[Loss] = []
        self.connections = 0
        self.holes: list[tuple[int, int]] = []
        self._seen: dict[int, int] = {}
        self._symbols: dict[int, str] = {}
        client.on("loss", self.losses.append)
        client.on("connected", self._connected)
        client.on("reconnecting", lambda _: self._forget())
        client.taps.append(self._saw)

    def _connected(self) -> None:
        self.connections += 1

    def _forget(self) -> None:
        self._seen.clear()
        self._symbols.clear()

    def _saw(self, item: Timed[Message]) -> None:
        message = item.message
        if message.channel is None or message.sequence is None:
            return
        # A channel has the changes of one book: those of another are of another channel, whose number was damaged.
        if (
            isinstance(message, BookDelta)
            and self._symbols.setdefault(message.channel, message.symbol) != message.symbol
        ):
            return
        last = self._seen.get(message.channel)
        snapshot = isinstance(message, MarketData) and message.snapshot
        if last is not None and message.sequence > last + 1 and not snapshot:
            self.holes += [(message.channel, lost) for lost in range(last + 1, message.sequence)]
        self._seen[message.channel] = max(message.sequence, last or 0)

    @property
    def undeclared(self) -> list[tuple[int, int]]:
        declared = {(loss.channel, number) for loss in self.losses for number in range(loss.first, loss.last + 1)}
        return [hole for hole in self.holes if hole not in declared]


def order_update(number: int, *, reason: str | None = None) -> OrderUpdate:
    """A private message that can be told from all others."""
    return OrderUpdate(
        timestamp=1.0,
        order_id=str(number),
        client_order_id="1",
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.NEW,
        quantity=1.0,
        filled_quantity=0.0,
        remaining_quantity=1.0,
        reason=reason,
        update_type=UpdateType.NEW,
    )


class Orders:
    """Numbered private messages of one account; `sent` are those that have to arrive."""

    def __init__(self, account: str = "alice") -> None:
        self.account = account
        self.sent: set[int] = set()
        self._count = 0

    def send(self, server: Server, count: int, *, is_certain: bool = True) -> None:
        for _ in range(count):
            server.publish(order_update(self._count), self.account)
            if is_certain:
                self.sent.add(self._count)
            self._count += 1


class Mailbox:
    """The order updates that a client has been given, and what it has been told that it missed."""

    def __init__(self, client: Client) -> None:
        self.numbers: list[int] = []
        self.losses: list[Loss] = []
        client.on("message", self._got)
        client.on("loss", lambda loss: self.losses.append(loss) if loss.channel == 0 else None)

    def _got(self, message: Message) -> None:
        if isinstance(message, OrderUpdate):
            self.numbers.append(int(message.order_id))
