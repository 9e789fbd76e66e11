from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve

import hftlab
from hftlab.client import Client, diagnostics
from hftlab.errors import CertificateFailed, ConnectionFailed
from hftlab.server import Server
from tests.client.servers import http_server, until
from tests.faults.chaos_proxy import ChaosProxy


async def test_a_server_that_works_passes_every_step(hand_server: Server) -> None:
    diagnosis = await diagnostics.check(hand_server.url)
    assert [step.name for step in diagnosis.steps] == ["resolve", "TCP connect", "handshake", "welcome", "ping"]
    assert (diagnosis.success, diagnosis.error) == (True, None)
    assert diagnosis.latency > 0
    assert "works" in str(diagnosis)
    assert "FAILED" not in str(diagnosis)
    assert "✓ ping" in diagnosis._repr_html_()


@pytest.mark.parametrize(
    ("url", "step", "advice"),
    [
        ("127.0.0.1:8081", "address", "ws://127.0.0.1:8081"),
        ("ws://[::1", "address", "ws://127.0.0.1:8081"),
        ("ws://host.invalid:1", "resolve", "spelling"),
        ("ws://127.0.0.1:{closed}", "TCP connect", "hftlab serve --port {closed}"),
        ("ws://127.0.0.1:{http}", "handshake", "another program"),
        ("ws://127.0.0.1:{echo}", "welcome", "another kind of server"),
        ("ws://127.0.0.1:{turns_away}", "welcome", "the server refuses this client"),
    ],
)
async def test_the_first_step_that_fails_says_what_to_do(url: str, step: str, advice: str) -> None:
    async def echo(connection: ServerConnection) -> None:
        await connection.send("hello")
        await connection.wait_closed()

    async def turn_away(connection: ServerConnection) -> None:
        await connection.close(1008, "not you")

    with socket.create_server(("127.0.0.1", 0)) as probe:
        ports = {"closed": probe.getsockname()[1]}
    with http_server(lambda *_: (200, b"")) as ports["http"]:
        async with serve(echo, "127.0.0.1", 0) as one, serve(turn_away, "127.0.0.1", 0) as other:
            ports["echo"], ports["turns_away"] = (each.sockets[0].getsockname()[1] for each in (one, other))
            diagnosis = await diagnostics.check(url.format(**ports))
    failed = next(each for each in diagnosis.steps if not each.ok)
    assert failed.name == step
    assert advice.format(**ports) in failed.advice
    assert (diagnosis.success, diagnosis.error) == (False, failed.found)
    assert failed.advice in str(diagnosis)
    assert f"✗ {step}" in diagnosis._repr_html_()


async def test_latency_is_the_round_trip_of_pings(hand_server: Server) -> None:
    summary = await diagnostics.measure_latency(hand_server.url, count=5)
    assert 0 < summary["min"] <= summary["p50"] <= summary["p99.9"] <= summary["max"]


class TestTls:
    """An authority of one's own, and none that the system knows."""

    @pytest.fixture
    def sides(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        authority = trustme.CA()
        server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert("127.0.0.1").configure_cert(server_side)
        authority.configure_trust(client_side)
        return server_side, client_side

    async def test_who_is_trusted_is_the_callers_choice(self, sides: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        """For the connection, each further one, the refresh of a token, and the diagnosis."""
        server_side, client_side = sides
        async with (
            Server(port=0, ssl=server_side, auth="required", key=b"k" * 32) as server,
            ChaosProxy(server.port) as proxy,
        ):
            refresh_token = server.issue_tokens("alice").refresh
            options = {"refresh_token": refresh_token, "ssl": client_side, "reconnect_interval": 0.01}
            async with Client(proxy.url.replace("ws:", "wss:"), **options) as client:
                assert server.url.startswith("wss://")
                proxy.cut()
                await until(lambda: client.metrics.reconnection_count == 1)
                await client.subscribe(["AAPL"])
            diagnosis = await diagnostics.check(server.url, ssl=client_side)
            assert [step.name for step in diagnosis.steps if step.ok][:3] == ["resolve", "TCP connect", "handshake"]

    async def test_a_stranger_is_told_what_to_do(self, sides: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        async with Server(port=0, ssl=sides[0]) as server:
            with pytest.raises(CertificateFailed, match=r"not trusted .*ssl\.create_default_context\(cafile"):
                await Client(server.url).connect()
            diagnosis = await diagnostics.check(server.url)
        assert diagnosis.error is not None
        assert "not trusted" in diagnosis.error
        assert "trust its authority with `ssl`" in str(diagnosis)
        assert "another program" not in str(diagnosis)

    async def test_tls_where_there_is_none(self, hand_server: Server) -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            with pytest.raises(ConnectionFailed, match="write ws:// if"):
                await Client(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}").connect()
        with pytest.raises(ConnectionFailed, match="is without TLS"):
            await Client(hand_server.url, ssl=ssl.create_default_context()).connect()

    def test_the_plain_call_passes_it_on(self, sides: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        with hftlab.serve(port=0, ssl=sides[0]) as server, hftlab.connect(server.url, ssl=sides[1]) as client:
            assert client.check().success
            assert client.measure_latency(3)["min"] > 0


async def test_latency_of_nothing_is_a_failure() -> None:
    with pytest.raises(ConnectionFailed):
        await diagnostics.measure_latency("ws://127.0.0.1:1")


def test_it_is_found_from_the_top() -> None:
    assert hftlab.client.diagnostics is diagnostics
