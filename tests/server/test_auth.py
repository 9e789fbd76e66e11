"""Tokens without a socket, then the AUTH message over one."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.client import Client
from hftlab.credentials import access_token, find_secret
from hftlab.errors import AuthenticationFailed, HftlabError
from hftlab.log import AUDIT
from hftlab.protocol.publishing.authentication import REFRESH_LIFETIME, Authenticator, Identity
from hftlab.server import Server, ServerLimits
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import closed, receive, request, settled, subscribe
from tests.session.sessions import write_session

KEY = b"k" * 64
NOW = 1_800_000_000.0
CLAIMS = {"sub": "alice", "iat": NOW, "exp": NOW + 900, "aud": "hftlab", "iss": "hftlab"}


def signed(key: bytes = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return jwt.encode(claims, key, algorithm=algorithm)


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(KEY)


class TestTokens:
    def test_a_good_token_names_its_subject(self, authenticator: Authenticator) -> None:
        assert authenticator.check(signed(), NOW) == Identity("alice", NOW + 900)
        assert authenticator.check(access_token(KEY, "bob", NOW), NOW) == Identity("bob", NOW + 900)

    @pytest.mark.parametrize("name", ["exp", "iat", "sub", "aud", "iss"])
    def test_every_claim_is_needed(self, authenticator: Authenticator, name: str) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.check(signed(**{name: ...}), NOW)

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": NOW},
            {"exp": 0},
            {"exp": -1},
            {"exp": True},
            {"exp": "soon"},
            {"exp": None},
            {"exp": 1e11},
            {"exp": 10**400},
            {"exp": float("inf")},
            {"exp": float("nan")},
            {"iat": NOW + 31},
            {"iat": "now"},
            {"nbf": NOW + 31},
            {"nbf": []},
            {"aud": "other"},
            {"aud": 7},
            {"iss": "other"},
            {"sub": ""},
            {"sub": 7},
            {"sub": "a\nb"},
            {"sub": "x" * 129},
            {"sub": "\ud800"},
        ],
    )
    def test_no_claim_may_be_wrong(self, authenticator: Authenticator, changes: dict[str, Any]) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.check(signed(**changes), NOW)

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "\ud800",
            "\ud800.\ud800.\ud800",
            "é.é.é",
            "x" * 8192,
            signed(key=b"other" * 13),
            signed(algorithm="HS384"),
            signed(algorithm="HS512"),
            signed()[:-2],
            signed() + "A",
            signed() + "\n",
            f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(CLAIMS)}.",
            f"{part({'alg': 'none'})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': 'HS256', 'b64': False, 'crit': ['b64']})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': 'HS256', 'kid': {}})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': ['HS256']})}.{part(CLAIMS)}.AAAA",
            f"{part('[' * 3000)}.{part(CLAIMS)}.AAAA",
            f"{part([])}.{part([])}.AAAA",
        ],
    )
    def test_no_forgery_passes(self, authenticator: Authenticator, token: str) -> None:
        with pytest.raises(AuthenticationFailed) as caught:
            authenticator.check(token, NOW)
        assert "get a new one" in str(caught.value)

    @given(st.text(max_size=200) | st.lists(st.text(max_size=60), min_size=3, max_size=3).map(".".join))
    def test_no_text_does_more_than_fail(self, text: str) -> None:
        with pytest.raises(AuthenticationFailed):
            Authenticator(KEY).check(text, NOW)

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(HftlabError, match="at least 32"):
            Authenticator("secret")

    @pytest.mark.parametrize("subject", ["", "a\nb", "x" * 129])
    def test_none_is_issued_that_would_not_pass(self, authenticator: Authenticator, subject: str) -> None:
        with pytest.raises(ValueError, match="is no subject"):
            authenticator.issue(subject, NOW)

    def test_a_bearer_is_one_header_with_a_good_token(self, authenticator: Authenticator) -> None:
        good = f"Bearer {signed()}"
        for headers, expected in (
            ([good], True),
            ([good.replace("Bearer", "bearer")], True),
            ([], False),
            ([good, good], False),
            (["Bearer"], False),
            ([f"Basic {signed()}"], False),
            ([f"Bearer {signed(exp=NOW)}"], False),
        ):
            assert authenticator.is_bearer(headers, NOW) is expected


class TestRefresh:
    def test_each_refresh_token_works_once(self, authenticator: Authenticator) -> None:
        first = authenticator.issue("alice", NOW)
        second = authenticator.refresh(first.refresh, NOW + 1)
        third = authenticator.refresh(second.refresh, NOW + 2)
        assert authenticator.check(third.access, NOW + 2).subject == "alice"
        assert len({first.refresh, second.refresh, third.refresh}) == 3

    def test_one_that_comes_again_ends_its_family(self, authenticator: Authenticator) -> None:
        first, other = authenticator.issue("alice", NOW), authenticator.issue("bob", NOW)
        second = authenticator.refresh(first.refresh, NOW)
        for token in (first.refresh, second.refresh):
            with pytest.raises(AuthenticationFailed):
                authenticator.refresh(token, NOW)
        assert authenticator.refresh(other.refresh, NOW)

    @pytest.mark.parametrize("token", ["", ".", "\ud800", "no.thing"])
    def test_what_was_never_issued_fails(self, authenticator: Authenticator, token: str) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.refresh(token, NOW)

    def test_they_do_not_live_for_ever(self, authenticator: Authenticator) -> None:
        tokens = authenticator.issue("alice", NOW)
        with pytest.raises(AuthenticationFailed):
            authenticator.refresh(tokens.refresh, NOW + REFRESH_LIFETIME)


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


class TestKeys:
    async def test_without_a_key_the_user_s_clients_find_one(self) -> None:
        async with Server(port=0) as server, connect(server.url) as connection:
            secret = find_secret(server.port)
            assert secret is not None
            token = access_token(secret, "me", time.time())
            assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_SUCCESS"
            port = server.port
        assert find_secret(port) is None

    async def test_a_key_of_the_operator_is_not_left_anywhere(self) -> None:
        async with Server(port=0, key=KEY) as server:
            assert find_secret(server.port) is None

    async def test_two_starts_have_two_keys(self) -> None:
        async with Server(port=0) as one, Server(port=0) as other:
            assert find_secret(one.port) != find_secret(other.port)


class TestAudit:
    async def test_it_tells_who_did_what_and_never_the_token(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        token, bad = access_token(KEY, "alice", time.time()), signed(key=b"x" * 64)
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
