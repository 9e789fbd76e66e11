"""Making connections: each has a protocol of its own, on what outlives it."""

from __future__ import annotations

import pytest

from hftlab.client import Client
from hftlab.errors import ArgumentError, ConnectionFailed
from tests.client.servers import scripted, within


async def test_each_connection_restores_what_the_client_has_subscribed_to() -> None:
    async with scripted() as script, Client(script.url, heartbeat_interval=7.0) as client:
        assert client.heartbeat_interval == 7.0
        await client.subscribe(["AAPL"])
        await client.close()
        await within(client.connect())
        assert script.types == ["SUBSCRIBE", "SUBSCRIBE"]


async def test_what_cannot_be_reached_is_named_without_its_password() -> None:
    client = Client("ws://user:s3cret@127.0.0.1:1", max_reconnect_attempts=0)
    with pytest.raises(ConnectionFailed, match=r"user:\*\*\*@127.0.0.1:1") as raised:
        await within(client.connect())
    assert "s3cret" not in str(raised.value)


class TestSeveralAddresses:
    async def test_the_next_one_is_tried_at_once(self) -> None:
        async with scripted() as script:
            client = Client(["ws://127.0.0.1:1", script.url], max_reconnect_attempts=0)
            await within(client.connect())
            assert client.url == script.url
            await client.close()

    async def test_a_lost_connection_goes_on_at_the_next_one(self) -> None:
        async with scripted() as one, scripted() as other:
            async with Client([one.url, other.url], reconnect_interval=0.01) as client:
                await client.subscribe(["AAPL"])
                assert client.url == one.url
                lost = client._supervisor.link
                assert lost is not None
                one.drop()
                await within(client._supervisor.wait_another(lost))
                assert client.url == other.url
            assert other.types == ["SUBSCRIBE"]

    async def test_all_that_fail_are_named(self) -> None:
        client = Client(["ws://127.0.0.1:1", "ws://127.0.0.1:2"], max_reconnect_attempts=0)
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1 .*127\.0\.0\.1:2 "):
            await within(client.connect())

    def test_an_empty_list_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="no address in the list"):
            Client([])
