"""Terms of connections to NATS: addresses, credentials and TLS, and errors that say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hftlab.errors import ArgumentError, ConnectionFailed, HftlabError
from hftlab.gateway.lasting_client import lasting_client
from hftlab.gateway.nats_report import NatsReport
from hftlab.log import get_logger
from hftlab.transport.address import redacted

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient

__all__ = ["DEFAULT_NATS", "NatsTerms"]

DEFAULT_NATS: Final = "nats://127.0.0.1:4222"
_RETRY: Final = 0.2
"""Seconds between attempts to come back."""
_PING: Final = 2
"""Seconds between pings: a connection that does not answer two of them is given up."""
_SCHEMES: Final = ("nats", "tls")
_WEB: Final = ("ws", "wss")

_log = get_logger("hftlab.gateway")

Callback = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, kw_only=True, repr=False)
class NatsTerms:
    """Terms of NATS: `servers` of one cluster, and at most one of `user` and `password`, `token`, `credentials`.

    `credentials` is a .creds file, as nsc makes it. `tls_ca` is the authority to trust where that is not one of the
    system's, `tls_cert` and `tls_key` the certificate to show where the server asks for one. TLS is used at addresses
    tls://, and wherever one of these three is given.
    """

    servers: Sequence[str] = (DEFAULT_NATS,)
    user: str | None = None
    password: str | None = None
    token: str | None = None
    credentials: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        if not self.servers:
            raise ArgumentError(f"no NATS server is given: give one such as {DEFAULT_NATS!r}")
        for server in self.servers:
            scheme, slashes, rest = server.partition("://")
            if scheme in _WEB:
                raise ArgumentError(
                    f"{redacted(server)} is an address for WebSockets, which publishers and gateways do not use: "
                    "give the address for NATS' own protocol, nats://host:4222, or tls:// for TLS"
                )
            if scheme not in _SCHEMES or not slashes or not rest:
                raise ArgumentError(f"{server!r} is not the address of a NATS server: give one such as {DEFAULT_NATS}")
        given = [name for name in ("user", "token", "credentials") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ArgumentError(f"{' and '.join(given)} are given: NATS takes one of user, token and credentials")
        if (self.user is None) is not (self.password is None):
            raise ArgumentError("user and password go together: give both or neither")
        if self.tls_key is not None and self.tls_cert is None:
            raise ArgumentError("tls_key needs its certificate: give tls_cert as well")
        for path in (self.credentials, self.tls_ca, self.tls_cert, self.tls_key):
            if path is not None and not Path(path).is_file():
                raise ArgumentError(f"{path} is not a file")

    @property
    def shown(self) -> str:
        """The addresses without passwords, for messages and logs."""
        return ", ".join(redacted(server) for server in self.servers)

    @property
    def _given(self) -> list[str]:
        names = ("user", "token", "credentials", "tls_ca", "tls_cert")
        signed = any(urlsplit(server).username is not None for server in self.servers)
        return [name for name in names if getattr(self, name) or (name == "user" and signed)]

    def __repr__(self) -> str:
        given = self._given
        return f"NatsTerms({self.shown}{' with ' + ', '.join(given) if given else ''})"

    def _context(self) -> SSLContext | None:
        is_asked = any(urlsplit(server).scheme == "tls" for server in self.servers)
        if not is_asked and self.tls_ca is None and self.tls_cert is None:
            return None
        try:
            context = create_default_context(cafile=None if self.tls_ca is None else str(self.tls_ca))
        except SSLError as exc:
            said = exc.reason or "not PEM"
            raise HftlabError(f"TLS for NATS: {self.tls_ca} has no certificate in PEM ({said})") from None
        if self.tls_cert is not None:
            try:
                context.load_cert_chain(self.tls_cert, self.tls_key)
            except SSLError as exc:
                said, key = exc.reason or "not PEM", self.tls_key or self.tls_cert
                raise HftlabError(
                    f"TLS for NATS: {self.tls_cert} and {key} are not a certificate and its private key in PEM ({said})"
                ) from None
        return context

    async def connect(
        self,
        name: str,
        *,
        told: Callable[[str | None], None],
        denied: Callable[[str], None] = lambda _: None,
        returned: Callback | None = None,
        patience: float | None = None,
    ) -> NatsClient:
        """Connect, and stay connected: a lost connection is made again for as long as it takes.

        `told` gets what is wrong as a sentence, None when nothing is any more; `denied` what the user that is signed in
        may not do; `returned` is called behind each new connection. With `patience` it gives up after so many seconds
        and raises ConnectionFailed.
        """
        context = self._context()
        try:
            client = lasting_client(needs_tls=self.tls_ca is not None or self.tls_cert is not None)
        except ImportError:
            raise HftlabError("nats-py is not installed: pip install 'hftlab[cluster]' brings it") from None

        report = NatsReport(self.shown, set(self._given), told)
        if patience is None:
            report.start()
        from nats.errors import StaleConnectionError

        violations: set[str] = set()
        tasks: set[asyncio.Task[None]] = set()

        async def failed(error: Exception) -> None:
            if not client.is_connected:
                report.failed(error)
            elif "permissions violation" in str(error).lower():
                said = report.denied(error)
                if said not in violations:
                    violations.add(said)
                    _log.warning(said)
                denied(said)
            elif not isinstance(error, StaleConnectionError):  # which is told as the loss of the connection
                _log.warning("nats", error=str(error) or type(error).__name__)

        async def lost() -> None:
            if not client.is_closed:
                report.lost()

        async def back() -> None:
            violations.clear()
            report.connected()
            if returned is not None:  # a task, as the library waits for this before it goes on
                task = asyncio.create_task(returned(), name="hftlab is back at NATS")
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        options: dict[str, Any] = {
            "servers": list(self.servers),
            "name": name,
            "error_cb": failed,
            "disconnected_cb": lost,
            "reconnected_cb": back,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": _RETRY,
            "ping_interval": _PING,
            "max_outstanding_pings": 2,
            "tls": context,
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "user_credentials": None if self.credentials is None else str(self.credentials),
            "skip_subject_validation": True,  # subjects are made of tokens that are escaped
        }
        try:
            given = {name: value for name, value in options.items() if value is not None}
            await _within(patience, client.connect(**given))
        except TimeoutError:
            raise ConnectionFailed(report.problem or report.explained(TimeoutError())) from None
        except Exception as exc:  # what the library raises for a bad file or address has many types
            raise ConnectionFailed(f"cannot connect to NATS at {self.shown}: {exc}") from exc
        report.start()
        report.connected()
        return client


async def _within(patience: float | None, connecting: Coroutine[Any, Any, None]) -> None:
    """Wait for a connection. Raises TimeoutError.

    A single cancellation would not end it for certain: the library takes it for its own where it closes an attempt.
    """
    task = asyncio.create_task(connecting, name="hftlab connects to NATS")
    try:
        await asyncio.wait([task], timeout=patience)
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.05)
    if task.cancelled():
        raise TimeoutError
    task.result()
