"""The publisher of a cluster: its source, its trading venue and the accounts, once; gateways serve the clients."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from hftlab.clock import in_words, to_milliseconds, wall_time
from hftlab.errors import HftlabError
from hftlab.forking import Home
from hftlab.gateway.account_outbox import AccountOutbox
from hftlab.gateway.account_records import MessageRecord
from hftlab.gateway.account_requests import AccountRequests
from hftlab.gateway.announcement import (
    WIRE,
    Announcement,
    decode_announcement,
    decode_beat,
    decode_gateway_beat,
    encode,
)
from hftlab.gateway.jetstream import StreamReader, open_streams, purge_accounts
from hftlab.gateway.market_feed import SILENCE
from hftlab.gateway.market_outbox import MarketOutbox
from hftlab.gateway.nats_terms import NatsTerms
from hftlab.gateway.published_source import check_publishable, paper_traded
from hftlab.gateway.subjects import DEFAULT_CLUSTER, Subjects
from hftlab.log import get_logger
from hftlab.protocol import JSON, MarketData, Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES, PrivateMessage
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.playback import Playback
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.server.arguments import source_symbols
from hftlab.server.private_logs import private_logs
from hftlab.server.served_sources import check_unserved, claim_for, release
from hftlab.server.server_socket import ServerSocket
from hftlab.server.stream import Stream
from hftlab.server.stream_output import StreamOutput
from hftlab.source import Live, Source, Timed, undecorated
from hftlab.trading.account import AccountTerms
from hftlab.trading.brokers import broker_of
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.recorded_venue import Fills
from hftlab.trading.traded_source import TradedSource
from hftlab.version import __version__

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient
    from nats.aio.msg import Msg

__all__ = ["BEAT", "PublisherNode"]

BEAT: Final = 0.5
"""Seconds between signs of life."""
_OTHERS: Final = 0.3
"""Seconds that other publishers have to say who they are."""
_PATIENCE: Final = 5.0
"""Seconds in which NATS has to be reached at the start."""

_log = get_logger("hftlab.gateway")


class PublisherNode:
    """Publishes one source to the gateways of a cluster, over NATS; an asynchronous context manager.

    It streams `source` on its clock as a Server does, and has the state of its market, its broker and the accounts'
    private logs: gateways have copies at most. A source that can be traded, such as the simulated exchange, or any with
    `fills`, takes the orders of all gateways; with `orders=False` it is published as market data alone. Each symbol of
    a `cluster` has one publisher, and one publisher of a cluster takes orders. A recorded source starts when the
    node does, and is played like a live market: clients cannot control it.

    Raises ArgumentError for what cannot be published; start() raises ConnectionFailed where NATS cannot be reached,
    and HftlabError where JetStream is off, or another publisher has the symbols or the orders.
    """

    def __init__(
        self,
        source: Source[Message],
        nats: NatsTerms | None = None,
        *,
        cluster: str = DEFAULT_CLUSTER,
        orders: bool = True,
        accounts: Mapping[str, AccountTerms] | None = None,
        fills: Fills | None = None,
    ) -> None:
        self.nats = NatsTerms() if nats is None else nats
        self._subjects = Subjects(cluster)
        check_publishable(source, fills)
        check_unserved(source)
        if fills is not None:
            source, accounts = paper_traded(source, fills, accounts), None
        self.source = source
        self.broker = broker_of(source, accounts) if orders or accounts is not None else None
        """Broker of the accounts; None where nothing is traded."""
        if self.broker is None or isinstance(source, PaperSource):
            self._playback = Playback(source)
        else:
            self._playback = Playback(TradedSource(source, self.broker))
        self._accounts: Accounts[ServerSocket] = private_logs(self.broker)
        symbols = source_symbols(source) or []
        self._publisher: Publisher[ServerSocket] = Publisher(
            session="", limits=ServerLimits().to_wire(), accounts=Accounts("", most_messages=1)
        )
        """Publisher without clients, which takes what the stream has for them."""
        self._stream = Stream(StreamOutput(self._playback, self._publisher, _drain, nullcontext), self.broker)
        self._stream.taps.append(self._publish)
        self._stream.moved_taps.append(self._begin_anew)
        self.announcement = Announcement(
            run=uuid.uuid4().hex[:12],
            source=source.name,
            started_at=wall_time(),
            symbols=symbols,
            session=None if self.broker is None else self._accounts.session,
            wire=WIRE,
            version=__version__,
        )
        self._market = MarketOutbox(self._subjects, self.announcement.run, symbols)
        self._stream.notice_taps.append(self._market.put_notice)
        self._told = AccountOutbox(self._subjects, self.announcement.run, self._accounts.session)
        self._requests = AccountRequests(self._stream, self._accounts, self._told)
        self._client: NatsClient | None = None
        self._orders: StreamReader | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._problem: str | None = None
        self._denied: str | None = None
        """Sentence that says what NATS does not permit, if there is something."""
        self._others: dict[str, Announcement] = {}
        self.replaced_by: Announcement | None = None
        """Publisher that was started later and has taken over symbols of this one, which has stopped then."""
        self.ended = asyncio.Event()
        """Set when it has stopped, for whatever reason."""
        self._home = Home()

    # --- life ---

    async def start(self) -> Self:
        """Connect to NATS and start streaming."""
        claim_for(self.source, lambda: f"the publisher of {self._subjects.cluster!r}", "await publisher.stop()")
        try:
            self._client = await self.nats.connect(
                f"hftlab publisher {self.source.name}",
                told=self._connection_changed,
                denied=self._is_denied,
                returned=self._returned,
                patience=_PATIENCE,
            )
            await self._join(self._client)
        except BaseException:
            release(self.source)
            if self._client is not None:
                await self._client.close()
            raise
        self.ended.clear()
        if self._playback.is_recorded:
            self._stream.begin()
        runs = [self._stream.run(), self._market.send(self._client), self._beat()]
        if self.broker is not None:
            runs.append(self._told.run(self._client.jetstream()))
        self._tasks = [asyncio.create_task(run, name=f"hftlab publisher {self.source.name}") for run in runs]
        _log.info("publishing", source=self.source.name, nats=self.nats.shown, symbols=len(self.announcement.symbols))
        return self

    async def _join(self, client: NatsClient) -> None:
        """Make sure that nobody else has the symbols, and listen to gateways."""
        subjects, run = self._subjects, self.announcement.run
        if (size := len(encode(self.announcement))) > client.max_payload:
            raise HftlabError(
                f"the names of {len(self.announcement.symbols):,} symbols are {size:,} bytes, and NATS at "
                f"{self.nats.shown} takes {client.max_payload:,}: raise max_payload there, or divide the symbols among "
                "several publishers"
            )
        await self._find_others(client)
        if self.broker is not None:
            js = client.jetstream()
            await open_streams(js, subjects, self.nats.shown)
            if not any(self._accounts.sequence(name) for name in self.broker.accounts):
                await purge_accounts(js, subjects)
            self._orders = StreamReader(
                js, subjects.order_stream, f"{subjects.orders}.*", self._take_request, only_new=True
            )
            await self._orders.start()
        await client.subscribe(subjects.hello, cb=self._introduce)
        await client.subscribe(subjects.announcement(run), cb=self._introduce)
        await client.subscribe(subjects.snapshots(run), cb=self._snapshots)
        await client.subscribe(subjects.gateways, cb=self._hear_gateway)
        await client.subscribe(subjects.beats, cb=self._hear_publisher)
        await client.flush()
        if self._denied is not None:
            raise HftlabError(self._denied)

    async def _find_others(self, client: NatsClient) -> None:
        inbox, newest = client.new_inbox(), 0

        async def found(message: Msg) -> None:
            nonlocal newest
            if message.data:  # without, NATS says that nobody is there
                other: Announcement = decode_announcement(message.data)
                newest = max(newest, other.started_at)
                if other.symbols:
                    self._others[other.run] = other

        subscription = await client.subscribe(inbox, cb=found)
        await client.publish(self._subjects.hello, reply=inbox)
        await client.publish(self._subjects.newest, reply=inbox)
        await asyncio.sleep(_OTHERS)
        await subscription.unsubscribe()
        # Clocks of machines differ, and the one before may have died with one that was ahead.
        self.announcement.started_at = max(wall_time(), newest + 1)
        for other in self._others.values():
            if (said := self._conflict(other)) is not None:
                raise HftlabError(said)

    def _conflict(self, other: Announcement) -> str | None:
        """Say what another publisher has that this one wants as well; None if they get along."""
        both = [name for name in self.announcement.symbols if name in set(other.symbols)]
        cluster = self._subjects.cluster
        if both:
            return (
                f"{', '.join(both[:5])}{', ...' if len(both) > 5 else ''}: the cluster {cluster!r} has a publisher of "
                f"that already ({other.source}): stop that one, or give this one another --cluster"
            )
        if self.broker is not None and other.session is not None:
            return (
                f"the cluster {cluster!r} has a publisher that takes orders already ({other.source}): publish market "
                "data alone (--no-orders), or give this one another --cluster"
            )
        return None

    async def stop(self) -> None:
        """End streaming; gateways tell their clients that nothing comes any more."""
        if not self._tasks or not self._home.is_here:
            return
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert self._client is not None
        with suppress(Exception):  # NATS may be gone
            await asyncio.wait_for(self._client.close(), 1.0)
        release(self.source)
        self.ended.set()
        _log.info("stopped", source=self.source.name)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        state = "running" if self._tasks else "stopped"
        return f"PublisherNode({self.source.name!r}, {self.nats.shown}, cluster {self._subjects.cluster!r}, {state})"

    # --- how it goes ---

    @property
    def problem(self) -> str | None:
        """Sentence that says what is wrong: with NATS, the source, or another publisher; None if nothing is."""
        if self.replaced_by is not None:
            return f"another publisher of its symbols was started ({self.replaced_by.source}): this one has stopped"
        if self._playback.failure is not None:
            return f"the source {self.source.name!r} has failed ({self._playback.failure}): start the publisher again"
        source = undecorated(self.source)
        of_source = source.problem if isinstance(source, Live) else None
        if self._playback.is_ended:
            of_source = f"the recording {self.source.name!r} has ended: start its publisher again, or loop it"
        return self._problem or self._denied or self._told.problem or of_source

    def stats(self) -> dict[str, Any]:
        """Return counts since the start, and what is true now."""
        return {
            "published": self._publisher.published,
            "sent": self._market.sent,
            "dropped": self._market.dropped + self._told.dropped,
            "stored": self._told.stored,
            "waiting": len(self._told),
            "invalid": self._stream.invalid,
            "gateways": self._requests.gateways,
            "lag_seconds": self._stream.lag(),
            "problem": self.problem,
        }

    def _is_denied(self, what: str) -> None:
        self._denied = what

    def _connection_changed(self, problem: str | None) -> None:
        self._problem, self._denied = problem, None
        if problem is None:
            # Gateways may come back later than we do: nobody is gone because nobody could be heard.
            self._requests.listen_anew(time.monotonic())

    async def _returned(self) -> None:
        """Go on reading requests behind a new connection; NATS may have lost the streams meanwhile."""
        client, orders = self._client, self._orders
        if client is None or orders is None:
            return
        while client.is_connected:
            try:
                await open_streams(client.jetstream(), self._subjects, self.nats.shown)
            except HftlabError as exc:  # JetStream takes longer to be there again than NATS
                self._problem = str(exc)
                await asyncio.sleep(BEAT)
            else:
                self._problem = None
                await orders.restart()
                return

    # --- the stream ---

    def _publish(self, item: Timed[Any]) -> None:
        """Pass on what is streamed. What cannot be passed on ends the stream, as it does that of a server."""
        try:
            self._pass_on(item)
        except Exception as exc:
            _log.error("a message cannot be published", exc_info=exc)
            self._playback.fail(exc)

    def _pass_on(self, item: Timed[Any]) -> None:
        message = item.message
        if isinstance(message, PRIVATE_MESSAGES):
            if self.broker is not None and item.account is not None:
                self._tell(item.account, message, item.at)
            return
        received = to_milliseconds(item.at)
        if type(message) is MarketData and self._playback.is_recorded and message.ts_recv is None and received > 0:
            message = msgspec.structs.replace(message, ts_recv=received)
        self._market.put(message)

    def _begin_anew(self) -> None:
        """Pass on that a recording goes on at another time, and the state of its market there."""
        reason = f"the recording goes on at {in_words(self._playback.position)}"
        self._market.begin_anew(reason, self._publisher.copied_state())

    def _tell(self, account: str, message: PrivateMessage, at: int) -> None:
        if not message.snapshot:
            numbered, _ = self._accounts.add(account, message, at)
            payload = JSON.encode(numbered)
            self._told.put(account, MessageRecord(msgspec.Raw(payload)), len(payload))
            return
        header = f"{self._accounts.session} {self._accounts.sequence(account)}"
        self._market.put_mark(account, JSON.encode(message), header)

    async def _beat(self) -> None:
        """Show that this publisher lives, and look for gateways that do not."""
        is_told = False
        beaten_at = time.monotonic()
        while True:
            if time.monotonic() - beaten_at > 2 * BEAT:  # it was this process that could hear nobody
                self._requests.listen_anew(time.monotonic())
            beaten_at = time.monotonic()
            if self._playback.failure is not None and not is_told:
                is_told = True
                self._market.put_failure(f"the source has failed: {self._playback.failure}")
            self._market.put_beat(self.problem, self._told.problem)
            self._requests.tick(time.monotonic())
            await asyncio.sleep(BEAT)

    # --- gateways ---

    async def _introduce(self, message: Msg) -> None:
        if message.reply:
            assert self._client is not None
            await self._client.publish(message.reply, encode(self.announcement))

    async def _snapshots(self, message: Msg) -> None:
        if message.reply:
            names = msgspec.json.decode(message.data, type=list[str])
            self._market.put_snapshots(names, message.reply)

    async def _hear_gateway(self, message: Msg) -> None:
        self._requests.hear(decode_gateway_beat(message.data), time.monotonic())

    def _take_request(self, message: Msg) -> None:
        self._requests.take(message.subject, message.data, time.monotonic())

    async def _hear_publisher(self, message: Msg) -> None:
        """Notice a publisher that was started later: one that could not be asked, or that could not ask this one."""
        run = decode_beat(message.data).run
        if run == self.announcement.run or run in self._others or self._client is None:
            return
        self._others[run] = self.announcement  # not asked twice at a time
        try:
            answer = await self._client.request(self._subjects.announcement(run), timeout=SILENCE)
            other = self._others[run] = decode_announcement(answer.data)
        except Exception:  # it does not answer, or the connection has just been lost
            del self._others[run]  # and is asked again at its next sign of life
            return
        if other.is_later_than(self.announcement) and self._conflict(other) is not None:
            self.replaced_by = other
            _log.error("replaced", by=other.source, run=other.run)
            self._stopping = asyncio.create_task(self.stop())


def _drain(deliveries: Any, _: float) -> None:
    """Take what the publisher has for clients, of which it has none."""
    for _delivery in deliveries:
        raise AssertionError("a publisher node has no clients of its own")
