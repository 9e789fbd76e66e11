from __future__ import annotations

import asyncio
from collections.abc import Callable

from hftlab.client import Client
from hftlab.protocol import MarketData, Message
from hftlab.protocol.subscriber import Loss

PATIENCE = 60.0


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


class Witness:
    """Sees everything that a client receives, and whether it tells of every hole in it."""

    def __init__(self, client: Client) -> None:
        self.losses: list[Loss] = []
        self.connections = 0
        self.holes: list[tuple[int, int]] = []
        self._seen: dict[int, int] = {}
        client.on("loss", self.losses.append)
        client.on("connected", self._connected)
        client.taps.append(self._saw)

    def _connected(self) -> None:
        self.connections += 1
        self._seen.clear()

    def _saw(self, message: Message, _: int) -> None:
        if message.channel is None or message.sequence is None:
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
