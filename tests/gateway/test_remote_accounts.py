"""Records of accounts that JetStream has lost before a gateway could read them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from hftlab.gateway import Gateway, NatsTerms, PublisherNode
from hftlab.gateway.subjects import Subjects
from hftlab.simulator import Exchange
from tests.gateway.conftest import until
from tests.gateway.test_gateway import running
from tests.server.traders import Trader, trader

pytestmark = pytest.mark.usefixtures("compiled")


async def lose_all(node: PublisherNode, cluster: str) -> None:
    """Purge what accounts were told, as its age does in the end, once all of it is there."""
    await until(lambda: not len(node._told))
    assert node._client is not None
    js, stream = node._client.jetstream(), Subjects(cluster).account_stream
    await js.purge_stream(stream)
    assert (await js.stream_info(stream)).state.messages == 0


def gaps(one: Trader) -> Sequence[tuple[int, int]]:
    return [(gap["fromSequence"], gap["toSequence"]) for gap in one.missed if gap["type"] == "GAP"]


def last_number(one: Trader) -> Any:
    return one.numbered[-1]["sequence"]


async def test_a_client_that_resumes_at_a_gateway_without_the_records_gets_a_gap_and_no_number_twice(
    terms: NatsTerms, cluster: str
) -> None:
    async with running(Exchange(7), terms, cluster) as (node, (first,)):
        async with trader(first.server) as alice:
            await alice.order("a")
            await alice.ended("a")
            await alice.settle()
            session, seen = first.server.session, last_number(alice)
            await alice.order("b")
            await alice.ended("b")
            await alice.settle()
        newest = node._accounts.sequence("alice")
        assert newest > seen
        await lose_all(node, cluster)
        async with Gateway(terms, port=0, cluster=cluster) as later:
            await until(lambda: later.server.unready() is None)
            async with trader(later.server, session=session, resumeFrom=seen) as alice:
                assert gaps(alice) == [(seen + 1, newest)]
                success = next(one for one in alice.seen if one["type"] == "AUTH_SUCCESS")
                assert success["privateSequence"] == newest
                ended = [one["clientOrderId"] for one in alice.state if one.get("status") == "FILLED"]
                assert "b" in ended  # what the GAP hides is in the state
                await alice.order("c")
                await alice.ended("c")
                assert alice.numbered[0]["sequence"] == newest + 1
                await alice.settle()
            # All of it is there again, so that nothing has to be told as lost.
            async with trader(later.server, session=session, resumeFrom=newest) as alice:
                assert not gaps(alice)
                assert [one["sequence"] for one in alice.missed][:1] == [newest + 1]


async def test_clients_that_sign_in_together_ask_once(
    terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of an account is as large as its orders are many, and in the stream of all accounts."""
    async with running(Exchange(7), terms, cluster) as (_, (gateway,)):
        async with trader(gateway.server) as alice:
            await alice.order("a", orderType="LIMIT", price=100.0)
            await alice.settle()
        accounts, held = gateway._accounts, list[Any]()
        put = accounts._put
        monkeypatch.setattr(accounts, "_put", held.append)
        async with AsyncExitStack() as stack:
            signing_in = [stack.enter_async_context(trader(gateway.server)) for _ in range(20)]
            together = asyncio.gather(*signing_in)
            await until(lambda: sum(map(len, accounts._asking.values())) == 20)
            monkeypatch.setattr(accounts, "_put", put)
            (request,) = held
            put(request)
            everyone = await together
            for one in everyone:
                assert [told["clientOrderId"] for told in one.state if told["type"] == "ORDER_UPDATE"] == ["a"]
            assert not accounts._asking
            await everyone[0].order("b")
            for one in everyone:
                await one.ended("b")


async def test_a_client_that_has_seen_all_resumes_without_a_gap(terms: NatsTerms, cluster: str) -> None:
    async with running(Exchange(7), terms, cluster) as (node, (first,)):
        async with trader(first.server) as alice:
            await alice.order("a")
            await alice.ended("a")
            await alice.settle()
        session, newest = first.server.session, node._accounts.sequence("alice")
        await lose_all(node, cluster)
        async with (
            Gateway(terms, port=0, cluster=cluster) as later,
            trader(later.server, session=session, resumeFrom=newest) as alice,
        ):
            assert not alice.missed
            await alice.order("b")
            await alice.ended("b")
            assert alice.numbered[0]["sequence"] == newest + 1
