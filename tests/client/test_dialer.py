"""Making connections: each has a protocol of its own, on what outlives it."""

from __future__ import annotations

import pytest

from hftlab.client import Client
from hftlab.errors import ConnectionFailed
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
