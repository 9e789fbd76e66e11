"""The pace of sign-ins: an account is told so much at once, and then as much as the rate allows."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from hftlab.protocol import NewOrder, OrderType, Side
from hftlab.server import Server, sign_in_pace
from hftlab.server.sign_in_pace import SignInPace
from hftlab.simulator import Exchange
from tests.server.conversation import PATIENCE, receive, request, settled

RATE, BURST = sign_in_pace._PER_SECOND, sign_in_pace._AT_ONCE


@given(st.lists(st.tuples(st.integers(0, 40_000), st.floats(0, 5)), max_size=30))
def test_what_is_told_stays_within_the_rate(sign_ins: list[tuple[int, float]]) -> None:
    """Whoever waits as long as told gets, in any time, no more than the rate and what may be told at once."""
    pace, now = SignInPace(), 0.0
    told: list[tuple[float, int]] = []
    for messages, pause in sign_ins:
        now += pause
        now += pace.wait("alice", now)
        assert pace.wait("alice", now) < 1e-9
        pace.spend("alice", messages, now)
        told.append((now, messages))
    for first, (begin, _) in enumerate(told):
        for last in range(first + 1, len(told)):
            so_far = sum(messages for _, messages in told[first:last])
            assert so_far <= BURST + RATE * (told[last][0] - begin) + 1


def test_accounts_do_not_wait_for_each_other_and_are_forgotten() -> None:
    pace = SignInPace()
    pace.spend("alice", 10 * BURST, 0.0)
    assert pace.wait("alice", 0.0) == 9 * BURST / RATE
    assert pace.wait("bob", 0.0) == 0.0
    for number in range(30_000):
        pace.spend(str(number), 1, 1.0 + number)
    assert len(pace._paid_at) < 20_000


async def signing_in(server: Server, account: str) -> ClientConnection:
    connection = await connect(server.url)
    await receive(connection)
    auth = {"type": "AUTH", "timestamp": 1, "id": "auth", "token": server.issue_tokens(account).access}
    await connection.send(json.dumps(auth))
    return connection


@pytest.fixture
async def server() -> Server:
    server = Server(Exchange(symbols=["AAPL"], seed=7), port=0)
    assert server.broker is not None
    for number in range(20):
        order = NewOrder(
            timestamp=1.0,
            client_order_id=f"o{number}",
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=1,
            price=1.0,
        )
        server.broker.handle("alice", order, server.clock.now())
    return server


async def test_one_that_signs_in_too_often_waits_and_others_do_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_pace, "_AT_ONCE", 10)
    monkeypatch.setattr(sign_in_pace, "_PER_SECOND", 0.001)
    async with server, await signing_in(server, "alice") as first:
        assert (await receive(first))["type"] == "AUTH_SUCCESS"
        second = await signing_in(server, "alice")
        async with await signing_in(server, "bob") as other:
            assert (await receive(other))["type"] == "AUTH_SUCCESS"
            assert (await request(other, type="PING"))["type"] == "PONG"
        await settled(lambda: [one.subject for one in server.connections()] == ["alice", None])
        third = await signing_in(server, "alice")
        await settled(lambda: len(server.connections()) == 3)
        await third.close()
        await settled(lambda: len(server.connections()) == 2)
        async with asyncio.timeout(PATIENCE):
            await server.stop()
            await second.wait_closed()


async def test_it_is_signed_in_when_its_turn_has_come(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_pace, "_AT_ONCE", 10)
    monkeypatch.setattr(sign_in_pace, "_PER_SECOND", 1000.0)
    async with server:
        for _ in range(5):
            async with await signing_in(server, "alice") as connection:
                assert (await receive(connection))["type"] == "AUTH_SUCCESS"
                told = [(await receive(connection))["type"] for _ in range(21)]
                assert told == [*["ORDER_UPDATE"] * 20, "PORTFOLIO_UPDATE"]
