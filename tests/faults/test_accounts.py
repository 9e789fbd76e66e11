"""Accounts that share a server over real sockets: each client gets all of its own account's messages and no others."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.clock import Clock
from hftlab.credentials import access_token, local_account
from hftlab.protocol import Message, OrderBookLevel, encode
from hftlab.server import ConnectionInfo, Server, ServerLimits
from hftlab.server.server_socket import HIGH_WATER
from hftlab.source import Timed
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import KEY, PATIENCE, QUICK, Mailbox, Orders, order_update, until
from tests.protocol.conftest import market_data, symbol
from tests.server.readers import Reader

ACCOUNTS = ("alice", "bob")


def token(account: str, lifetime: float = 900.0) -> str:
    return access_token(KEY, account, time.time(), lifetime)


class Private:
    """What a client has received that names an account."""

    def __init__(self, client: Client) -> None:
        self.accounts: set[str] = set()
        client.taps.append(self._saw)

    def _saw(self, item: Timed[Message]) -> None:
        data = encode(item.message)
        self.accounts |= {account for account in ACCOUNTS if account.encode() in data}


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 30))])
async def test_cuts_and_resumptions_keep_accounts_apart(seed: int) -> None:
    """Three clients of two accounts, whose lines are cut at random moments."""
    chance = random.Random(seed)
    orders = {account: Orders(account) for account in ACCOUNTS}
    async with (
        Server(port=0, key=KEY) as server,
        ChaosProxy(server.port) as proxy,
        Client(proxy.url, token=token("alice"), **QUICK) as alice,
        Client(proxy.url, token=token("alice"), **QUICK) as other,
        Client(proxy.url, token=token("bob"), **QUICK) as bob,
    ):
        clients = [("alice", alice), ("alice", other), ("bob", bob)]
        mailboxes = [(account, Mailbox(client)) for account, client in clients]
        seen = [(account, Private(client)) for account, client in clients]
        for _ in range(20):
            for _ in range(chance.randrange(20)):
                orders[chance.choice(ACCOUNTS)].send(server, 1)
                if chance.random() < 0.2:
                    await asyncio.sleep(0)
            proxy.cut()
            if chance.random() < 0.5:
                await until(lambda: all(one.numbers == sorted(orders[account].sent) for account, one in mailboxes))
        await until(lambda: all(len(one.numbers) >= len(orders[account].sent) for account, one in mailboxes))
        for account, mailbox in mailboxes:
            assert mailbox.numbers == sorted(orders[account].sent)
            assert mailbox.losses == []
        assert all(one.accounts <= {account} for account, one in seen)
        assert alice.metrics.reconnection_count > 0


async def test_tokens_that_expire_and_are_renewed_keep_accounts_apart() -> None:
    orders = {account: Orders(account) for account in ACCOUNTS}
    renewals = dict.fromkeys(ACCOUNTS, 0)

    def short(account: str) -> Any:
        async def get() -> str:
            renewals[account] += 1
            return token(account, 1.5)

        return get

    async with (
        Server(port=0, key=KEY) as server,
        Client(server.url, token=short("alice"), **QUICK) as alice,
        Client(server.url, token=short("bob"), **QUICK) as bob,
    ):
        mailboxes = {"alice": Mailbox(alice), "bob": Mailbox(bob)}
        async with asyncio.timeout(PATIENCE):
            while min(renewals.values()) < 3:
                for one in orders.values():
                    one.send(server, 1)
                await asyncio.sleep(0.01)  # the source's pace
        await until(lambda: all(len(mailboxes[one].numbers) >= len(orders[one].sent) for one in ACCOUNTS))
        for account, mailbox in mailboxes.items():
            assert mailbox.numbers == sorted(orders[account].sent)
            assert mailbox.losses == []


class Orderly:
    """A live source of private messages: two accounts' in turns, and every third nobody's."""

    name, symbols, recorded = "desk", ("AAPL",), False

    def __init__(self) -> None:
        self.clock = Clock(0, paused=True)
        self._number = 0

    def next_time(self) -> int | None:
        return (self._number + 1) * 1000 if self._number < 30 else None

    def advance(self, until: int) -> Sequence[Message | Timed[Message]]:
        at, number = (self._number + 1) * 1000, self._number
        self._number += 1
        account = (*ACCOUNTS, None)[number % 3]
        update = order_update(number, reason=account)
        return [Timed(at, update, account)] if number % 2 or account else [update]


async def test_a_source_says_whose_its_messages_are() -> None:
    """Those of no account are the server's own user's, as whom local clients sign in."""
    source, tapped = Orderly(), []
    async with Server(source, port=0) as server:
        server.taps.append(lambda item: tapped.append((item.at, item.account, int(item.message.order_id))))
        wanted = {"alice": 0, "bob": 1, local_account(): 2}
        clients = [Client(server.url, token=server.issue_tokens(account).access) for account in ACCOUNTS]
        clients.append(Client(server.url))
        try:
            for client in clients:
                await client.connect()
            mailboxes = [Mailbox(client) for client in clients]
            source.clock.step(10**9)
            await until(lambda: all(len(one.numbers) >= 10 for one in mailboxes))
            for mailbox, first in zip(mailboxes, wanted.values(), strict=True):
                assert mailbox.numbers == list(range(first, 30, 3))
            assert tapped == [(1000 * (number + 1), list(wanted)[number % 3], number) for number in range(30)]
        finally:
            for client in clients:
                await client.close()


class Stalled:
    """A bare client that reads when the test says so, behind megabytes of market data that wait for it."""

    def __init__(self, server: Server) -> None:
        self.server, self.reader = server, Reader(server.port)
        self.got: list[dict[str, Any]] = []

    @property
    def info(self) -> ConnectionInfo:
        (connection,) = self.server.connections()
        return connection

    async def fall_behind(self) -> None:
        await self.reader.subscribe("A", dataTypes=["BOOK_DELTA"])
        size = 0.0
        while self.info.buffered < 3 * HIGH_WATER:
            size += 1.0
            levels = [OrderBookLevel(price=float(price), size=size, orders=1) for price in range(1, 200)]
            self.server.publish(market_data(symbol("A", bids=levels)))
            await asyncio.sleep(0)

    async def ask(self, **fields: Any) -> None:
        received = self.info.received
        await self.reader.ask(**fields)
        await until(lambda: self.info.received > received)

    async def sign_in(self, account: str, lifetime: float = 900.0, **fields: Any) -> None:
        await self.ask(type="AUTH", token=token(account, lifetime), id=account, **fields)

    async def read_up_to(self, reply: str) -> list[dict[str, Any]]:
        """Everything that is not market data, up to and including the reply with an id."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while not found or found[-1].get("id") != reply:
                if not self.got:
                    await self.reader.read(1 << 16)
                    self.got = self.reader.take()
                    continue
                message = self.got.pop(0)
                if message["type"] not in ("BOOK_DELTA", "GAP") or message.get("channel") == 0:
                    found.append(message)
        return found


@pytest.mark.parametrize("way", ["switches", "expires"])
async def test_what_waits_for_a_slow_reader_is_not_for_its_next_account(way: str) -> None:
    """The old account's messages are dropped with the answer to its heartbeat; they are resumed when it comes back."""
    async with Server(port=0, key=KEY, limits=ServerLimits(write_deadline=60)) as server:
        slow = Stalled(server)
        await slow.fall_behind()
        await slow.sign_in("alice", 1.5 if way == "expires" else 900.0)
        for number in range(3):
            server.publish(order_update(number, reason="alice"), "alice")
        await slow.ask(type="HEARTBEAT", id="beat")
        if way == "expires":
            await until(lambda: slow.info.subject is None)
        await slow.sign_in("bob")
        server.publish(order_update(0, reason="bob"), "bob")
        await slow.ask(type="HEARTBEAT", id="last")
        found = await slow.read_up_to("last")
        kinds = [(one["type"], one.get("id"), one.get("reason")) for one in found if one.get("id") != "q"]
        expired = [("ERROR", None, None)] if way == "expires" else []
        assert [one for one in kinds if one[0] != "ACK"] == [
            ("AUTH_SUCCESS", "alice", None),
            *expired,
            ("AUTH_SUCCESS", "bob", None),
            ("ORDER_UPDATE", None, "bob"),
        ]
        assert found[-1]["sequences"]["0"] == 1
        assert "beat" not in {one.get("id") for one in found}
        assert "alice" not in json.dumps(found[[one.get("id") for one in found].index("bob") :])
        await slow.sign_in("alice", session=server.session, resumeFrom=0)
        await slow.ask(type="PING", id="end")
        resumed = await slow.read_up_to("end")
        assert [one.get("reason") for one in resumed] == [None, "alice", "alice", "alice", None]
        slow.reader.socket.close()
