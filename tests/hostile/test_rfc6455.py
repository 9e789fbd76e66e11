"""Autobahn's cases (RFC 6455 and RFC 7692), run by kosoku against our listener, connection and framing."""

from __future__ import annotations

import dataclasses

import pytest
from websockets.exceptions import ConnectionClosed

from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.peer import Backlog
from hftlab.server import ServerLimits, listener
from hftlab.server.framing import Framer
from hftlab.server.listener import Listener
from hftlab.server.server_socket import ServerSocket
from tests.hostile.autobahn import CORE, LONG, unexpected, without_keepalive
from tests.hostile.conftest import KEY

kosoku = pytest.importorskip("kosoku")


class Echo:
    """What the cases expect of a server: every message back, as it came."""

    def __init__(self) -> None:
        self.framer = Framer()

    async def serve(self, socket: ServerSocket) -> None:
        socket.opened()
        try:
            while True:
                data = await socket.recv()
                payload = data.encode() if isinstance(data, str) else bytes(data)
                socket.write(self.framer.frame(payload, socket.window_bits, binary=isinstance(data, bytes)))
        except ConnectionClosed:
            pass

    def backlog_changed(self, socket: ServerSocket, backlog: Backlog) -> None:
        pass

    def overflowed(self, socket: ServerSocket) -> None:
        raise AssertionError("no case leaves megabytes unread")

    def too_big(self, socket: ServerSocket, reason: str) -> bytes | None:
        return None

    def ended(self, socket: ServerSocket, cause: str) -> None:
        pass

    def controlled(self, socket: ServerSocket) -> None:
        pass


async def run_cases(*cases: str, at_once: int) -> dict[str, str]:
    """Those that should have passed and did not, and how."""
    # The cases send up to 16 MB; our own limit is tested elsewhere.
    limits = dataclasses.replace(ServerLimits(), message_bytes=64 << 20)
    echo = Echo()
    server = Listener(echo, lambda request, connection: None, limits, Authenticator(KEY), echo.framer, leaves_key=False)
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
