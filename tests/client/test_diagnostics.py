from __future__ import annotations

import socket

import pytest
from websockets.asyncio.server import ServerConnection, serve

import hftlab
from hftlab.client import diagnostics
from hftlab.errors import ConnectionFailed
from hftlab.server import Server
from tests.client.servers import http_server


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
        ("ws://127.0.0.1:{http}", "handshake", "something else"),
        ("ws://127.0.0.1:{echo}", "welcome", "another kind of server"),
        ("ws://127.0.0.1:{turns_away}", "welcome", "turns this client away"),
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


async def test_latency_of_nothing_is_a_failure() -> None:
    with pytest.raises(ConnectionFailed):
        await diagnostics.measure_latency("ws://127.0.0.1:1")


def test_it_is_found_from_the_top() -> None:
    assert hftlab.client.diagnostics is diagnostics
