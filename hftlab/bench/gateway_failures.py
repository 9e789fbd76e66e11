"""Failures of a cluster: a gateway, nats-server and the publisher are killed, and what becomes of the clients."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from hftlab.bench.reader_process import ReaderProcess
from hftlab.client import Client
from hftlab.errors import WireError
from hftlab.gateway import Gateway, LocalCluster, NatsServer, NatsTerms
from hftlab.simulator import Exchange

__all__ = ["measure_failures"]

_CLIENTS: Final = 20
_PATIENCE: Final = 60.0
_QUICK: Final[dict[str, Any]] = {"max_reconnect_attempts": None}


async def measure_failures() -> dict[str, float | int]:
    """Return the seconds until all is as before after each failure, and private messages that were lost or doubled."""
    return await _gateway_and_nats() | await _publisher()


async def _gateway_and_nats() -> dict[str, float | int]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(LocalCluster(Exchange(7), 2))
        clients = [Client(cluster.urls, account="alice", **_QUICK) for _ in range(_CLIENTS)]
        for client in clients:
            await stack.enter_async_context(client)
            await client.subscribe(["AAPL"], frequency=0)
        numbers: list[list[int]] = [[] for _ in clients]
        readers = [asyncio.create_task(_read(one, found)) for one, found in zip(clients, numbers, strict=True)]
        trading = asyncio.create_task(_trade(clients[0]))
        await _until(lambda: all(len(found) > 20 for found in numbers))
        start = time.perf_counter()
        cluster.gateways[0].kill()
        await _until(lambda: all(one.url == cluster.urls[1] and _is_connected(one) for one in clients))
        moved = time.perf_counter() - start
        await _until(lambda: min(found[-1] for found in numbers) > max(found[-1] for found in numbers) - 8)
        cluster.nats.kill()
        start = time.perf_counter()
        await asyncio.to_thread(cluster.nats.start)
        await _fresh(clients)
        nats_back = time.perf_counter() - start
        trading.cancel()
        await asyncio.wait([trading])
        await _until(lambda: len({found[-1] for found in numbers}) == 1)
        for reader in readers:
            reader.cancel()
    return {
        "gateway_killed_s": moved,
        "nats_restarted_s": nats_back,
        "private_messages": sum(map(len, numbers)),
        "private_lost": sum(found[-1] - found[0] + 1 - len(set(found)) for found in numbers),
        "private_twice": sum(len(found) - len(set(found)) for found in numbers),
    }


async def _publisher() -> dict[str, float | int]:
    with NatsServer() as nats:
        terms = NatsTerms(servers=[nats.url])
        first = await asyncio.to_thread(_published, nats.url)
        async with Gateway(terms, port=0) as gateway:
            await _until(lambda: gateway.server.unready() is None)
            async with Client(gateway.url, account="alice", **_QUICK) as client:
                await client.subscribe(["AAPL"], frequency=0)
                await _fresh([client])
                first.kill()
                first.wait()
                start = time.perf_counter()
                await _until(lambda: gateway.server.unready() is not None)
                noticed = time.perf_counter() - start
                second = await asyncio.to_thread(_published, nats.url)
                start = time.perf_counter()
                await _fresh([client])
                await _until(lambda: _is_connected(client) and client.account == "alice")
                back = time.perf_counter() - start
        second.kill()
        second.wait()
    return {"publisher_killed_noticed_s": noticed, "publisher_restarted_s": back}


def _published(nats: str) -> subprocess.Popen[str]:
    """Start a publisher, and wait until it publishes."""
    command = ReaderProcess.program("hftlab", "publish", "--nats", nats, "--seed", "7")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def _read(client: Client, numbers: list[int]) -> None:
    async for message in client:
        if message.channel == 0 and message.sequence is not None:
            numbers.append(message.sequence)


async def _trade(client: Client) -> None:
    """Trade as fast as the answers come; an order without one is left alone."""
    while True:
        with suppress(WireError):
            await client.trading.buy("AAPL", 1)
        await asyncio.sleep(0.01)


def _is_connected(client: Client) -> bool:
    return client.connection_status == "CONNECTED"


async def _fresh(clients: list[Client]) -> None:
    """Wait until every client has newer market data."""
    before = [client.latest("AAPL") for client in clients]
    await _until(lambda: all(one.latest("AAPL") != old for one, old in zip(clients, before, strict=True)))


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)
