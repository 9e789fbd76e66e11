"""Autobahn's cases (RFC 6455 and RFC 7692), run by kosoku against our listener, connection and framing."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from websockets.exceptions import ConnectionClosed

from hftlab.server import ServerLimits, listener
from hftlab.server.connection import Connection
from hftlab.server.framing import Framer
from hftlab.server.listener import Listener
from tests.hostile.autobahn import CORE, LONG, unexpected, without_keepalive

kosoku = pytest.importorskip("kosoku")


async def echo(connection: Connection) -> None:
    """What the cases expect of a server: every message back, as it came."""
    framer = Framer()
    connection.opened(framer, Counter())
    try:
        while True:
            data = await connection.recv()
            payload = data.encode() if isinstance(data, str) else bytes(data)
            connection.write(framer.frame(payload, connection.window_bits, binary=isinstance(data, bytes)))
    except ConnectionClosed:
        pass


async def run_cases(*cases: str, at_once: int) -> dict[str, str]:
    """Those that should have passed and did not, and how."""
    # The cases send up to 16 MB; our own limit is tested elsewhere.
    server = Listener(echo, lambda path: None, dataclasses.replace(ServerLimits(), message_bytes=64 << 20), None)
    await server.open("127.0.0.1", 0, trusted=False, origins=(), hosts=(), ssl=None)
    try:
        results = await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{server.port}", list(cases), concurrency=at_once)
    except kosoku.FailureError as exc:
        results = exc.results
    finally:
        await server.close(lambda connection: connection.abort())
    assert results
    return unexpected(results)


async def test_framing_pings_fragments_text_and_closing() -> None:
    assert await run_cases(*CORE, at_once=8) == {}


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # kosoku's own test data
@pytest.mark.parametrize("cases", LONG)
async def test_limits_and_compression(monkeypatch: pytest.MonkeyPatch, cases: str) -> None:
    without_keepalive(monkeypatch, listener, "serve")
    assert await run_cases(cases, at_once=1) == {}
