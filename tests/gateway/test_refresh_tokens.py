from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.client import Client as NatsClient

from hftlab.credentials import REFRESH_LIFETIME, refresh_token
from hftlab.errors import AuthenticationFailed, ServerError
from hftlab.gateway import Gateway, NatsServer, NatsTerms, PublisherNode
from hftlab.gateway.refresh_tokens import RefreshTokens
from hftlab.gateway.subjects import Subjects
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.simulator import RandomWalk
from tests.gateway.conftest import until
from tests.server.http.plain_http import post

KEY = b"k" * 32
NOW = 1_800_000_000.0


@asynccontextmanager
async def connected(terms: NatsTerms) -> AsyncIterator[NatsClient]:
    client = await terms.connect("test", told=lambda _: None)
    try:
        yield client
    finally:
        await client.close()


async def exchanged(gateway: Gateway, token: str) -> tuple[int, dict[str, Any]]:
    return await post(gateway.server, json.dumps({"refreshToken": token}).encode())


class TestGateways:
    async def test_a_token_of_one_gateway_is_exchanged_at_others_and_after_a_restart(
        self, terms: NatsTerms, cluster: str
    ) -> None:
        async with PublisherNode(RandomWalk(7), terms, cluster=cluster):
            async with Gateway(terms, port=0, cluster=cluster, key=KEY) as first:
                issued = first.server.issue_tokens("alice")
            async with (
                Gateway(terms, port=0, cluster=cluster, key=KEY) as second,
                Gateway(terms, port=0, cluster=cluster, key=KEY) as third,
            ):
                await until(lambda: not any(one.server.unready() for one in (second, third)))
                status, body = await exchanged(second, issued.refresh)
                assert status == 200
                assert Authenticator(KEY).check(body["accessToken"], time.time()).subject == "alice"
                status, again = await exchanged(third, body["refreshToken"])
                assert status == 200
                status, said = await exchanged(third, issued.refresh)  # used at the other gateway
                assert (status, said["error"]) == (401, "the refresh token is not valid any more: sign in again")
                assert (await exchanged(second, again["refreshToken"]))[0] == 401  # the whole sign-in has ended

    async def test_without_nats_it_is_503_and_the_token_is_not_used_up(
        self, own_nats: NatsServer, cluster: str
    ) -> None:
        terms = NatsTerms(servers=[own_nats.url])
        async with (
            PublisherNode(RandomWalk(7), terms, cluster=cluster),
            Gateway(terms, port=0, cluster=cluster, key=KEY) as gateway,
        ):
            token = gateway.server.issue_tokens("alice").refresh
            own_nats.kill()
            await until(lambda: gateway.server.unready() is not None)
            status, said = await exchanged(gateway, token)
            assert status == 503
            assert "NATS cannot be reached" in said["error"]
            await asyncio.to_thread(own_nats.start)
            await until(lambda: gateway.server.unready() is None)
            assert (await exchanged(gateway, token))[0] == 200


class TestExchange:
    async def test_of_two_at_once_one_is_answered_and_the_sign_in_ends(self, terms: NatsTerms, cluster: str) -> None:
        async with connected(terms) as one, connected(terms) as other:
            tokens = [RefreshTokens(Subjects(cluster), KEY, lambda client=client: client) for client in (one, other)]
            first = tokens[0].issue("alice", NOW).refresh
            answers = await asyncio.gather(*(each.refresh(first, NOW) for each in tokens), return_exceptions=True)
            assert sorted(isinstance(answer, AuthenticationFailed) for answer in answers) == [False, True]
            (won,) = (answer for answer in answers if not isinstance(answer, BaseException))
            with pytest.raises(AuthenticationFailed):
                await tokens[0].refresh(won.refresh, NOW)

    async def test_an_answer_that_is_lost_does_not_use_the_token_up(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from nats.errors import TimeoutError as NatsTimeout
        from nats.js.kv import KeyValue

        update, calls = KeyValue.update, []

        async def unheard(self: KeyValue, *args: Any, **options: Any) -> int:
            calls.append(await update(self, *args, **options))
            raise NatsTimeout

        monkeypatch.setattr(KeyValue, "update", unheard)
        async with connected(terms) as client:
            tokens = RefreshTokens(Subjects(cluster), KEY, lambda: client)
            answer = await tokens.refresh(tokens.issue("alice", NOW).refresh, NOW)
            assert len(calls) == 1
            monkeypatch.undo()
            await tokens.refresh(answer.refresh, NOW)

    async def test_what_is_not_a_refresh_token_of_the_cluster_is_refused(self, terms: NatsTerms, cluster: str) -> None:
        async with connected(terms) as client:
            tokens = RefreshTokens(Subjects(cluster), KEY, lambda: client)
            issued = tokens.issue("alice", NOW)
            later = refresh_token(KEY, "alice", NOW, number=3)  # of a sign-in that JetStream has lost
            for bad in ("", "x.y.z", issued.access, issued.refresh[:-2], refresh_token(b"o" * 32, "alice", NOW), later):
                with pytest.raises(AuthenticationFailed):
                    await tokens.refresh(bad, NOW)
            with pytest.raises(AuthenticationFailed):
                await tokens.refresh(issued.refresh, NOW + REFRESH_LIFETIME)
            with pytest.raises(AuthenticationFailed):
                Authenticator(KEY).check(issued.refresh, NOW)

    async def test_without_jetstream_it_says_so(self, tmp_path: Any, cluster: str) -> None:
        with NatsServer(folder=tmp_path, jetstream=False) as nats:
            async with connected(NatsTerms(servers=[nats.url])) as client:
                tokens = RefreshTokens(Subjects(cluster), KEY, lambda: client)
                with pytest.raises(ServerError, match="cannot be refreshed now"):
                    await tokens.refresh(tokens.issue("alice", NOW).refresh, NOW)
