"""The server of a notebook: hftlab.Server as plain calls that wait."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from ssl import SSLContext
from typing import Any, Final, Literal, Self

from hftlab.forking import Home
from hftlab.html_table import facts_table
from hftlab.lab.background import background
from hftlab.lab.kept import kept
from hftlab.lab.replay import LabReplay
from hftlab.protocol import Message
from hftlab.server import DEFAULT_PORT, ConnectionInfo, NativeLimits, Server, ServerLimits, Tokens
from hftlab.server.native.native_urls import NativeUrls
from hftlab.server.native.wires import Wire
from hftlab.simulator import Exchange
from hftlab.source import Live, Source, undecorated
from hftlab.suggesting import Suggesting
from hftlab.trading import AccountTerms
from hftlab.trading.recorded_venue import Fills

__all__ = ["LabServer", "serve", "servers"]

_servers: Final[dict[str, LabServer]] = kept("servers", dict)
_HISTOGRAMS: Final = ("broadcast_seconds", "queue_seconds")
"""Distributions in stats(), which a table of facts has no room for."""
_LIVE: Final = 10.0
"""Seconds that serve() waits for a live source to know its instruments."""


def serve(
    source: Source[Message] | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    name: str | None = None,
    limits: ServerLimits | None = None,
    auth: Literal["public", "required"] = "public",
    key: bytes | str | None = None,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = (),
    ssl: SSLContext | None = None,
    accounts: Mapping[str, AccountTerms] | None = None,
    fills: Fills | None = None,
    stepped: bool = False,
    wire: Wire | None = None,
    market: Literal["spot", "usdm", "coinm"] | None = None,
    native_limits: NativeLimits | None = None,
) -> LabServer:
    """Serve a source from this process and return a server that listens. Raises PortInUse.

    Running the cell again is safe: a server that this process runs under the same `name`, without a name on the same
    port, or with the same source, is stopped first.

    `source`: a simulator, `session.replay()`, a live feed such as hl.feeds.Binance, or any other hftlab.Source
    (default: the simulated exchange).
    `host`, `port`: the address to listen on; port 0 takes any free port, and the server's `url` says which.
    `limits`: hftlab.server.ServerLimits, how much one client may ask for.
    `auth`: "public" gives market data to everyone, with "required" everything needs a token.
    `key`: what tokens are signed with (default: a random key that the same user's clients find).
    `origins`: web pages that may connect, such as "https://lab.example". `hosts`: names that clients may use.
    `ssl`: a server's SSLContext with its certificate; the address becomes wss://.
    `accounts`: starting cash, limits and fees by account name, such as {"alice": hl.trading.AccountTerms(cash=50_000)};
    "*" is for all others. Only for a source that takes orders, such as the simulated exchange.
    `fills`: lets a recorded session or a live feed take orders, which fill by this model of hl.backtest: "fifo",
    "risk_averse", "power(3)" and so on, or a dict such as
    {"fill": "power", "latency": hl.backtest.Latency(entry="1ms")}.
    `stepped`: True lets the exchange's clock stand still, for clients to step it as a replay, as hl.run() does.
    `wire`: "binance" or "kraken" serves a recording in that venue's own streams and requests as well, on the same port:
    see server.native_urls. `market`: which of Binance's markets its symbols are of (default: their venue's).
    `native_limits`: hftlab.server.NativeLimits, other limits than Binance's.

    hftlab.Server takes the same arguments except `name`, and describes them in detail. Without a source it sends only
    what publish() is given, where this function serves the simulated exchange.
    """
    registered = name or f"{host}:{port}"
    for place, earlier in list(_servers.items()):
        if ((name or port) and place == registered) or earlier.streams(source):
            earlier.stop()
    server = Server(
        Exchange() if source is None else source,
        host,
        port,
        limits=limits,
        auth=auth,
        key=key,
        origins=origins,
        hosts=hosts,
        ssl=ssl,
        accounts=accounts,
        fills=fills,
        stepped=stepped,
        wire=wire,
        market=market,
        native_limits=native_limits,
    )
    background.run(server.start())
    _wait_for(source, server)
    handle = LabServer(server, name or server.url)
    _servers[name or f"{host}:{server.port}"] = handle
    return handle


def _wait_for(source: Source[Message] | None, server: Server) -> None:
    """Wait until a live source knows its instruments, so that a symbol that its venue does not list is an error here.

    A venue that cannot be reached now may be later: then the server goes on trying.
    """
    live = undecorated(source)
    if isinstance(live, Live):
        try:
            live.wait(_LIVE)
        except BaseException:
            background.run(server.stop())
            raise


def servers() -> list[LabServer]:
    """Return the servers of this process that have not been stopped."""
    return list(_servers.values())


class LabServer(Suggesting):
    """A server on the background loop; a context manager that stops it.

    In a forked child it is a copy that raises HftlabError: the port and the connections are the parent's.
    """

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self._server, self._home = server, Home()

    @property
    def inner(self) -> Server:
        """The hftlab.Server."""
        self._home.check(f"the server at {self._server.url}", "hl.serve()")
        return self._server

    def streams(self, source: object) -> bool:
        """Tell whether it streams this source, whatever decorates it here or there."""
        return self._home.is_here and source is not None and undecorated(self._server.source) is undecorated(source)

    @property
    def url(self) -> str:
        """The address for hl.connect()."""
        return self.inner.url

    @property
    def native_urls(self) -> list[NativeUrls]:
        """The addresses for clients of the venue in whose wire it is served as well: one a market."""
        return self.inner.native_urls

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return self.inner.port

    @property
    def is_running(self) -> bool:
        """True until stop()."""
        return self.inner.is_running

    def stats(self) -> dict[str, Any]:
        """Return counts since the start; see hftlab.Server.stats."""
        return background.call(self.inner.stats)

    def connections(self) -> list[ConnectionInfo]:
        """List the connections, with how far each reader is behind."""
        return background.call(self.inner.connections)

    def publish(self, message: Message, account: str | None = None) -> None:
        """Stream one message by hand. Raises MessageParseError if it is not valid.

        A private message (an order, position or portfolio update) goes to the connections of `account` alone (default:
        the account of this user).
        """
        background.call(lambda: self.inner.publish(message, account))

    def issue_tokens(self, subject: str) -> Tokens:
        """Issue an access token for hl.connect(token=...), and a refresh token that renews it."""
        return background.call(lambda: self.inner.issue_tokens(subject))

    @property
    def replay(self) -> LabReplay:
        """Controls of a recorded source: pause, resume, step, seek and speed."""
        return LabReplay(self.inner.replay)

    def stop(self) -> None:
        """Close every connection and free the port; stopping again, or in a forked child, does nothing."""
        if not self._home.is_here:
            return
        for key in [key for key, handle in _servers.items() if handle is self]:
            del _servers[key]
        background.run(self.inner.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<hftlab server at {self._server.url}, {self._state}>"

    @property
    def _state(self) -> str:
        if not self._home.is_here:
            return "of the parent process"
        if self.is_running and self.inner.failure is not None:
            return f"FAILED ({self.inner.failure})"
        return "running" if self.is_running else "stopped"

    def _repr_html_(self) -> str:
        source = self.inner.source
        facts = {
            "state": self._state,
            "source": "none: messages are published by hand" if source is None else source.name,
        }
        facts |= {one.name: f"{one.streams} and {one.requests}" for one in self.native_urls}
        counts = {name: value for name, value in self.stats().items() if value and name not in _HISTOGRAMS}
        return facts_table(f"Server {self.url}", facts | counts)


@atexit.register
def _stop_all() -> None:
    """Stop all servers at the end of the process; one that fails does not keep the others from it."""
    with ExitStack() as stack:
        for server in _servers.values():
            stack.callback(server.stop)
