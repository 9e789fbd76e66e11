"""A client that a test plays the server for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any, Final, Literal, TypeAlias, get_args

from hftlab.client import Client
from hftlab.client.arguments import one_of, waiting_seconds
from hftlab.errors import ConnectionFailed
from hftlab.protocol import Codec, ConnectionState, Message
from hftlab.testing.fake_socket import FakeSocket
from hftlab.testing.script import Script
from hftlab.testing.steps import Said
from hftlab.testing.virtual_loop import settled, virtual_loop
from hftlab.transport.backoff import Backoff
from hftlab.transport.recovery import Recovery

__all__ = ["FakeClient", "Network"]

Network: TypeAlias = Literal["up", "down", "manual"]
"""Fate of attempts to connect: they succeed, they are refused, or they wait for simulate_open()."""

_URL: Final = "ws://localhost"
"""Without a port, so that no key of a server on this machine is found for it."""


class LongestBackoff(Backoff):
    """Back-off that always waits as long as it may, so that a test knows when the next attempt comes."""

    def delay(self, attempt: int, recovery: Recovery | None = None, **_: Any) -> float:
        """Return the longest wait in seconds before a try; see Backoff.delay."""
        return self.ceiling(attempt, recovery)


class FakeClient(Client):
    """hftlab.Client without a network: a test says what the server does, and sees what the client sends.

    Everything but the socket is the real client: subscriptions, books, callbacks, orders, heartbeats, reconnection. Use
    it wherever a Client is expected:

        @hftlab.testing.virtual_time
        async def test_the_newest_quote_is_known() -> None:
            async with FakeClient(symbols=["AAPL"]) as client:
                await client.subscribe(["AAPL"])
                await client.simulate_message(market_data("AAPL", bid=175.25, ask=175.27))
                assert client.latest("AAPL").ask == 175.27

    `script` answers its requests (default: an agreeable server with `symbols`). `account` signs in. `network` may be
    set: "up", "down" (each attempt to connect is refused) or "manual" (it waits for simulate_open() or
    simulate_error()). Other options are Client's. Back-off waits as long as it may, without chance.

    Each simulate_...() returns when everything that follows at once has happened.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        symbols: Iterable[str] | None = None,
        network: Network = "up",
        account: str | None = None,
        **options: Any,
    ) -> None:
        if account is not None:
            options["token"] = f"token of {account}"
        super().__init__(options.pop("url", _URL), **options)
        self.script = Script(symbols or (), account=account or "alice") if script is None else script
        """The server's part."""
        self.network = network
        self._socket: FakeSocket | None = None
        self._waiting: asyncio.Future[None] | None = None
        """Done when a manual attempt to connect may succeed, or fails."""
        self._dialer.opener = self._open
        backoff = self._supervisor.backoff
        self._supervisor.backoff = LongestBackoff(backoff.base, backoff.limit, backoff.factor, backoff.attempts)

    @property
    def network(self) -> Network:
        """Fate of attempts to connect: "up", "down" or "manual"; may be set."""
        return self._network

    @network.setter
    def network(self, network: Network) -> None:
        self._network: Network = one_of("network", network, get_args(Network))

    # --- what the server does ---

    async def simulate_open(self) -> None:
        """Let the attempt to connect succeed that waits; a client that has not been asked to connects first."""
        if self.connection_status in (ConnectionState.DISCONNECTED, ConnectionState.ERROR) and self._waiting is None:
            connecting = asyncio.ensure_future(self.connect())
            connecting.add_done_callback(_retrieve)
            await settled()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        await settled()

    async def simulate_message(self, message: Said) -> None:
        """Send a message to the client: a struct, a JSON object, or a payload as it is, which may be damaged.

        Raises RuntimeError without a connection.
        """
        self._connected().say(message)
        await settled()

    async def simulate_error(self, reason: str = "Connection reset by peer") -> None:
        """Break the connection without a close frame; without one, let the attempt to connect fail that waits.

        Raises RuntimeError if there is neither.
        """
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionFailed(f"cannot connect to {self.url} ({reason})"))
        else:
            self._connected().abort()
        await settled()

    async def simulate_close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection as a server does. Raises RuntimeError without one."""
        self._connected().close(code, reason)
        await settled()

    async def advance(self, seconds: float) -> None:
        """Let time pass on the virtual clock, with all that happens meanwhile. Raises RuntimeError on a real one."""
        virtual_loop()
        await asyncio.sleep(waiting_seconds("seconds", seconds) or 0.0)
        await settled()

    # --- what the client has sent ---

    @property
    def sent(self) -> list[Message]:
        """All messages that the client has sent over its connections, oldest first."""
        return self.script.received

    @property
    def last_sent(self) -> Message | None:
        """Newest message that the client has sent; None before the first."""
        return self.sent[-1] if self.sent else None

    def clear_sent(self) -> None:
        """Forget what the client has sent so far."""
        self.sent.clear()

    # --- the socket ---

    async def _open(self, url: str, codec: Codec, _: SSLContext | None) -> FakeSocket:
        if self.network == "down":
            raise ConnectionFailed(f"cannot connect to {url} (Connection refused)")
        if self.network == "manual":
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._socket = FakeSocket(self.script, codec)
        return self._socket

    def _connected(self) -> FakeSocket:
        if self._socket is None or not self._socket.is_open:
            raise RuntimeError(
                f"the fake client has no connection (it is {self.connection_status}): connect() first, or advance() to "
                "the next attempt"
            )
        return self._socket


def _retrieve(connecting: asyncio.Future[Any]) -> None:
    """Take note of how it ended, which the client's state shows as well."""
    if not connecting.cancelled():
        connecting.exception()
