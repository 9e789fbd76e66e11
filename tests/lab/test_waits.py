"""Subscribing in a notebook waits for state of each data type, and for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hftlab.client import Client
from hftlab.lab.waits import subscribed
from hftlab.protocol import Ack
from hftlab.server import Server
from tests.client.servers import until, within
from tests.protocol.conftest import market_data, symbol

FOR_EVER = 1e6
QUOTE = market_data(symbol(bids=None, asks=None))
BOOK = market_data(symbol())


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(port=0) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as client:
        yield client


def ask(client: Client, *kinds: str) -> asyncio.Task[Ack]:
    return asyncio.create_task(subscribed(client, ["AAPL"], FOR_EVER, data_types=kinds or None, frequency=0))


async def still_waits(client: Client, asked: asyncio.Task[Ack], count: int) -> bool:
    """Tell whether the `count`th subscription is still waited for after its acknowledgement and snapshot."""
    await until(lambda: len(client.history.by_type("ACK")) == count + 1)  # the welcome is one
    await client.ping()
    return not asked.done()


@pytest.mark.parametrize("kind", ["QUOTES", "STATISTICS", "ORDER_BOOK", "BOOK_DELTA"])
async def test_state_is_waited_for(server: Server, client: Client, kind: str) -> None:
    asked = ask(client, kind)
    assert await still_waits(client, asked, 1)
    server.publish(BOOK)
    await within(asked)
    assert (client.latest("AAPL") is None) is (kind == "BOOK_DELTA")
    assert (client.book("AAPL") is None) is (kind in ("QUOTES", "STATISTICS"))


@pytest.mark.parametrize("kind", ["ORDER_BOOK", "BOOK_DELTA"])
async def test_a_kind_that_is_newly_asked_for_is_waited_for(server: Server, client: Client, kind: str) -> None:
    server.publish(QUOTE)
    await within(ask(client, "QUOTES"))
    asked = ask(client, kind)
    assert await still_waits(client, asked, 2)
    server.publish(BOOK)
    await within(asked)
    book = client.book("AAPL")
    assert book is not None
    assert book.bids() == [(9.0, 1.0, 1)]


@pytest.mark.parametrize("kind", ["TRADES", "ARBITRAGE"])
async def test_events_are_not(client: Client, kind: str) -> None:
    await within(ask(client, kind))


async def test_what_is_known_is_not_waited_for(server: Server, client: Client) -> None:
    server.publish(BOOK)
    await within(ask(client))
    await within(ask(client, "ORDER_BOOK"))
    await within(ask(client, "BOOK_DELTA"))
    await within(ask(client, "QUOTES"))
