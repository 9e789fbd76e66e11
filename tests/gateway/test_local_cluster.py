from __future__ import annotations

import asyncio

import pytest

from hftlab import Client
from hftlab.errors import ArgumentError
from hftlab.gateway import LocalCluster
from hftlab.simulator import Exchange, RandomWalk
from tests.gateway.conftest import until


def test_a_number_of_gateways_that_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="not a number of processes"):
        LocalCluster(RandomWalk(7), 0)
    with pytest.raises(ArgumentError, match="not a TCP port"):
        LocalCluster(RandomWalk(7), 2, 70_000)
    with pytest.raises(ArgumentError, match="too high for 2 gateways"):
        LocalCluster(RandomWalk(7), 2, 65_535)


async def test_it_ends_where_the_program_has_no_threads_any_more() -> None:
    cluster = LocalCluster(RandomWalk(7), 1)
    cluster.nats.start()
    await asyncio.get_running_loop().shutdown_default_executor()
    await cluster.stop()
    assert "stopped" in repr(cluster.nats)


@pytest.mark.usefixtures("compiled")
async def test_a_gateway_that_is_killed_is_replaced_by_the_other() -> None:
    async with LocalCluster(Exchange(7), 2) as cluster:
        client = await Client(cluster.urls, account="alice", reconnect_interval=0.01).connect()
        try:
            await client.subscribe(["AAPL"], frequency=0)
            await client.trading.buy("AAPL", 10)
            assert client.url == cluster.urls[0]
            cluster.gateways[0].kill()
            await until(lambda: client.url == cluster.urls[1] and client.connection_status == "CONNECTED")
            before = client.latest("AAPL")
            await until(lambda: client.latest("AAPL") != before)
            await client.trading.buy("AAPL", 10)
            await until(lambda: client.trading.positions["AAPL"].quantity == 20)  # told behind the answer
        finally:
            await client.close()
    assert not any(gateway.is_running for gateway in cluster.gateways)
