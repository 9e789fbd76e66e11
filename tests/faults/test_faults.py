"""The client behind a bad network: in the end it knows the truth, and before that it knows that it does not."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from hftlab.client import Client
from hftlab.credentials import access_token
from hftlab.errors import SubscriptionFailed
from hftlab.protocol import ChannelInfo, MarketData, OrderBookLevel
from hftlab.protocol.level_book import CHECKED_DEPTH
from hftlab.server import Server, ServerLimits
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import KEY, QUICK, Mailbox, Orders, Witness, crash, until
from tests.protocol.conftest import market_data, symbol

SYMBOLS = ["AAPL", "MSFT", "TSLA"]


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
        bids, asks = ([OrderBookLevel(price=p, size=s, orders=1) for p, s in side] for side in self._sides(name))
        return market_data(symbol(name, bids=bids, asks=asks))

    def truth(self, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """As deep as the checksum covers: a damaged level below that shows when it comes up."""
        bids, asks = self._sides(name)
        return bids[:CHECKED_DEPTH], asks[:CHECKED_DEPTH]

    def _sides(self, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        book = self._books[name]
        return sorted(book["bid"].items(), reverse=True), sorted(book["ask"].items())


def shown(client: Client, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]] | None:
    """The book that the client vouches for, as deep as the checksum covers; None if it does not."""
    book = client.book(name)
    if book is None or book.stale:
        return None
    bids, asks = (
        [(price, size) for price, size, _ in side] for side in (book.bids(CHECKED_DEPTH), book.asks(CHECKED_DEPTH))
    )
    return bids, asks


def knows(client: Client, market: Market) -> bool:
    return all(shown(client, name) == market.truth(name) for name in SYMBOLS)


@pytest.mark.parametrize("kind", ["ORDER_BOOK", "BOOK_DELTA"])
@pytest.mark.parametrize("restarts", [10, pytest.param(50, marks=pytest.mark.soak)])
async def test_server_restarts(kind: str, restarts: int) -> None:
    """Every subscription comes back with every server, every hole is declared, and the books are the market's.

    Private messages come exactly once, also those that a cut has lost on their way; only what a server takes into its
    grave, with the connection that it was to go out on, comes once or not at all.
    """
    market, orders = Market(), Orders()
    server = await Server(port=0, key=KEY).start()
    token = access_token(KEY, "alice", time.time())
    async with ChaosProxy(server.port) as proxy, Client(proxy.url, token=token, **QUICK) as client:
        witness, mailbox = Witness(client), Mailbox(client)
        await client.subscribe(SYMBOLS[:1], data_types=[kind], frequency=0)
        await client.subscribe(SYMBOLS[1:], data_types=[kind], frequency=0)
        for restart in range(restarts):
            market.tell(server)
            market.move(server, 20)
            await until(lambda: knows(client, market))
            orders.send(server, 5)
            proxy.cut()
            orders.send(server, 5)
            await until(lambda: orders.sent <= set(mailbox.numbers) and knows(client, market))
            orders.send(server, 3, is_certain=False)
            await (server.stop() if restart % 2 else crash(server))
            await until(lambda: client.connection_status != "CONNECTED")
            assert all(shown(client, name) is None for name in SYMBOLS)
            server = await Server(port=proxy.target, key=KEY).start()
            await restored(server)
        market.tell(server)
        market.move(server, 20)
        await until(lambda: knows(client, market))
        assert client.symbols == SYMBOLS
        assert witness.undeclared == []
        assert client.metrics.reconnection_count >= 2 * restarts
        assert mailbox.numbers == sorted(set(mailbox.numbers))
        assert orders.sent <= set(mailbox.numbers)
        assert mailbox.losses == []
    await server.stop()


async def restored(server: Server) -> None:
    """Wait until a server that has just started has all subscriptions."""
    await until(lambda: {name for channel in channels(server) for name in channel.symbols} == set(SYMBOLS))


def channels(server: Server) -> list[ChannelInfo]:
    return [channel for one in server.connections() for channel in one.channels]


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


async def test_who_asks_to_be_disconnected_comes_back_to_the_whole_book() -> None:
    """A client that does not keep up is closed with 4008 rather than skipped, and starts again from a snapshot."""
    limits = ServerLimits(write_deadline=60, queue_bytes=256 * 1024)  # the default takes seconds to fill with changes
    async with (
        Server(port=0, limits=limits) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, **QUICK) as client,
    ):
        witness, reasons, market = Witness(client), [], Market(4)
        client.on("disconnected", reasons.append)
        with pytest.raises(SubscriptionFailed, match="CONFLATE, GAP, DISCONNECT"):
            await client.subscribe(SYMBOLS, slow_consumer="patience")
        await client.subscribe(SYMBOLS, data_types=["BOOK_DELTA"], frequency=0, slow_consumer="disconnect")
        market.tell(server)
        await until(lambda: knows(client, market))
        proxy.stall()
        while not server.stats()["aborted"]:
            market.move(server, 100)
            await asyncio.sleep(0)
        proxy.flow()
        await until(lambda: bool(reasons))  # it may know all that it was sent before
        await until(lambda: knows(client, market))
        assert reasons == ["closed by the server with 4008 slow consumer"]
        assert server.stats()["aborted"] == {"disconnect": 1}
        # A gap would have skipped some.
        assert (witness.losses, server.stats()["gaps"]) == ([], 0)
        assert {channel.slow_consumer for channel in channels(server)} == {"DISCONNECT"}


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
