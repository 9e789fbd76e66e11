"""Private messages over a bad network: each comes exactly once and in order, or its loss is told."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from hftlab.client import Client
from hftlab.credentials import access_token
from hftlab.server import Server, ServerLimits
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import KEY, QUICK, Mailbox, Orders, order_update, until

KEPT = 10_000
"""How many private messages a server's log holds."""


def token() -> str:
    return access_token(KEY, "alice", time.time())


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 30))])
async def test_cuts_lose_and_repeat_nothing(seed: int) -> None:
    """The line is cut, stalled and half open at random moments; after each resumption the rest follows."""
    chance, orders = random.Random(seed), Orders()
    quick = QUICK | {"heartbeat_interval": 0.05}
    async with (
        Server(port=0, key=KEY) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, token=token(), **quick) as client,
    ):
        mailbox = Mailbox(client)
        for _ in range(30):
            for _ in range(chance.randrange(20)):
                orders.send(server, 1)
                if chance.random() < 0.2:
                    await asyncio.sleep(0)
            chance.choice([proxy.cut, proxy.half_open, proxy.stall, proxy.flow])()
            if chance.random() < 0.5:
                proxy.flow()
                await until(lambda: mailbox.numbers == sorted(orders.sent))
        proxy.flow()
        await until(lambda: len(mailbox.numbers) >= len(orders.sent))
        assert mailbox.numbers == sorted(orders.sent)
        assert mailbox.losses == []
        assert client.metrics.reconnection_count > 0


@pytest.mark.parametrize("is_late", [False, True], ids=["reads on", "reads when it is gone"])
async def test_an_overflow_closes_with_4008_and_is_resumed(is_late: bool) -> None:
    """They are never skipped: who does not take them is closed, comes back, and gets what is missing."""
    count = 0
    async with (
        Server(port=0, key=KEY, limits=ServerLimits(write_deadline=60)) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, token=token(), **QUICK) as client,
    ):
        mailbox = Mailbox(client)
        reasons: list[str] = []
        client.on("disconnected", reasons.append)
        (connection,) = server.connections()
        proxy.stall()
        while not server.stats()["aborted"]:
            server.publish(order_update(count, reason="x" * 20_000), "alice")
            count += 1
            await asyncio.sleep(0)
        assert server.stats()["aborted"] == {"overflow": 1}
        if is_late:
            await until(lambda: connection.id not in {one.id for one in server.connections()})
        proxy.flow()
        for _ in range(10):
            server.publish(order_update(count), "alice")
            count += 1
        await until(lambda: len(mailbox.numbers) >= count)
        assert mailbox.numbers == list(range(count))
        assert mailbox.losses == []
        assert len(reasons) == 1
        if not is_late:
            assert reasons[0] == "closed by the server with 4008 slow consumer"


async def test_what_the_log_no_longer_holds_is_told() -> None:
    async with (
        Server(port=0, key=KEY) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, token=token(), **QUICK) as client,
    ):
        mailbox = Mailbox(client)
        server.publish(order_update(0), "alice")
        await until(lambda: mailbox.numbers == [0])
        proxy.cut()
        for number in range(1, KEPT + 101):
            server.publish(order_update(number), "alice")
        await until(lambda: mailbox.numbers[-1] == KEPT + 100)
        assert mailbox.numbers == [0, *range(101, KEPT + 101)]
        # Sequences count from 1: they are those of the messages 1 to 100.
        assert [(loss.first, loss.last, loss.reason) for loss in mailbox.losses] == [(2, 101, "gap")]
