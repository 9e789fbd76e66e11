from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from hftlab import Client
from hftlab.credentials import find_secret
from hftlab.errors import ArgumentError
from hftlab.gateway import LocalCluster
from hftlab.protocol.publishing.authentication import Tokens
from hftlab.simulator import Exchange, RandomWalk
from tests.gateway.conftest import PATIENCE, until
from tests.gateway.test_gateway import ready


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


async def test_gateways_have_one_key_also_after_a_restart_and_it_is_in_no_command_line() -> None:
    async with LocalCluster(RandomWalk(7), 2) as cluster:
        tokens = cluster.issue_tokens("alice")
        with pytest.raises(ArgumentError, match="not a printable name"):
            cluster.issue_tokens("")

        async def refreshed(gateway: int, token: str) -> tuple[int, dict[str, Any]]:
            address = f"http://{cluster.urls[gateway].removeprefix('ws://')}/api/auth/refresh"
            return await asyncio.to_thread(exchanged, address, token)

        for gateway in (0, 1):
            await until_ready(cluster.urls[gateway])
            status, body = await refreshed(gateway, tokens.refresh)
            assert status == 200
            tokens = Tokens(body["accessToken"], body["refreshToken"])
        cluster.gateways[0].kill()
        await cluster.gateways[0].wait()
        await cluster.gateways[0].start()
        await until_ready(cluster.urls[0])
        async with Client(cluster.urls[0], token=tokens.access) as client:  # issued by the other
            assert client.connection_status == "CONNECTED"
        async with Client(cluster.urls[0], account="bob"):  # with the key that is left for the user
            pass
        assert (await refreshed(0, tokens.refresh))[0] == 200
        assert (await refreshed(1, tokens.refresh))[0] == 401  # each works once in the whole cluster
        key = find_secret(int(cluster.urls[0].rpartition(":")[2]))
        assert key is not None
        for one in cluster.gateways:
            command = Path(f"/proc/{one.pid}/cmdline")
            if command.exists():
                assert key.hex().encode() not in command.read_bytes()


def exchanged(address: str, token: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        address, json.dumps({"refreshToken": token}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


async def until_ready(url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(ready, url))[0] != 200:
            pass
