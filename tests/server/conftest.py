from __future__ import annotations

import pytest

from hftlab.server.server_socket import ServerSocket


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[ServerSocket]:
    """The sockets of all connections that are opened from now on, in order."""
    found: list[ServerSocket] = []
    opened = ServerSocket.opened

    def note(socket: ServerSocket) -> None:
        opened(socket)
        found.append(socket)

    monkeypatch.setattr(ServerSocket, "opened", note)
    return found
