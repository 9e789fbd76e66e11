"""What the plain calls of a client wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hftlab.client import Client
from hftlab.protocol import Ack, MarketData, Message

__all__ = ["gathered", "replay_ended", "subscribed"]


async def subscribed(client: Client, symbols: list[str], wait: float, **terms: Any) -> Ack:
    """Subscribe on those `terms` (see Client.subscribe), and wait for the first data."""
    missing = {symbol for symbol in symbols if client.latest(symbol) is None}
    arrived = asyncio.Event()

    def arrive(message: Message) -> None:
        if isinstance(message, MarketData):
            missing.difference_update(symbol.symbol for symbol in message.symbols)
            if not missing:
                arrived.set()

    end = client.on("message", arrive)
    try:
        ack = await client.subscribe(symbols, **terms)
        if missing and wait > 0:
            await _within(arrived.wait(), wait)
        return ack
    finally:
        end()


async def gathered(client: Client, count: int, timeout: float) -> list[Message]:
    try:
        async with asyncio.timeout(timeout):
            return await client.gather(count)
    except TimeoutError:
        return client.messages(count)


async def replay_ended(client: Client, timeout: float | None) -> bool:
    ended = asyncio.Event()
    end = client.on("message", lambda _: ended.set() if client.replay_ended else None)
    closed = asyncio.ensure_future(client.wait_closed())
    closed.add_done_callback(lambda _: ended.set())
    try:
        if not client.replay_ended:
            await _within(ended.wait(), timeout)
        return client.replay_ended
    finally:
        end()
        closed.cancel()


async def _within(awaitable: Coroutine[Any, Any, object], seconds: float | None) -> None:
    """Wait for it, but no longer than so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await awaitable
    except TimeoutError:
        pass
