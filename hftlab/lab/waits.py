"""Coroutines that the plain calls of a client wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from hftlab.client import Client
from hftlab.client.arguments import data_type_list
from hftlab.protocol import Ack, BookDelta, DataType, MarketData, Message
from hftlab.protocol.subscriptions import DEFAULT_DATA_TYPES

__all__ = ["closed", "gathered", "next_message", "replay_ended", "subscribed"]


async def subscribed(
    client: Client, symbols: list[str], wait: float, *, data_types: Iterable[str] | None = None, **terms: Any
) -> Ack:
    """Subscribe (`terms` as in Client.subscribe), and wait up to `wait` seconds for state of each symbol and data type.

    Events are not waited for: the market decides when they come.
    """
    kinds = data_type_list(data_types)
    wanted = kinds or DEFAULT_DATA_TYPES
    missing = {symbol for symbol in symbols if not all(_is_known(client, symbol, kind) for kind in wanted)}
    arrived = asyncio.Event()

    def look(message: Message) -> None:
        named = missing.intersection(_symbols(message))
        missing.difference_update([name for name in named if all(_is_known(client, name, kind) for kind in wanted)])
        if not missing:
            arrived.set()

    end = client.on("message", look)
    try:
        ack = await client.subscribe(symbols, data_types=kinds, **terms)
        if missing and wait > 0:
            await _within(arrived.wait(), wait)
        return ack
    finally:
        end()


def _is_known(client: Client, symbol: str, kind: DataType) -> bool:
    latest, book = client.latest(symbol), client.book(symbol)
    match kind:
        case DataType.TRADES | DataType.ARBITRAGE:
            return True
        case DataType.BOOK_DELTA:
            return book is not None and not book.stale
        case DataType.ORDER_BOOK:
            return latest is not None and latest.bids is not None and book is not None and not book.stale
    return latest is not None


def _symbols(message: Message) -> set[str]:
    match message:
        case MarketData():
            return {symbol.symbol for symbol in message.symbols}
        case BookDelta():
            return {message.symbol}
    return set()


async def next_message(client: Client, timeout: float | None) -> Message | None:
    """Return the next message; None after `timeout` seconds, or when the connection has ended for good."""
    try:
        async with asyncio.timeout(timeout):
            return await client.next_message()
    except TimeoutError:
        return None


async def closed(client: Client, timeout: float | None) -> bool:
    """Wait until the connection has ended for good; False after `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            await client.wait_closed()
    except TimeoutError:
        return False
    return True


async def gathered(client: Client, count: int, timeout: float | None) -> list[Message]:
    """Return the next `count` messages; fewer after `timeout` seconds, or when the connection has ended for good."""
    try:
        async with asyncio.timeout(timeout):
            return await client.gather(count)
    except TimeoutError:
        return client.messages(count)


async def replay_ended(client: Client, timeout: float | None) -> bool:
    """Wait until the server says that its replay has ended; False after `timeout` seconds or the connection's end."""
    client.keep_messages()  # a replay that somebody waits for is one whose messages are wanted
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
    """Await something for at most `seconds`; None is no limit."""
    try:
        async with asyncio.timeout(seconds):
            await awaitable
    except TimeoutError:
        pass
