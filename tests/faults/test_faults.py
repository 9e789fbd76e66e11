"""The client behind a bad network: in the end it knows the truth, and before that it knows that it does not."""

from __future__ import annotations

import asyncio
import random

import pytest

from hftlab.client import Client
from hftlab.protocol import MarketData, OrderBookLevel
from hftlab.server import Server
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import Witness, until
from tests.protocol.conftest import market_data, symbol

SYMBOLS = ["AAPL", "MSFT", "TSLA"]
QUICK = {"reconnect_interval": 0.01, "max_reconnect_attempts": 1000}


class Market:
    """Books that move at random; what it holds is the truth."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._books = {name: {"bid": {}, "ask": {}} for name in SYMBOLS}

    def move(self, server: Server, count: int = 1) -> None:
        for _ in range(count):
            name = self._chance.choice(SYMBOLS)
            side, base = self._chance.choice([("bid", 100), ("ask", 120)])
            self._books[name][side][float(base + self._chance.randint(0, 12))] = float(self._chance.randint(1, 9))
            server.publish(self._message(name))

    def tell(self, server: Server) -> None:
        """A server that has started anew learns where the market stands."""
        for name in SYMBOLS:
            server.publish(self._message(name))

    def _message(self, name: str) -> MarketData:
        bids, asks = ([OrderBookLevel(price=p, size=s, orders=1) for p, s in side] for side in self.truth(name))
        return market_data(symbol(name, bids=bids, asks=asks))

    def truth(self, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        book = self._books[name]
        return sorted(book["bid"].items(), reverse=True), sorted(book["ask"].items())


def shown(client: Client, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]] | None:
    """The book that the client vouches for; None if it does not."""
    book = client.book(name)
    if book is None or book.stale:
        return None
    bids, asks = ([(price, size) for price, size, _ in side] for side in (book.bids(100), book.asks(100)))
    return bids, asks


def knows(client: Client, market: Market) -> bool:
    return all(shown(client, name) == market.truth(name) for name in SYMBOLS)


@pytest.mark.parametrize("kind", ["ORDER_BOOK", "BOOK_DELTA"])
@pytest.mark.parametrize("restarts", [10, pytest.param(50, marks=pytest.mark.soak)])
async def test_server_restarts(kind: str, restarts: int) -> None:
    """Every subscription comes back with every server, every hole is declared, and the books are the market's."""
    market = Market()
    server = await Server(port=0).start()
    async with ChaosProxy(server.port) as proxy, Client(proxy.url, **QUICK) as client:
        witness = Witness(client)
        await client.subscribe(SYMBOLS[:1], data_types=[kind], frequency=0)
        await client.subscribe(SYMBOLS[1:], data_types=[kind], frequency=0)
        for restart in range(restarts):
            market.tell(server)
            market.move(server, 20)
            await until(lambda: knows(client, market))
            await (server.stop() if restart % 2 else crash(server))
            await until(lambda: client.connection_status != "CONNECTED")
            assert all(shown(client, name) is None for name in SYMBOLS)
            server = await Server(port=proxy.target).start()
            await restored(server)
        market.tell(server)
        market.move(server, 20)
        await until(lambda: knows(client, market))
        assert client.symbols == SYMBOLS
        assert witness.undeclared == []
        assert client.metrics.reconnection_count == restarts
    await server.stop()


async def crash(server: Server) -> None:
    """End a server without a word to its clients."""
    for connection in list(server._connections):
        connection.transport.abort()
    await server.stop()


async def restored(server: Server) -> None:
    """Wait until a server that has just started has all subscriptions."""
    channels = server._publisher
    await until(lambda: {name for one in channels.channels for name in one.subscription.symbols} == set(SYMBOLS))


async def test_a_connection_that_is_cut_again_and_again() -> None:
    market = Market(1)
    async with Server(port=0) as server, ChaosProxy(server.port) as proxy, Client(proxy.url, **QUICK) as client:
        witness = Witness(client)
        await client.subscribe(SYMBOLS, data_types=["BOOK_DELTA"], frequency=0)
        market.tell(server)
        for cut in range(20):
            market.move(server, 10)
            proxy.cut()
            market.move(server, 10)
            await until(lambda cut=cut: witness.connections > cut)
        await until(lambda: knows(client, market))
        assert witness.undeclared == []


async def test_a_half_open_connection_is_noticed_by_its_silence() -> None:
    """Neither side is told; three missed heartbeats end it, and the books were stale until the new one is there."""
    market = Market(2)
    quick = QUICK | {"heartbeat_interval": 0.05}
    async with Server(port=0) as server, ChaosProxy(server.port) as proxy, Client(proxy.url, **quick) as client:
        reasons: list[str] = []
        client.on("disconnected", reasons.append)
        await client.subscribe(SYMBOLS, data_types=["BOOK_DELTA"], frequency=0)
        market.tell(server)
        await until(lambda: knows(client, market))
        proxy.half_open()
        market.move(server, 10)
        await until(lambda: bool(reasons))
        assert "no sign of life" in reasons[0]
        await until(lambda: knows(client, market))


async def test_a_stall_loses_nothing() -> None:
    """What is held back comes late, in order and whole."""
    market = Market(3)
    async with Server(port=0) as server, ChaosProxy(server.port) as proxy, Client(proxy.url) as client:
        witness = Witness(client)
        await client.subscribe(SYMBOLS, data_types=["BOOK_DELTA"], frequency=0)
        market.tell(server)
        await until(lambda: knows(client, market))
        proxy.stall()
        market.move(server, 50)
        assert not knows(client, market)
        proxy.flow()
        proxy.delay = 0.002
        await until(lambda: knows(client, market))
        assert (witness.holes, witness.losses, client.metrics.messages_lost) == ([], [], 0)


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(5, 50))])
async def test_corrupted_bytes_never_end_in_silent_wrong_state(seed: int) -> None:
    """Bits are turned over and pieces come twice; whatever book the client vouches for is one that the market had."""
    market = Market(seed)
    quick = QUICK | {"heartbeat_interval": 0.1}
    async with Server(port=0) as server, ChaosProxy(server.port, seed) as proxy, Client(proxy.url, **quick) as client:
        witness = Witness(client)
        await client.subscribe(SYMBOLS, data_types=["BOOK_DELTA"], frequency=0)
        market.tell(server)
        had = {name: [market.truth(name)] for name in SYMBOLS}
        proxy.corruption, proxy.duplication = 0.1, 0.02
        while proxy.corrupted < 10:
            market.move(server)
            for name in SYMBOLS:
                had[name].append(market.truth(name))
                assert shown(client, name) in (None, *had[name])
            await asyncio.sleep(0)
        proxy.corruption = proxy.duplication = 0.0
        await until(lambda: knows(client, market))
        assert witness.undeclared == []
