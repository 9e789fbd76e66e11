"""The streaming WebSocket server: a source on its clock, a publisher, and sockets."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from websockets.http11 import Request, Response

from hftlab.calling import is_plain
from hftlab.clock import NANOSECONDS, to_milliseconds, wall_time
from hftlab.credentials import is_subject
from hftlab.errors import ArgumentError, ServerError
from hftlab.forking import Home
from hftlab.log import get_logger
from hftlab.nearest import meant
from hftlab.port import DEFAULT_PORT
from hftlab.protocol import (
    JSON,
    Message,
    ReplayControl,
    ReplayControls,
    ReplayStatus,
    ServerShutdown,
    check_message,
)
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.protocol.publishing.authentication import Authenticator, AuthMode, SharedTokens, Tokens
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.playback import Playback
from hftlab.protocol.publishing.publisher import Publisher, check_publishable
from hftlab.server.arguments import (
    check_steps,
    host_address,
    port_number,
    server_limits,
    source_symbols,
    streamed_source,
)
from hftlab.server.broadcaster import Broadcaster
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.connections import Connections
from hftlab.server.framing import Framer
from hftlab.server.http.monitor import report
from hftlab.server.listener import Listener, SocketServer
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.native.native_urls import NativeUrls
from hftlab.server.native.wires import Wire, check_wire
from hftlab.server.private_logs import private_logs
from hftlab.server.served_sources import check_unserved, claim, release
from hftlab.server.server_socket import ServerSocket
from hftlab.server.stream import Stream
from hftlab.server.stream_output import StreamOutput
from hftlab.source import Live, Source, Tap, undecorated
from hftlab.trading.account import AccountTerms
from hftlab.trading.brokers import broker_of
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.recorded_venue import Fills
from hftlab.trading.stepped_source import SteppedSource
from hftlab.trading.traded_source import TradedSource

if TYPE_CHECKING:
    from hftlab.server.native.native_wire import NativeWire

__all__ = ["Server"]

_log = get_logger("hftlab.server")


class Server:
    """Serves one source to any number of clients; an asynchronous context manager.

    Without a source it sends what `publish()` is given. `port=0` takes any free port; `url` tells which. A recorded
    source waits for the first subscription, so that no client misses its beginning; REPLAY_STATUS tells when it starts,
    is controlled, and ends. If the source raises, clients get a SERVER_ERROR, nothing more is read from it, and
    `failure` holds the reason. Messages of it that the wire cannot carry (NaN, a size below 0) are left out, counted,
    and reported with the field, its value and its symbol. With auth="public" market data is open to everyone, and
    orders and private messages need a token; with "required" everything does. `origins` and `hosts` are
    names, or one name.

    A source that is a TradingVenue, such as the simulated exchange, takes orders. `accounts` are the terms of accounts
    by name (AccountTerms: cash, limits, fees), "*" those of all others. Accounts, orders and private messages belong to
    the venue: a later server of the same source goes on with them.

    A recorded session, or a live feed, takes orders with `fills`, a fill model of hl.backtest or its name ("fifo",
    "risk_averse", "power(3)"), or a dict such as {"fill": "power", "latency": hl.backtest.Latency(entry="1ms")}. Such a
    replay goes on taking them wherever it is sought, paused and stepped to: a seek back takes the accounts back to that
    time, and a seek on lets the time pass. They begin anew with the server, and with each turn of a loop.

    With `stepped` the clock of a source that takes orders stands still, and clients step it as they step a replay, or
    let it go on; only back it does not go. hl.run() drives it, with the fills of hl.backtest() on such an exchange.
    When the server stops, a clock that ran before runs again.

    With `wire="binance"` or `"kraken"` a recorded session is served in that venue's own streams and requests as well,
    on the same port at the addresses `native_urls`. Of Binance, `market` is "spot", "usdm" or "coinm" for all of its
    symbols (default: that of their venues), and `native_limits` are other limits than the venue's.

    Raises PortInUse, ValueError for a symbol of the source that cannot be one, HftlabError for `accounts` of a source
    that cannot be traded, and for a source that another server of this process streams.
    """

    def __init__(
        self,
        source: Source[Message] | None = None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        limits: ServerLimits | None = None,
        auth: AuthMode = "public",
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
    ) -> None:
        if auth not in get_args(AuthMode):
            modes = get_args(AuthMode)
            raise ArgumentError(f"auth={auth!r} is not a mode: give {' or '.join(map(repr, modes))}").advise(
                instead=meant([str(auth)], modes)
            )
        self.host, self.port = host_address(host), port_number(port)
        check_unserved(streamed_source(source))  # before its broker gets other accounts
        check_steps(stepped, source)
        if fills is not None:
            source, accounts = _paper(source, fills, accounts), None
        self.source = source
        self._auth, self._origins, self._hosts, self._ssl = auth, origins, hosts, ssl
        self._stepped = stepped
        self._resumes = False
        """True if the clock goes on when clients step it no more."""
        self.broker = broker_of(source, accounts)
        """Broker of a source that can be traded, such as the simulated exchange; None for others."""
        if source is None or self.broker is None or isinstance(source, PaperSource):
            self._playback = Playback(source)
        else:
            traded = TradedSource(source, self.broker)
            self._playback = Playback(SteppedSource(traded) if stepped else traded)
        self.clock = self._playback.clock
        logs: Accounts[ServerSocket] = private_logs(self.broker)
        self.session = logs.session
        symbols = None if source is None else source_symbols(source)
        self.limits = server_limits(limits).for_symbols(symbols)
        self._publisher: Publisher[ServerSocket] = Publisher(
            session=self.session,
            limits=self.limits.to_wire(),
            symbols=symbols,
            public=auth == "public",
            accounts=logs,
        )
        framer = Framer()
        self._broadcaster = Broadcaster(framer)
        output = StreamOutput(self._playback, self._publisher, self._broadcaster.send, self._broadcaster.together)
        self._stream = Stream(output, self.broker)
        self._authenticator = Authenticator(secrets.token_bytes(32) if key is None else key)
        self._connections = Connections(self._publisher, self._stream, self._authenticator, self.limits)
        check_wire(wire, market=market, native_limits=native_limits)
        self.native: NativeWire | None = None
        """The source in a venue's own wire, on the same port, if that was asked for."""
        owner: SocketServer = self._connections
        if wire is not None:
            from hftlab.server.native.make_wire import make_wire  # compiled loops, which other servers do not need
            from hftlab.server.native.path_router import PathRouter

            self.native = make_wire(wire, self._stream, framer, self.limits, market, native_limits)
            owner = PathRouter(self._connections, self.native)
        self._listener = Listener(
            owner,
            self._page,
            self.limits,
            self._authenticator,
            framer,
            leaves_key=key is None,
        )
        self.problems: dict[str, Callable[[], str | None]] = {}
        """Functions that say in a sentence what is wrong with something beside the stream, such as a recording."""
        self.counters: dict[str, tuple[Callable[[], int], str]] = {}
        """Further counts of stats() and /metrics, each with a sentence that says what it is."""
        self.unready: Callable[[], str | None] = lambda: None
        """Function that says in a sentence why no new clients can be served now: /ready tells it, and they get 503."""
        first = undecorated(source)
        if isinstance(first, Live):
            self.problems[first.name] = lambda: first.problem
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None
        self._home = Home()

    # --- life ---

    async def start(self) -> Self:
        """Listen and start streaming. Raises HftlabError if another server streams the source."""
        claim(self.source, lambda: self.url)
        try:
            await self._listener.open(
                self.host,
                self.port,
                trusted=self._auth == "required" and self._ssl is not None,
                origins=self._origins,
                hosts=self._hosts,
                ssl=self._ssl,
            )
        except BaseException:
            await self._listener.close(ServerSocket.abort)  # it may have been cancelled when the port was bound
            release(self.source)
            raise
        self.port = self._listener.port
        self._resumes = self._stepped and not self.clock.paused
        if self._stepped:
            self.clock.pause()
        self._tasks = [
            asyncio.create_task(self._stream.run(), name=f"hftlab stream {self.port}"),
            asyncio.create_task(self._connections.watch(), name=f"hftlab watch {self.port}"),
        ]
        if self.native is not None:
            watch = self.native.connections.watch()
            self._tasks.append(asyncio.create_task(watch, name=f"hftlab native watch {self.port}"))
        _log.info("listening", url=self.url)
        return self

    async def stop(self) -> None:
        """Send SERVER_SHUTDOWN, close every connection with 1001 and free the port, within two seconds."""
        if self._stopping is None or self._stopping.done():
            if not self.is_running or not self._home.is_here:  # a forked child has a copy of its parent's server
                return
            self._stopping = asyncio.create_task(self._stop(), name=f"hftlab stop {self.port}")
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        try:
            for task in self._tasks:
                task.cancel()
            for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    _log.error("a task had ended early", exc_info=ended)
            notice = ServerShutdown(timestamp=1.0, message="the server is shutting down")
            self._broadcaster.send(self._publisher.notify(notice, wall_time()), time.perf_counter())
            if self.native is not None:
                self.native.connections.announce_shutdown()
        finally:
            await self._listener.close(lambda socket: self._connections.abort(socket, "shutdown"))
            if self._resumes:
                self.clock.resume()
            release(self.source)
            self._broadcaster.queue_times.close()
            _log.info("stopped", url=self.url)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        source = "no source" if self.source is None else f"source {self.source.name!r}"
        return f"Server({self.url!r}, {'running' if self.is_running else 'stopped'}, {source})"

    @property
    def url(self) -> str:
        """The address for clients; for a server on all interfaces, the one for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        scheme = "ws" if self._ssl is None else "wss"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    @property
    def native_urls(self) -> list[NativeUrls]:
        """Addresses of the markets in a venue's own wire; none without `wire`."""
        return [] if self.native is None else self.native.urls(self.url)

    @property
    def is_running(self) -> bool:
        """True if the server listens."""
        return self._listener.is_open

    @property
    def failure(self) -> str | None:
        """The exception that the source has raised, after which it is read no more; None if there was none."""
        return self._playback.failure

    def connections(self) -> list[ConnectionInfo]:
        """List the open connections: who they are, and how far each reader is behind."""
        return self._connections.info() + ([] if self.native is None else self.native.connections.info())

    def disconnect(self, connection_id: str) -> bool:
        """Drop the connection with this `id` of connections(), with all that waits for it; False if there is none."""
        for owner in (self._connections, *(() if self.native is None else (self.native.connections,))):
            for socket in [one for one in owner if one.name == connection_id]:
                owner.abort(socket, "disconnected")
                return True
        return False

    def stats(self) -> dict[str, Any]:
        """Return counts since the start: `aborted`, `refused` by reason, `errors` by type, `failed_taps` by exception.

        `invalid` counts the messages of the source that were left out because the wire cannot carry them.
        `connections`, `channels`, `failure`, `unready` (why no new clients are served, None if they are), `problems`
        (sentences, such as of a recording whose disk is full) and `lag_seconds` are current. `broadcast_seconds` is how
        long a batch takes from its source to its last reader's socket, encoding included; `queue_seconds` how long
        messages wait in a connection's buffer before the kernel takes them. Each has `count`, `mean`, `p50`, `p99` and
        `max`.
        """
        publisher, native = self._publisher, None if self.native is None else self.native.connections
        return {
            "connections": len(self._connections) + (0 if native is None else len(native)),
            "channels": len(publisher.channels),
            "published": publisher.published,
            "messages_sent": self._broadcaster.messages + (0 if native is None else native.messages),
            "bytes_sent": self._broadcaster.bytes + (0 if native is None else native.bytes),
            "messages_received": self._connections.received + (0 if native is None else native.received),
            "bytes_received": self._connections.bytes_received + (0 if native is None else native.bytes_received),
            "conflated": publisher.conflated,
            "gaps": publisher.gaps,
            "aborted": dict(self._connections.aborted + (Counter() if native is None else native.aborted)),
            "refused": {} if self._listener.endpoints is None else dict(self._listener.endpoints.refused),
            "errors": dict(publisher.errors),
            "invalid": self._stream.invalid,
            "failed_taps": dict(self._stream.failed_taps),
            "failure": self.failure,
            "unready": self.unready(),
            "problems": [problem for check in tuple(self.problems.values()) if (problem := check()) is not None],
            "lag_seconds": self._stream.lag(),
            "broadcast_seconds": self._broadcaster.broadcast_times.durations.summary(),
            "queue_seconds": self._broadcaster.queue_times.durations.summary(),
        } | {name: count() for name, (count, _) in self.counters.items()}

    def use_local_key(self, key: bytes) -> None:
        """Sign tokens with the key of other servers of this user, before start(), instead of one of its own.

        It is left where the user's clients find it, as one's own would be.
        """
        self._authenticator.key = key

    def share_tokens(self, shared: Callable[[bytes], SharedTokens]) -> None:
        """Exchange refresh tokens that are valid elsewhere as well; the function gets the key."""
        self._authenticator.shared = shared(self._authenticator.key)

    def issue_tokens(self, subject: str) -> Tokens:
        """Issue an access token for AUTH messages, and a refresh token for POST /api/auth/refresh."""
        return self._authenticator.issue(subject, wall_time() / NANOSECONDS)

    def _page(self, request: Request, socket: ServerSocket) -> Response | None:
        if self.native is not None:
            found = self.native.answer(request, socket.peer_address)
            if found is not None:
                return found
            self.native.prepare(socket, request.path)
        times = (self._broadcaster.broadcast_times, self._broadcaster.queue_times)
        trusted = self._auth == "public" or self._authenticator.is_bearer(
            request.headers.get_all("Authorization"), wall_time() / NANOSECONDS
        )
        texts = {name: text for name, (_, text) in self.counters.items()}
        told = report(request.path, self.stats, texts, [one.durations.metric for one in times], trusted=trusted)
        if told is None and (reason := self.unready()) is not None:
            assert self._listener.endpoints is not None
            return self._listener.endpoints.refuse_unready(socket.peer_address, reason if trusted else "not ready")
        return told

    # --- the stream ---

    @property
    def taps(self) -> list[Tap]:
        """Functions that are called with every streamed message, as a Timed with its source time and account."""
        return self._stream.taps

    def publish(self, message: Message, account: str | None = None) -> None:
        """Stream one message by hand; call it on the server's loop.

        A private message (ORDER_UPDATE, POSITION_UPDATE, PORTFOLIO_UPDATE) goes to the connections that are signed in
        as `account`, by default that of this process's user, and to no others. Raises MessageParseError if the message
        is not valid or of a type that servers do not stream, ValueError if the account cannot be one.
        """
        check_publishable(message)
        if account is not None and not is_subject(account):
            raise ArgumentError(f"account={account!r} is not a printable name of 1 to 128 characters")
        self._stream.publish(check_message(message), account)

    # --- what is elsewhere: see hftlab.gateway ---

    def offer(self, symbols: Sequence[str]) -> None:
        """Offer other symbols from now on; what is subscribed to stays."""
        grown = self.limits.for_symbols(list(symbols))
        # The size of messages is that of the open port.
        self.limits = replace(grown, message_bytes=self.limits.message_bytes)
        self._connections.limits = self._listener.limits = self.limits
        self._publisher.offer(list(symbols), self.limits.to_wire())

    def notify(self, message: Message) -> None:
        """Send a message to every client, whatever it subscribes to; one that has not signed in may not get it."""
        self._stream.notify(message)

    def begin_session(self, accounts: Accounts[Any]) -> None:
        """Go on with the accounts of another session; clients that are signed in come back and sign in to it."""
        self.session = accounts.session
        self._connections.expel_signed_in("the trading venue was started again")
        self._publisher.begin_session(accounts)

    def ask_missing_states(self) -> None:
        """Ask a RemoteBroker once more for what it could not tell of accounts that have signed in meanwhile."""
        self._connections.ask_missing_states()

    # --- control ---

    async def control(self, request: ReplayControl) -> ReplayStatus:
        """Do what a REPLAY_CONTROL message asks for; returns the position and state of the replay afterwards.

        Raises ServerError if the source is not a recording or fails, MessageParseError if the request is not valid.
        """
        if not self.is_running:
            raise ServerError(f"the server at {self.url} is not running: {_starting()}")
        checked = JSON.decode_request(JSON.encode(request))
        assert isinstance(checked, ReplayControl)
        await self._stream.control(checked)
        return self.replay_status()

    @property
    def replay(self) -> ReplayControls:
        """Calls that pause, resume, step, seek and set the speed of a replay."""
        return ReplayControls(self.control, self.replay_status)

    def replay_status(self) -> ReplayStatus:
        """Return the position and state of a replay."""
        status = self._playback.status()
        status.timestamp = to_milliseconds(wall_time())
        return status


def _paper(
    source: Source[Message] | None, fills: Fills, accounts: Mapping[str, AccountTerms] | None
) -> Source[Message]:
    from hftlab.backtest.paper_market import paper_source  # compiled loops, which other servers need not load

    return paper_source(source, fills, accounts)


def _starting() -> str:
    return "serve its source again with hl.serve()" if is_plain() else "call await server.start() first"
