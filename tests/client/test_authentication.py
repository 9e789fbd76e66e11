"""Signing in: against a server that answers as the test says, and with the tokens that the document describes."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from hftlab.client import Client
from hftlab.client.authentication import Authenticator, refresh_url
from hftlab.credentials import access_token, local_account, remove_secret, write_secret
from hftlab.errors import AuthenticationFailed, ConnectionFailed, NetworkError
from hftlab.server import Server
from hftlab.source import Timed
from tests.client.servers import PATIENCE, http_server, refuse, scripted, until, within
from tests.faults.chaos_proxy import ChaosProxy
from tests.protocol.publishing.test_private_log import UPDATE

QUICK: dict[str, Any] = {"reconnect_interval": 0.01}


def jwt(expires_in: float, name: str = "t") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + expires_in, "sub": name}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.c2ln"


def accept(*good: str, expires_in: float | None = None) -> Any:
    """AUTH_SUCCESS for these tokens, AUTH_FAILED for others; the document's answers, without an id."""

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        if request["token"] not in good:
            return [{"type": "AUTH_FAILED", "message": "bad token"}]
        expires_at = None if expires_in is None else 1000.0 + expires_in * 1000
        return [{"type": "AUTH_SUCCESS", "expiresAt": expires_at}]

    return answer


def portfolio(sequence: int) -> dict[str, Any]:
    """A private message."""
    numbers = dict.fromkeys(
        ["totalValue", "cash", "marketValue", "buyingPower", "unrealizedPnL", "realizedPnL", "dayPnL"], 0
    )
    return {"type": "PORTFOLIO_UPDATE", "channel": 0, "sequence": sequence, **numbers}


class Numbered:
    """A token function: t1, t2, ..."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        return f"t{self.calls}"


class Failing(Numbered):
    """Some of its calls fail."""

    def __init__(self, failing: list[int], error: Exception | None = None) -> None:
        super().__init__()
        self.failing, self.error = failing, error or OSError("no vault")

    async def __call__(self) -> str:
        token = await super().__call__()
        if self.calls in self.failing:
            raise self.error
        return token


class TestSigningIn:
    async def test_it_is_first_and_before_the_subscriptions_come_back(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("secret")
            async with Client(script.url, token="secret", reconnect_interval=0.01) as client:
                await client.subscribe(["AAPL"])
                script.connections[0].transport.abort()
                await until(lambda: len(script.requests) == 4)
            assert script.types == ["AUTH", "SUBSCRIBE", "AUTH", "SUBSCRIBE"]

    async def test_the_token_is_in_no_address_and_no_log(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("secret")
            async with Client(script.url, token="secret") as client:
                assert script.connections[0].request.path == "/"
                assert "secret" not in str(script.connections[0].request.headers)
                assert "secret" not in client.debug_log.export() + repr(vars(client.metrics))

    async def test_a_rejected_token_is_raised_and_nothing_is_tried_again(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("good")
            client = Client(script.url, token="bad")
            with pytest.raises(AuthenticationFailed, match="cannot be renewed"):
                await client.connect()
            assert client.connection_status == "ERROR"
            assert script.types == ["AUTH"]

    async def test_a_server_that_closes_after_its_refusal_has_refused(self) -> None:
        async with scripted() as script:

            def answer(_: dict[str, Any]) -> list[dict[str, Any]]:
                return [{"type": "AUTH_FAILED", "message": "go away"}, {"type": "SERVER_SHUTDOWN", "message": "x"}]

            script.answers["AUTH"] = answer
            with pytest.raises(AuthenticationFailed):
                await Client(script.url, token="bad").connect()

    async def test_an_error_instead_of_an_answer_is_a_refusal(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = refuse("AUTHENTICATION_FAILED")
            with pytest.raises(AuthenticationFailed):
                await Client(script.url, token="bad").connect()

    async def test_without_a_token_nothing_is_sent(self) -> None:
        async with scripted() as script, Client(script.url) as client:
            await client.subscribe(["AAPL"])
            assert script.types == ["SUBSCRIBE"]


class TestRenewal:
    async def test_a_function_is_asked_again_when_its_token_is_rejected(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("t2")
            async with Client(script.url, token=Numbered()):
                assert [request["token"] for request in script.requests] == ["t1", "t2"]

    @pytest.mark.parametrize(
        ("error", "kind", "told"),
        [
            (OSError("no vault"), ConnectionFailed, "OSError: no vault"),
            (TimeoutError("slow vault"), ConnectionFailed, "TimeoutError: slow vault"),
            (NetworkError("far vault"), ConnectionFailed, "far vault"),
            (KeyError("alice"), AuthenticationFailed, "KeyError: 'alice'"),
            (AuthenticationFailed("no more"), AuthenticationFailed, "no more"),
        ],
    )
    async def test_a_function_that_fails_is_a_failure_to_sign_in(
        self, error: Exception, kind: type[Exception], told: str
    ) -> None:
        async def fail() -> str:
            raise error

        async with scripted() as script:
            with pytest.raises(kind, match=told):
                await Client(script.url, token=fail).connect()

    async def test_a_function_that_returns_no_string_is_told_so(self) -> None:
        async def nothing() -> str:
            return None  # type: ignore[return-value]

        async with scripted() as script:
            with pytest.raises(AuthenticationFailed, match="returned None"):
                await Client(script.url, token=nothing).connect()

    async def test_a_function_that_fails_once_at_a_reconnection_is_asked_again(self) -> None:
        get = Failing([2])
        async with scripted() as script:
            script.answers["AUTH"] = accept("t1", "t3")
            async with Client(script.url, token=get, **QUICK) as client:
                script.connections[0].transport.abort()
                await until(lambda: len(script.connections) == 3 and client.is_healthy)
                await client.subscribe(["AAPL"])
                assert client.connection_status == "CONNECTED"
            assert [request.get("token") for request in script.requests] == ["t1", "t3", None]

    async def test_it_comes_shortly_before_the_expiry(self) -> None:
        """Four fifths of 50 ms are 40."""
        async with scripted() as script:
            script.answers["AUTH"] = accept("t1", "t2", "t3", expires_in=0.05)
            async with Client(script.url, token=Numbered()):
                await until(lambda: len(script.requests) >= 3)
            assert [request["token"] for request in script.requests[:3]] == ["t1", "t2", "t3"]

    async def test_an_error_of_the_server_renews_it_once(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("t1", "t2", "t3")
            async with Client(script.url, token=Numbered()) as client:
                errors: list[Exception] = []
                client.on("error", errors.append)
                for _ in range(3):
                    await script.say(
                        type="ERROR", errorType="AUTHENTICATION_FAILED", message="expired", recoverable=True
                    )
                await until(lambda: len(errors) == 3 and len(script.requests) == 2)
                await client.subscribe(["AAPL"])
            assert script.types == ["AUTH", "AUTH", "SUBSCRIBE"]

    async def test_private_messages_are_resumed_and_come_once(self) -> None:
        async with scripted() as script:
            script.answers["AUTH"] = accept("t")
            async with Client(script.url, token="t", reconnect_interval=0.01) as client:
                for sequence in (1, 2, 2, 5):
                    await script.say(**portfolio(sequence))
                await until(lambda: client.metrics.messages_received == 6)
                script.connections[0].transport.abort()
                await until(lambda: len(script.requests) == 2)
                for sequence in (4, 5, 6):
                    await script.say(**portfolio(sequence))
                got = await within(client.gather(4))
            assert [message.sequence for message in got] == [1, 2, 5, 6]
            assert client.metrics.duplicates == 3
            assert client.metrics.messages_lost == 2
            first, second = script.requests
            assert "resumeFrom" not in first
            assert (second["session"], second["resumeFrom"]) == ("s1", 5)


class TestRefreshToken:
    def answer(self, seen: list[tuple[str, Any]], *tokens: str) -> Any:
        def post(path: str, body: bytes) -> tuple[int, bytes]:
            seen.append((path, json.loads(body)))
            number = len(seen)
            if number > len(tokens):
                return 401, b"{}"
            return 200, json.dumps({"accessToken": tokens[number - 1], "refreshToken": f"r{number}"}).encode()

        return post

    async def test_an_expired_token_is_renewed_before_it_is_used(self) -> None:
        """And the refresh token that came with the new one is the next to be used."""
        seen: list[tuple[str, Any]] = []
        with http_server(self.answer(seen, jwt(-1, "a"), jwt(100, "b"))) as port:
            authenticator = Authenticator(f"ws://127.0.0.1:{port}/stream?x=1", jwt(-1), "r0")
            first = await authenticator.token()
            second = await authenticator.token()
            assert await authenticator.token() == second != first
        assert seen == [("/api/auth/refresh", {"refreshToken": "r0"}), ("/api/auth/refresh", {"refreshToken": "r1"})]

    async def test_a_good_token_is_used_as_it_is(self) -> None:
        token = jwt(100)
        authenticator = Authenticator("ws://127.0.0.1:1", token, "r0")
        assert await authenticator.token() == token
        authenticator.reject()
        with pytest.raises(NetworkError, match="did not answer"):
            await authenticator.token()

    @pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"<html>"), (200, b'{"accessToken": 1}')])
    async def test_what_is_no_answer_is_a_failure(self, status: int, body: bytes) -> None:
        with http_server(lambda *_: (status, body)) as port, pytest.raises(AuthenticationFailed, match=str(port)):
            await Authenticator(f"ws://127.0.0.1:{port}", None, "r0").token()

    async def test_a_server_in_trouble_is_no_refusal(self) -> None:
        with http_server(lambda *_: (503, b"")) as port, pytest.raises(NetworkError, match="503"):
            await Authenticator(f"ws://127.0.0.1:{port}", None, "r0").token()

    def test_the_address_is_beside_the_sockets(self) -> None:
        assert refresh_url("ws://h:1/a?b=c") == "http://h:1/api/auth/refresh"
        assert refresh_url("wss://h") == "https://h/api/auth/refresh"


async def test_our_server_takes_a_refresh_token_and_resumes_private_messages() -> None:
    """A token that is no good, a refresh token that is; what is published without a connection comes after it."""
    async with Server(port=0, auth="required", key="k" * 40) as server, ChaosProxy(server.port) as proxy:
        refresh_token = server.issue_tokens("alice").refresh
        async with Client(proxy.url, token="no.good.token", refresh_token=refresh_token, **QUICK) as client:
            await client.subscribe(["AAPL"])
            server.publish(UPDATE, "alice")
            proxy.cut()
            server.publish(UPDATE, "alice")
            got = await within(client.gather(2))
            await client.wait_connected(PATIENCE)
            assert [message.sequence for message in got] == [1, 2]
            assert client.metrics.reconnection_count == 1
            assert client.symbols == ["AAPL"]


async def test_a_key_of_the_same_user_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where it is not accepted the connection is used without."""
    monkeypatch.setattr("hftlab.client.authentication.find_secret", lambda port: b"k" * 32)
    async with scripted() as script:
        script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS"}]
        async with Client(script.url):
            assert script.types == ["AUTH"]
        for answer in (accept(), refuse("AUTHENTICATION_FAILED"), refuse("MESSAGE_PARSE_ERROR")):
            script.answers["AUTH"] = answer
            script.received.clear()
            async with Client(script.url) as client:
                await client.subscribe(["AAPL"])
                assert client.connection_status == "CONNECTED"
            assert script.types == ["AUTH", "SUBSCRIBE"]


async def test_a_stranger_on_the_port_of_a_server_that_has_died_is_connected_to() -> None:
    """The key that is still there is tried; who answers AUTH as if it were any request is used without."""
    key = b"k" * 32
    async with scripted() as script:
        port = urlsplit(script.url).port
        assert port is not None
        write_secret(port, key)
        try:
            async with Client(script.url) as client:
                assert client.connection_status == "CONNECTED"
        finally:
            remove_secret(port, key)
    assert script.types[0] == "AUTH"


class TestAccount:
    async def test_the_local_key_signs_in_as_the_account(self) -> None:
        async with Server(port=0, auth="required") as server, Client(server.url, account="alice") as client:
            assert client.account == "alice"
            await client.subscribe(["AAPL"])

    async def test_the_default_is_the_user_who_runs_the_client(self) -> None:
        async with Server(port=0) as server, Client(server.url) as client:
            assert client.account == local_account()

    async def test_without_a_key_it_is_a_failure(self) -> None:
        async with scripted() as script:
            with pytest.raises(AuthenticationFailed, match="no server of this user has left its"):
                await Client(script.url, account="alice").connect()
            assert script.types == []

    async def test_a_server_on_another_machine_needs_a_token(self) -> None:
        authenticator = Authenticator("ws://example.org:8081", account="alice")
        with pytest.raises(AuthenticationFailed, match="`token` instead of `account`"):
            await authenticator.token()

    async def test_a_refused_account_is_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Unlike the sign-in that nobody has asked for."""
        monkeypatch.setattr("hftlab.client.authentication.find_secret", lambda port: b"k" * 32)
        async with scripted() as script:
            script.answers["AUTH"] = accept()
            with pytest.raises(AuthenticationFailed, match="bad token"):
                await Client(script.url, account="alice").connect()

    @pytest.mark.parametrize("more", [{"token": "t"}, {"refresh_token": "r"}])
    def test_a_token_has_its_own_account(self, more: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="together with a token"):
            Client("ws://127.0.0.1:1", account="alice", **more)  # type: ignore[arg-type]


async def test_messages_from_before_the_sign_in_are_not_told_after_a_reconnection() -> None:
    """And one that is published while there is no connection is, though none had come before."""
    key = b"k" * 32
    token = access_token(key, local_account(), time.time())
    async with Server(port=0, key=key) as server, ChaosProxy(server.port) as proxy:
        async with Client(server.url, token=token) as watcher:
            for _ in range(3):
                server.publish(UPDATE)
            await within(watcher.gather(3))
        async with Client(proxy.url, token=token, reconnect_interval=0.01) as client:
            proxy.cut()
            server.publish(UPDATE)
            (got,) = await within(client.gather(1))
            assert got.sequence == 4
            assert client.metrics.messages_lost == 0
            await client.ping()
            assert client.messages() == []


async def test_taps_are_told_whose_a_private_message_is() -> None:
    async with scripted() as script:
        script.answers["AUTH"] = lambda _: [{"type": "AUTH_SUCCESS", "subject": "alice"}]
        async with Client(script.url, token="t") as client:
            seen: list[Timed[Any]] = []
            client.taps.append(seen.append)
            await script.say(type="MARKET_DATA", symbols=[])
            await script.say(**portfolio(1))
            await within(client.gather(2))
            assert client.account == "alice"
        assert [(item.message.type, item.account) for item in seen] == [
            ("MARKET_DATA", None),
            ("PORTFOLIO_UPDATE", "alice"),
        ]
        assert client.account is None
