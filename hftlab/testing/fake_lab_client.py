"""The fake client as plain calls, for code that is written against hl.connect()."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hftlab.lab import LabClient
from hftlab.lab.background import background
from hftlab.protocol import Ack, Message
from hftlab.testing.fake_client import FakeClient, Network
from hftlab.testing.script import Script
from hftlab.testing.steps import Said
from hftlab.testing.virtual_loop import settled

__all__ = ["FakeLabClient"]


class FakeLabClient(LabClient):
    """Double of what hl.connect() returns, for tests of functions and views that take a notebook's client.

    It is connected when it has been made, unless `network` is something else than "up"; the arguments are those of
    FakeClient. Its clock is the real one: heartbeats and attempts to reconnect take their time. Each simulate_...()
    returns when everything that follows at once has happened.
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
        self._fake = FakeClient(script, symbols=symbols, network=network, account=account, **options)
        super().__init__(self._fake)
        if network == "up":
            background.run(self._fake.connect())

    def subscribe(
        self,
        symbols: Iterable[str],
        *,
        data_types: Iterable[str] | None = None,
        frequency: int | None = None,
        slow_consumer: str | None = None,
        wait: float = 0.0,
    ) -> Ack:
        """Subscribe; returns with what the script sends at once. State is not waited for, unless `wait` says so."""
        terms = {"frequency": frequency, "slow_consumer": slow_consumer}
        ack = super().subscribe(symbols, data_types=data_types, wait=wait, **terms)  # type: ignore[arg-type]
        background.run(settled())
        return ack

    # --- what the server does; see FakeClient ---

    @property
    def script(self) -> Script:
        """The server's part."""
        return self._fake.script

    @property
    def network(self) -> Network:
        """Fate of attempts to connect: "up", "down" or "manual"; may be set."""
        return self._fake.network

    @network.setter
    def network(self, network: Network) -> None:
        self._fake.network = network

    def simulate_open(self) -> None:
        """Let the attempt to connect succeed that waits."""
        background.run(self._fake.simulate_open())

    def simulate_message(self, message: Said) -> None:
        """Send a message to the client. Raises RuntimeError without a connection."""
        background.run(self._fake.simulate_message(message))

    def simulate_error(self, reason: str = "Connection reset by peer") -> None:
        """Break the connection, or let the attempt to connect fail that waits."""
        background.run(self._fake.simulate_error(reason))

    def simulate_close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection as a server does. Raises RuntimeError without one."""
        background.run(self._fake.simulate_close(code, reason))

    # --- what the client has sent ---

    @property
    def sent(self) -> list[Message]:
        """All messages that the client has sent, oldest first."""
        return self._fake.sent

    @property
    def last_sent(self) -> Message | None:
        """Newest message that the client has sent; None before the first."""
        return self._fake.last_sent

    def clear_sent(self) -> None:
        """Forget what the client has sent so far."""
        self._fake.clear_sent()
