"""The port: TLS, the key that is left for local clients, who holds a busy port."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import connect

from hftlab.credentials import access_token, find_secret
from hftlab.errors import ArgumentTypeError, HftlabError
from hftlab.server import Server
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, receive, request, subscribe


class TestTls:
    async def test_it_is_served_over_tls(self) -> None:
        authority = trustme.CA()
        server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_side)
        authority.configure_trust(client_side)
        async with Server(port=0, ssl=server_side) as server:
            assert server.url == f"wss://127.0.0.1:{server.port}"
            async with connect(server.url, ssl=client_side) as connection:
                await subscribe(connection, "A", frequency=0)
                server.publish(market_data(symbol("A", 3.0)))
                assert (await receive(connection))["symbols"][0]["price"] == 3.0

    async def test_a_port_open_to_the_network_needs_it(self) -> None:
        for options in ({}, {"auth": "required"}):
            with pytest.raises(HftlabError, match="TLS and required authentication"):
                await Server(host="0.0.0.0", port=0, **options).start()


@pytest.mark.parametrize("wrong", [{"origins": [1]}, {"hosts": [2]}])
async def test_arguments_that_cannot_be_leave_no_port_open(wrong: dict[str, Any]) -> None:
    server = Server(port=0, **wrong)
    with pytest.raises(ArgumentTypeError, match="are strings, got"):
        await server.start()
    assert not server.is_running


KEY = b"k" * 64


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


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_cancelled_leaves_no_port_open(turns: int) -> None:
    """In whichever turn of the event loop."""
    server = Server(port=0)
    starting = asyncio.create_task(server.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    (outcome,) = await asyncio.gather(starting, return_exceptions=True)
    assert server.is_running is (outcome is server)
    await server.stop()


class TestTheEnd:
    @pytest.mark.parametrize("turns", range(12))
    async def test_a_connection_that_comes_meanwhile_is_closed(self, turns: int) -> None:
        """In whichever turn of the event loop: also between the listening socket and its protocol."""
        async with Server(port=0) as server:
            stopping = asyncio.create_task(server.stop())
            for _ in range(turns):
                await asyncio.sleep(0)
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port)) as peer:
                await stopping
                peer.settimeout(PATIENCE)
                with suppress(ConnectionResetError):
                    assert peer.recv(1) == b""
            await stopping
