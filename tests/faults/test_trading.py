"""Orders over connections that break: each is placed once, and the client ends up with what the server knows."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from hftlab.client import Client
from hftlab.client.order import Order
from hftlab.credentials import access_token
from hftlab.protocol import OrderStatus
from hftlab.server import Rate, Server, ServerLimits
from hftlab.simulator import Exchange
from hftlab.trading import broker_of
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import KEY, PATIENCE, QUICK, until

LIMITS = ServerLimits(messages=Rate(10_000, burst=10_000), errors=Rate(1000, burst=1000))


def token() -> str:
    return access_token(KEY, "alice", time.time())


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 30))])
async def test_cuts_lose_no_order_and_double_none(seed: int) -> None:
    """Requests are cut off before they arrive, and their answers before they come back."""
    chance = random.Random(seed)
    exchange = Exchange(seed=seed)
    async with (
        Server(exchange, port=0, limits=LIMITS, key=KEY) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, token=token(), **QUICK) as client,
    ):
        trading = client.trading
        cuts = [5, *(chance.randrange(5, 100) for _ in range(10))]
        client.on("message", lambda _: proxy.cut() if client.metrics.messages_received in cuts else None)
        orders = await asyncio.gather(*(life(client, random.Random(f"{seed} {one}")) for one in range(20)))
        await until(lambda: client.is_healthy)
        assert len({order.order_id for order in orders}) == len(orders) == len(trading.orders)
        account = broker_of(exchange).account("alice")
        bought = sum(fill.quantity for fill in trading.fills)
        await until(lambda: trading.positions["AAPL"].quantity == bought)
        assert account.positions["AAPL"].quantity == round(bought * 1e9)
        assert sum(order.filled_quantity for order in orders) == bought
        assert broker_of(exchange).orders("alice") == []
        assert client.metrics.reconnection_count > 0


async def life(client: Client, chance: random.Random) -> Order:
    """Place an order that is filled at once, or one that rests, is replaced and cancelled; returns it at its end."""
    if chance.random() < 0.5:
        return await (await placed(client, None)).wait(timeout=PATIENCE)
    order = await placed(client, 1.0 + chance.randrange(100) / 100)
    await client.wait_connected(PATIENCE)
    await order.replace(quantity=5, timeout=PATIENCE)
    await client.wait_connected(PATIENCE)
    await order.cancel(timeout=PATIENCE)
    return await order.wait(timeout=PATIENCE)


async def placed(client: Client, price: float | None) -> Order:
    """Place an order as soon as there is a connection."""
    await client.wait_connected(PATIENCE)
    return await client.trading.buy("AAPL", 10, price, timeout=PATIENCE)


@pytest.mark.parametrize("is_the_same", [True, False])
async def test_a_server_that_comes_back(*, is_the_same: bool) -> None:
    """With the same exchange the orders are still there; another one has never heard of them."""
    exchange = Exchange(seed=7)
    async with (
        Server(exchange, port=0, key=KEY) as first,
        ChaosProxy(first.port) as proxy,
        Client(proxy.url, token=token(), **QUICK) as client,
    ):
        order = await client.trading.buy("AAPL", 10, 1.0)
        filled = await client.trading.buy("AAPL", 10)
        await filled.wait(timeout=PATIENCE)
        await first.stop()
        async with Server(exchange if is_the_same else Exchange(seed=7), port=0, key=KEY) as second:
            proxy.target = second.port
            await until(lambda: client.metrics.reconnection_count == 1)
            await until(lambda: client.trading.portfolio is not None)
            if is_the_same:
                assert order.status is OrderStatus.NEW
                assert client.trading.positions["AAPL"].quantity == 10.0
                assert (await order.cancel()).status is OrderStatus.CANCELED
            else:
                assert (await order.wait(timeout=PATIENCE)).status is OrderStatus.EXPIRED
                assert client.trading.positions["AAPL"].quantity == 0.0
            assert filled.status is OrderStatus.FILLED
            assert sum(fill.quantity for fill in client.trading.fills) == 10.0
