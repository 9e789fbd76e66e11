"""JetStream whose storage is full or too small: what is refused, and what is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hftlab import Client
from hftlab.errors import HftlabError, ServerError
from hftlab.gateway import NatsServer, NatsTerms, PublisherNode
from hftlab.gateway.subjects import Subjects
from hftlab.simulator import Exchange
from tests.gateway.conftest import until
from tests.gateway.test_gateway import ready, running

pytestmark = pytest.mark.usefixtures("compiled")


async def limited(terms: NatsTerms, stream: str, most_bytes: int) -> None:
    """Let nats-server refuse what is beyond so many bytes of a stream."""
    from nats.js.api import DiscardPolicy

    client = await terms.connect("test", told=lambda _: None)
    try:
        js = client.jetstream()
        config = (await js.stream_info(stream)).config
        config.max_bytes, config.discard = most_bytes, DiscardPolicy.NEW
        await js.update_stream(config)
    finally:
        await client.close()


async def test_both_streams_are_bounded(terms: NatsTerms, cluster: str) -> None:
    async with running(Exchange(7), terms, cluster) as (node, _):
        assert node._client is not None
        js, subjects = node._client.jetstream(), Subjects(cluster)
        for stream in (subjects.order_stream, subjects.account_stream):
            config = (await js.stream_info(stream)).config
            assert 0 < (config.max_bytes or 0) <= 2**28
            assert (config.max_age or 0) > 0


async def test_requests_that_jetstream_has_no_room_for_are_refused_at_once(terms: NatsTerms, cluster: str) -> None:
    async with (
        running(Exchange(7), terms, cluster) as (node, (gateway,)),
        Client(gateway.url, account="alice") as client,
    ):
        await limited(terms, Subjects(cluster).order_stream, 1)
        with pytest.raises(ServerError, match=r"not sent: JetStream does not take it \(maximum bytes exceeded\)"):
            await client.trading.buy("AAPL", 10, price=1.0)
        assert node.broker is not None
        assert not node.broker.orders("alice")
        await limited(terms, Subjects(cluster).order_stream, 2**20)
        await client.trading.buy("AAPL", 10, price=1.0)


async def test_while_accounts_cannot_be_told_anything_no_orders_are_taken(terms: NatsTerms, cluster: str) -> None:
    async with (
        running(Exchange(7), terms, cluster) as (node, (gateway,)),
        Client(gateway.url, account="alice") as client,
    ):
        await limited(terms, Subjects(cluster).account_stream, 1)
        sent = client.trading.buy("AAPL", 10, price=1.0, client_order_id="first")
        with pytest.raises(ServerError, match=r"not known|not sent"):
            await sent
        await until(lambda: gateway.stats()["problems"])
        status, said = await asyncio.to_thread(ready, gateway.url)
        assert status == 200
        assert "JetStream does not take what accounts are told" in str(said)
        with pytest.raises(ServerError, match="not sent: JetStream does not take what accounts are told"):
            await client.trading.buy("AAPL", 10, price=1.0, client_order_id="second")
        await limited(terms, Subjects(cluster).account_stream, 2**20)
        await until(lambda: node.problem is None and not gateway.stats()["problems"])
        await client.trading.buy("AAPL", 10, price=1.0, client_order_id="first")
        assert node.broker is not None
        assert [order.client_order_id for order in node.broker.orders("alice")] == ["first"]


async def test_a_publisher_that_jetstream_has_no_room_for_says_so(tmp_path: Path, cluster: str) -> None:
    config = tmp_path / "nats.conf"
    config.write_text("jetstream { max_file_store: 1MB }")
    with NatsServer(folder=tmp_path, options=["-c", str(config)]) as nats:
        node: Any = PublisherNode(Exchange(7), NatsTerms(servers=[nats.url]), cluster=cluster)
        with pytest.raises(HftlabError, match=r"has no room for the stream.*raise max_file_store"):
            await node.start()
