"""The client in Node that is written from the reference document alone, at a gateway."""

from __future__ import annotations

import asyncio

from hftlab.gateway import Gateway, NatsTerms, PublisherNode
from hftlab.simulator import RandomWalk
from tests.gateway.conftest import until
from tests.server.test_reference_client import node_client


async def test_it_is_served_as_by_a_server(terms: NatsTerms, cluster: str) -> None:
    async with PublisherNode(RandomWalk(1), terms, cluster=cluster), Gateway(terms, port=0, cluster=cluster) as gateway:
        await until(lambda: gateway.server.unready() is None)
        welcome, ack, *stream = await asyncio.to_thread(node_client, gateway.url, "AAPL", 5)
    assert (welcome["type"], welcome["message"]) == ("ACK", "Connected to HFT WebSocket Server")
    assert (ack["type"], ack["message"]) == ("ACK", "Subscribed to 1 symbols")
    assert {message["type"] for message in stream} == {"MARKET_DATA"}
    assert all(len(message["symbols"][0]["asks"]) == 5 for message in stream)
