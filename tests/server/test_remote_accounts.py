"""Accounts in another process, as a server's clients see them: signing in, and the state that nobody can tell yet."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from hftlab.client import Client
from hftlab.clock import Clock, wall_time
from hftlab.credentials import access_token
from hftlab.protocol import OrderStatus, OrderType, OrderUpdate, PortfolioUpdate, Side, UpdateType
from hftlab.protocol.order_messages import PrivateMessage
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.server import Server
from hftlab.source import Timed
from hftlab.trading.remote_broker import OrderAnswer, StateAnswer
from tests.server.conversation import PATIENCE, receive, settled

KEY = b"k" * 32
OPEN = OrderUpdate(
    timestamp=1.0,
    order_id="1",
    client_order_id="mine",
    symbol="AAPL",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    status=OrderStatus.NEW,
    quantity=10,
    filled_quantity=0,
    remaining_quantity=10,
    price=100.0,
    update_type=UpdateType.NEW,
    snapshot=True,
)


def portfolio(cash: float) -> PortfolioUpdate:
    return PortfolioUpdate(
        timestamp=1.0,
        total_value=cash,
        cash=cash,
        market_value=0,
        buying_power=cash,
        unrealized_pnl=0,
        realized_pnl=0,
        day_pnl=0,
        snapshot=True,
    )


STATE = [OPEN, portfolio(1.0)]


class Elsewhere:
    """Source and broker of accounts in another process, which answers when a test says so."""

    recorded = False
    name = "elsewhere"
    symbols = ("AAPL",)
    takes_orders = True

    def __init__(self) -> None:
        self.clock = Clock(timer=wall_time)
        self.remote_broker = self
        self.asked: deque[StateAnswer] = deque()
        self._items: deque[Timed[Any]] = deque()

    def ask_state(self, account: str, answer: StateAnswer, *, with_finished: bool) -> None:
        self.asked.append(answer)

    def send(self, account: str, request: Any, entered_by: str | None, answer: OrderAnswer) -> None:
        raise AssertionError

    def disconnect(self, entered_by: str) -> None:
        raise AssertionError

    def tell(self, message: PrivateMessage) -> None:
        self._items.append(Timed(wall_time(), message, "alice"))

    def next_time(self) -> int | None:
        return self._items[0].at if self._items else None

    def advance(self, until: int) -> list[Timed[Any]]:
        items, self._items = list(self._items), deque()
        return items


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    yield Elsewhere()


@pytest.fixture
async def server(elsewhere: Elsewhere) -> AsyncIterator[Server]:
    async with Server(elsewhere, port=0, key=KEY) as server:  # type: ignore[arg-type]  # it is a source
        server.begin_session(Accounts("s", mirrors=True))
        yield server


async def test_a_server_stops_while_somebody_signs_in(server: Server, elsewhere: Elsewhere) -> None:
    async with connect(server.url) as connection:
        await receive(connection)
        auth = {"type": "AUTH", "timestamp": 1, "token": access_token(KEY, "alice", time.time())}
        await connection.send(json.dumps(auth))
        await settled(lambda: len(elsewhere.asked) == 1)
        async with asyncio.timeout(PATIENCE):
            await server.stop()
            await connection.wait_closed()


async def test_orders_stay_while_nobody_can_tell_the_state(server: Server, elsewhere: Elsewhere) -> None:
    """A valuation of the portfolio ends the state that a client is told; without the orders they would be gone."""
    client = Client(server.url, token=access_token(KEY, "alice", time.time()), reconnect_interval=0.01)
    connecting = asyncio.create_task(client.connect())
    await settled(lambda: len(elsewhere.asked) == 1)
    elsewhere.asked.popleft()(STATE)
    await connecting
    await settled(lambda: client.trading.portfolio is not None)
    (order,) = client.trading.open_orders

    assert server.disconnect(server.connections()[0].id)
    await settled(lambda: len(elsewhere.asked) == 1)
    elsewhere.asked.popleft()(None)
    await client.wait_connected(PATIENCE)
    elsewhere.tell(portfolio(2.0))
    server._stream.wake()
    await settled(lambda: server.stats()["published"] == 1)
    await client.ping()
    assert [order.status for order in client.trading.orders] == ["NEW"]
    assert client.trading.portfolio.cash == 1.0  # type: ignore[union-attr]

    server.ask_missing_states()
    elsewhere.asked.popleft()([OPEN, portfolio(3.0)])
    await settled(lambda: client.trading.portfolio.cash == 3.0)  # type: ignore[union-attr]
    elsewhere.tell(portfolio(4.0))
    server._stream.wake()
    await settled(lambda: client.trading.portfolio.cash == 4.0)  # type: ignore[union-attr]
    assert order.status == "NEW"
    await client.close()
