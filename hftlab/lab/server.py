"""A server as plain calls."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from typing import Any, Final, Self

from hftlab.html_table import facts_table
from hftlab.lab.background import background
from hftlab.lab.replay import LabReplay
from hftlab.protocol import Message
from hftlab.server import DEFAULT_PORT, ConnectionInfo, Server, Tokens
from hftlab.simulator import Exchange
from hftlab.source import Source

__all__ = ["LabServer", "serve"]

_servers: dict[str, LabServer] = {}
_TIMES: Final = ("broadcast_seconds", "queue_seconds")
"""Distributions, which a card has no room for."""


def serve(
    source: Source[Message] | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    name: str | None = None,
    **options: Any,
) -> LabServer:
    """Serve a source (default: the simulated exchange) from this process; listening when it returns.

    A server that this process runs under the same name, or without one on the same port, is stopped first, so that a
    cell can be run again. `options` go to hftlab.Server. Raises PortInUse.
    """
    key = name or f"{host}:{port}"
    if (name or port) and key in _servers:
        _servers[key].stop()
    server = Server(Exchange() if source is None else source, host, port, **options)
    background.run(server.start())
    handle = LabServer(server, name or server.url)
    _servers[name or f"{host}:{server.port}"] = handle
    return handle


class LabServer:
    """A server on the background loop; a context manager that stops it."""

    def __init__(self, server: Server, name: str) -> None:
        self.inner, self.name = server, name

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def port(self) -> int:
        return self.inner.port

    @property
    def is_running(self) -> bool:
        return self.inner.is_running

    def stats(self) -> dict[str, Any]:
        """Counts since the start."""
        return background.call(self.inner.stats)

    def connections(self) -> list[ConnectionInfo]:
        """Who is connected, and how far each reader is behind."""
        return background.call(self.inner.connections)

    def publish(self, message: Message) -> None:
        """Stream one message by hand. Raises MessageParseError if it is not valid."""
        background.call(lambda: self.inner.publish(message))

    def issue_tokens(self, subject: str) -> Tokens:
        """An access token for hl.connect(token=...), and a refresh token that renews it."""
        return background.call(lambda: self.inner.issue_tokens(subject))

    @property
    def replay(self) -> LabReplay:
        """Pause, resume, step, seek and set the speed of a recorded source."""
        return LabReplay(self.inner.replay)

    def stop(self) -> None:
        """Close every connection and free the port; stopping again is no error."""
        for key in [key for key, handle in _servers.items() if handle is self]:
            del _servers[key]
        background.run(self.inner.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<hftlab server at {self.url}, {self._state}>"

    @property
    def _state(self) -> str:
        if self.is_running and self.inner.failure is not None:
            return f"FAILED ({self.inner.failure})"
        return "running" if self.is_running else "stopped"

    def _repr_html_(self) -> str:
        source = self.inner.source
        facts = {
            "state": self._state,
            "source": "by hand" if source is None else source.name,
        }
        counts = {name: value for name, value in self.stats().items() if value and name not in _TIMES}
        return facts_table(f"Server {self.url}", facts | counts)


@atexit.register
def _stop_all() -> None:
    """One that fails does not keep the others from it."""
    with ExitStack() as stack:
        for server in _servers.values():
            stack.callback(server.stop)
