"""Connections over real sockets: authentication, budgets, and what the audit log tells of them."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.client import Client
from hftlab.credentials import access_token
from hftlab.log import AUDIT
from hftlab.server import Rate, Server, ServerLimits
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import closed, receive, request, settled, subscribe
from tests.session.sessions import write_session

KEY = b"k" * 64


ORDER = {"clientOrderId": "1", "symbol": "A", "side": "BUY", "orderType": "MARKET", "quantity": 1}


class TestPublic:
    async def test_market_data_is_open_and_orders_are_not(self) -> None:
        async with Server(port=0, key=KEY) as server, connect(server.url) as connection:
            assert (await subscribe(connection, "A"))["type"] == "ACK"
            for fields in (
                {"type": "NEW_ORDER"} | ORDER,
                {"type": "CANCEL_ORDER", "clientOrderId": "1"},
                {"type": "REPLACE_ORDER", "clientOrderId": "1", "newClientOrderId": "2"},
                {"type": "REPLAY_CONTROL", "action": "PAUSE"},
            ):
                assert (await request(connection, **fields))["errorType"] == "AUTHENTICATION_FAILED"

    async def test_auth_opens_them(self) -> None:
        """Nobody trades here, but the refusal is another one."""
        async with Server(port=0, key=KEY) as server, connect(server.url) as connection:
            token = access_token(KEY, "alice", time.time())
            reply = await request(connection, type="AUTH", token=token)
            assert (reply["type"], reply["subject"]) == ("AUTH_SUCCESS", "alice")
            assert reply["expiresAt"] > time.time() * 1000
            reply = await request(connection, type="NEW_ORDER", **ORDER)
            assert reply.get("errorType") != "AUTHENTICATION_FAILED"

    async def test_a_second_type_does_not_slip_through(self) -> None:
        async with Server(port=0, key=KEY) as server, connect(server.url) as connection:
            await receive(connection)
            order = json.dumps(ORDER)[1:-1]
            for first, last in (("PING", "NEW_ORDER"), ("NEW_ORDER", "PING")):
                await connection.send(f'{{"type":"{first}","timestamp":1,{order},"type":"{last}"}}')
                reply = await receive(connection)
                assert reply["type"] == "PONG" or reply["errorType"] in (
                    "AUTHENTICATION_FAILED",
                    "MESSAGE_PARSE_ERROR",
                )

    async def test_a_wrong_token_is_told_and_changes_nothing(self) -> None:
        async with Server(port=0, key=KEY) as server, connect(server.url) as connection:
            reply = await request(connection, type="AUTH", token="a.b.c")
            assert reply["type"] == "AUTH_FAILED"
            assert (await subscribe(connection, "A"))["type"] == "ACK"
            assert server.stats()["errors"] == {"AUTHENTICATION_FAILED": 1}

    async def test_the_end_of_a_token_is_told(self) -> None:
        async with Server(port=0, key=KEY) as server, connect(server.url) as connection:
            token = access_token(KEY, "alice", time.time(), lifetime=1.5)
            assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_SUCCESS"
            assert (await receive(connection))["errorType"] == "AUTHENTICATION_FAILED"
            reply = await request(connection, type="NEW_ORDER", **ORDER)
            assert "send AUTH first" in reply["message"]

    async def test_a_token_in_the_url_is_refused(self) -> None:
        async with Server(port=0) as server:
            with pytest.raises(InvalidStatus) as caught:
                await connect(f"{server.url}/ws?token=abc")
            assert caught.value.response.status_code == 400


class TestRequired:
    async def test_nothing_but_auth_ping_and_heartbeat(self) -> None:
        async with Server(port=0, key=KEY, auth="required") as server, connect(server.url) as connection:
            assert (await request(connection, type="PING"))["type"] == "PONG"
            assert (await request(connection, type="HEARTBEAT"))["type"] == "ACK"
            assert (await subscribe(connection, "A"))["errorType"] == "AUTHENTICATION_FAILED"
            await request(connection, type="AUTH", token=access_token(KEY, "alice", time.time()))
            assert (await subscribe(connection, "A"))["type"] == "ACK"

    async def test_who_does_not_authenticate_in_time_is_closed(self) -> None:
        limits = ServerLimits(auth_deadline=0.05)
        async with Server(port=0, auth="required", limits=limits) as server, connect(server.url) as connection:
            assert await closed(connection) == (4001, "authentication required")

    async def test_so_is_who_does_not_renew(self) -> None:
        async with Server(port=0, key=KEY, auth="required") as server, connect(server.url) as connection:
            token = access_token(KEY, "alice", time.time(), lifetime=1.5)
            assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_SUCCESS"
            assert await closed(connection) == (4001, "authentication expired")


class TestUntold:
    """Where everything needs authentication, nothing is told before."""

    async def test_the_symbols_come_with_the_answer_to_auth(self) -> None:
        async with Server(RandomWalk(7), port=0, key=KEY, auth="required") as server:
            async with connect(server.url) as connection:
                assert "symbols" not in await receive(connection)
                success = await request(connection, type="AUTH", token=server.issue_tokens("alice").access)
                assert success["symbols"] == RandomWalk(7).symbols
            async with Client(server.url, token=server.issue_tokens("alice").access) as client:
                assert client.offered_symbols == RandomWalk(7).symbols

    async def test_a_replays_status_is_for_those_who_have_signed_in(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(10**9, market_data(symbol()))])
        async with (
            Server(session.replay(), port=0, key=KEY, auth="required") as server,
            connect(server.url) as stranger,
            Client(server.url, token=server.issue_tokens("alice").access) as client,
        ):
            await receive(stranger)
            await client.replay.pause()
            await client.subscribe(session.manifest.symbols)
            assert client.replay.status is not None
            await stranger.send(json.dumps({"type": "PING", "timestamp": 1}))
            assert (await receive(stranger))["type"] == "PONG"
            await request(stranger, type="AUTH", token=server.issue_tokens("bob").access)
            await subscribe(stranger, *session.manifest.symbols)
            while (await receive(stranger))["type"] != "REPLAY_STATUS":
                pass


class TestAudit:
    async def test_it_tells_who_did_what_and_never_the_token(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        token, bad = access_token(KEY, "alice", time.time()), access_token(b"x" * 64, "alice", time.time())
        async with Server(port=0, key=KEY) as server:
            async with connect(server.url, logger=logging.getLogger("quiet")) as connection:
                logging.getLogger("quiet").setLevel(logging.ERROR)
                await request(connection, type="AUTH", token=bad)
                await request(connection, type="AUTH", token=token)
                await subscribe(connection, "A")
            with pytest.raises(InvalidStatus):
                await connect(f"{server.url}/?token={token}", logger=logging.getLogger("quiet"))
            await settled(lambda: server.stats()["connections"] == 0)
        text = caplog.text
        for event in (
            "connected",
            "authentication failed",
            "authenticated",
            "alice",
            "subscribe",
            "disconnected",
            "refused",
        ):
            assert event in text
        for secret in (*token.split("."), *bad.split(".")):
            assert secret not in text

    async def test_it_tells_who_is_refused_and_who_sends_nothing_of_use(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger=AUDIT)

        def lines(*words: str) -> list[str]:
            return [line for line in caplog.messages if all(word in line for word in words)]

        async with Server(port=0, key=KEY) as server:
            async with connect(server.url) as connection:
                await request(connection, type="NEW_ORDER", **ORDER)
                await request(connection, type="REPLAY_CONTROL", action="PAUSE")
                await connection.send("{")
                await receive(connection)
                await request(connection, type="AUTH", token=access_token(KEY, "alice", time.time()))
                await request(connection, type="NEW_ORDER", **ORDER)
            for sent in (b"\x16\x03\x01\r\n\r\n", b""):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(sent)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
            await settled(lambda: len(lines("dropped")) == 2 and lines("disconnected"))
        for asked in ("NEW_ORDER", "REPLAY_CONTROL"):
            assert len(lines("event=refused", f"request={asked}", "reason=AUTHENTICATION_FAILED")) == 1
        assert lines("event=misunderstood", "connection=conn_")
        assert lines("event=new_order", "subject=alice")
        assert lines("event=disconnected", "subject=alice", "peer=127.0.0.1")
        assert lines("event=dropped", "peer=127.0.0.1", "reason=no request")
        assert lines("event=dropped", "peer=127.0.0.1", "reason=silent")

    async def test_lines_come_in_order_with_level_and_fields(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger=AUDIT)
        async with Server(port=0, key=KEY) as server:
            async with connect(server.url) as connection:
                await request(connection, type="AUTH", token="a.b.c")
                await request(connection, type="AUTH", token=access_token(KEY, "alice", time.time()))
                await request(connection, type="REPLAY_CONTROL", action="PAUSE")
                (name,) = (one.id for one in server.connections())
            await settled(lambda: "disconnected" in caplog.messages[-1])
        who = f"connection={name} subject=alice"
        assert [(one.levelname, one.message.removeprefix("event=")) for one in caplog.records[1:-1]] == [
            (
                "WARNING",
                f"authentication failed connection={name} reason=the token was not issued for this server: get a new "
                "one and send AUTH again",
            ),
            ("INFO", f"authenticated {who}"),
            ("INFO", f"replay_control {who} action=PAUSE"),
            ("INFO", f"refused {who} request=REPLAY_CONTROL reason=SERVER_ERROR"),
        ]
        assert [one.message.split()[0] for one in caplog.records] == [
            "event=connected",
            "event=authentication",
            "event=authenticated",
            "event=replay_control",
            "event=refused",
            "event=disconnected",
        ]


class TestBudgets:
    async def test_too_many_messages_are_refused_with_the_time_to_wait(self) -> None:
        limits = ServerLimits(messages=Rate(0.5, burst=2))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await request(connection, type="PING"))["type"] == "PONG"
            assert (await request(connection, type="PING"))["type"] == "PONG"
            refused = await request(connection, type="PING")
            assert (refused["errorType"], refused["recoverable"]) == ("RATE_LIMIT_EXCEEDED", True)
            assert 0 < refused["retryAfter"] <= 2
            assert server.stats()["errors"] == {"RATE_LIMIT_EXCEEDED": 1}

    async def test_too_many_subscriptions_change_nothing(self) -> None:
        limits = ServerLimits(subscriptions=Rate(0.01, burst=1))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await subscribe(connection, "A"))["type"] == "ACK"
            assert (await subscribe(connection, "B"))["errorType"] == "RATE_LIMIT_EXCEEDED"
            assert (await request(connection, type="UNSUBSCRIBE", symbols=["A"]))["errorType"] == "RATE_LIMIT_EXCEEDED"
            assert server.stats()["channels"] == 1

    async def test_a_spent_error_budget_closes_with_1008(self) -> None:
        limits = ServerLimits(errors=Rate(0.01, burst=3))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            await receive(connection)
            for _ in range(4):
                await connection.send("{")
            for _ in range(4):
                assert (await receive(connection))["errorType"] == "MESSAGE_PARSE_ERROR"
            assert await closed(connection) == (1008, "too many errors")

    async def test_symbols_and_bytes_are_those_of_the_limits(self) -> None:
        limits = ServerLimits(symbols=2, message_bytes=500)
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await receive(connection))["limits"] == {
                "maxMessageBytes": 500,
                "maxSymbols": 2,
                "maxSubscriptions": 10000,
                "minFrequency": 0,
                "maxFrequency": 60000,
                "messages": {"perSecond": 100, "burst": 200},
                "subscriptions": {"perSecond": 20, "burst": 50},
                "errors": {"perSecond": 1, "burst": 100},
            }
            assert (await subscribe(connection, "A", "B", "C"))["errorType"] == "SUBSCRIPTION_FAILED"
            await connection.send(json.dumps({"x": "y" * 500}))
            assert (await closed(connection))[0] == 1009


class TestConnections:
    async def test_one_too_many_gets_503_and_a_time_to_come_back(self) -> None:
        async with Server(port=0, limits=ServerLimits(connections=2)) as server:
            async with connect(server.url), connect(server.url):
                with pytest.raises(InvalidStatus) as caught:
                    await connect(server.url)
                assert caught.value.response.status_code == 503
                assert int(caught.value.response.headers["Retry-After"]) > 0
                assert server.stats()["refused"] == {"full": 1}
            async with connect(server.url):
                pass


async def test_a_deadline_ends_with_its_connection() -> None:
    """A timer that fired after it would find nothing, which the loop would report."""
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    limits = ServerLimits(auth_deadline=0.3)
    async with Server(port=0, auth="required", limits=limits) as server:
        async with connect(server.url) as connection:
            await receive(connection)
        await settled(lambda: not server.connections())
        await asyncio.sleep(0.4)
    assert reports == []
