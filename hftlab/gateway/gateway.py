"""A gateway: serves the protocol to clients, fed over NATS by the publishers of a cluster."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from hftlab.clock import wall_time
from hftlab.forking import Home
from hftlab.gateway.account_copy import AccountCopy
from hftlab.gateway.announcement import (
    Announcement,
    GatewayBeat,
    decode_announcement,
    decode_beat,
    decode_notice,
    encode,
)
from hftlab.gateway.gateway_source import GatewaySource
from hftlab.gateway.market_feed import MarketFeed
from hftlab.gateway.market_frame import HEADER, MarketFrame
from hftlab.gateway.nats_terms import NatsTerms
from hftlab.gateway.publisher_node import BEAT
from hftlab.gateway.publisher_reports import PublisherReports
from hftlab.gateway.refresh_tokens import RefreshTokens
from hftlab.gateway.remote_accounts import RemoteAccounts
from hftlab.gateway.subjects import DEFAULT_CLUSTER, Subjects, name_of
from hftlab.log import get_logger
from hftlab.port import DEFAULT_PORT
from hftlab.protocol.publishing.authentication import AuthMode
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.server import Server

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient
    from nats.aio.msg import Msg

__all__ = ["Gateway"]

_TICK: Final = 0.1
_START: Final = 2.0
"""Seconds in which a gateway hopes to be ready when start() returns; if it is not, /ready says why."""
_AGAIN: Final = 1.0
"""Seconds between two questions to a publisher: who it is, or what its accounts have been told."""
_ASKED: Final = 500
"""Symbols in one request for snapshots."""
_MOST_MESSAGES: Final = 1 << 16
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Messages and bytes that may wait for a slow gateway; those beyond are dropped, and declared by a GAP."""

_log = get_logger("hftlab.gateway")


class Gateway:
    """Server of a cluster's clients; an asynchronous context manager. `server` is the hftlab.server.Server.

    It has what comes over NATS from the publishers of `cluster`, and nothing that another gateway, or itself after a
    restart, would not have: clients may move from one to another at any time. It listens at once, and refuses clients
    with 503 until it is in step with the publishers, and while NATS cannot be reached; /ready says why. All gateways
    need the same `key`, or clients on other machines cannot sign in; a `local_key` is left for clients of the same user
    on this machine as well. Other arguments are the Server's.
    """

    def __init__(
        self,
        nats: NatsTerms | None = None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        cluster: str = DEFAULT_CLUSTER,
        limits: ServerLimits | None = None,
        auth: AuthMode = "public",
        key: bytes | str | None = None,
        local_key: bytes | None = None,
        origins: Sequence[str] = (),
        hosts: Sequence[str] = (),
        ssl: SSLContext | None = None,
    ) -> None:
        self.nats = NatsTerms() if nats is None else nats
        self.name = uuid.uuid4().hex[:12]
        self._subjects = Subjects(cluster)
        self._feed = MarketFeed()
        self._accounts = RemoteAccounts(self.name, self._subjects, time.monotonic)
        self._accounts.can_ask = self._why_not_asked
        self._source = GatewaySource(f"cluster {cluster}", self._feed, self._accounts)
        self._accounts.source = self._source
        self.server = Server(
            self._source, host, port, limits=limits, auth=auth, key=key, origins=origins, hosts=hosts, ssl=ssl
        )
        if key is None and local_key is not None:
            self.server.use_local_key(local_key)
        self._accounts.begin_session = self.server.begin_session
        self.server.unready = self._unready
        self.server.share_tokens(lambda key: RefreshTokens(self._subjects, key, lambda: self._client))
        self.server.problems["cluster"] = self._why_not_whole
        self.server.counters.update(
            lost=(lambda: self._feed.lost, "Messages lost between publishers and this gateway"),
            strays=(lambda: self._feed.strays, "Messages of publishers that others have replaced"),
            unanswered=(lambda: self._accounts.unanswered, "Requests that the publisher has not answered in time"),
        )
        self._client: NatsClient | None = None
        self._problem: str | None = f"NATS at {self.nats.shown} has not been reached yet"
        self._denied: str | None = None
        """Sentence that says what NATS does not permit, if there is something."""
        self._reports = PublisherReports(self._feed)
        self._copy = AccountCopy(self._subjects, self._feed, self._accounts)
        self._has_begun = False
        """True if it has been in step with all publishers."""
        self._asked: dict[str, float] = {}
        """By run of a publisher that is not known: the monotonic time at which it was asked who it is."""
        self._tasks: list[asyncio.Task[None]] = []
        self._home = Home()

    # --- life ---

    @property
    def url(self) -> str:
        """The address for clients."""
        return self.server.url

    async def start(self) -> Self:
        """Listen, and connect to NATS for as long as it takes; returns when it is ready, or 2 s later."""
        connecting = asyncio.create_task(self._connect(), name="hftlab gateway connects")
        self._tasks = [connecting, asyncio.create_task(self._watch(), name="hftlab gateway watches")]
        try:
            await self.server.start()
            deadline = time.monotonic() + _START
            while self._unready() is not None and time.monotonic() < deadline and not _has_failed(connecting):
                await asyncio.sleep(0.01)
            if _has_failed(connecting):
                await connecting
        except BaseException:  # such as a port that is in use
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Stop serving; orders of connections that asked for it are cancelled."""
        if not self._home.is_here:
            return
        tasks, self._tasks = self._tasks, []
        await self.server.stop()
        client, self._client = self._client, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if client is not None:
            with suppress(Exception):  # NATS may be gone
                if client.is_connected:
                    await client.publish(self._subjects.gateways, encode(GatewayBeat(self.name, is_leaving=True)))
                await asyncio.wait_for(client.close(), 1.0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"Gateway({self.url!r}, {self.nats.shown}, {self._unready() or 'ready'})"

    def stats(self) -> dict[str, Any]:
        """Return the server's counts, and `lost` messages, `strays` of a replaced publisher, and `unanswered` requests.

        See hftlab.server.Server.stats. /metrics has them all.
        """
        return self.server.stats()

    # --- how it goes ---

    def _unready(self) -> str | None:
        """Say why no new clients can be served."""
        reason = self._why_unready()
        return self._denied if reason is not None and self._problem is None and self._denied else reason

    def _why_unready(self) -> str | None:
        if self._problem is not None:
            return self._problem
        if not self._feed.publishers:
            if foreign := self._reports.foreign(time.monotonic()):
                return foreign[0]
            return (
                f"no publisher of the cluster {self._subjects.cluster!r} is heard: start `hftlab publish`, and give "
                "both the same --nats and --cluster"
            )
        if self._feed.is_silent:
            return f"no publisher is heard any more, the last was that of {self._feed.silent[-1].source!r}"
        if (problem := self._copy.problem) is not None:
            return problem
        if self._has_begun:
            return None
        behind = self._feed.out_of_step()
        return f"waiting for the state of {', '.join(behind[:5])}" if behind else None

    def _why_not_whole(self) -> str | None:
        """Say what is wrong with a part of the cluster."""
        denied = [] if self._denied is None else [self._denied]
        return "; ".join([*denied, *self._reports.problems(time.monotonic())]) or None

    def _why_not_asked(self) -> str | None:
        if self._problem is not None:
            return self._problem
        trading = self._copy.publisher
        if trading is None:
            return None
        if any(one.run == trading.run for one in self._feed.silent):
            return f"the publisher of {trading.source!r} is not heard at present"
        if not self._feed.owns(trading.run):
            return f"the publisher of {trading.source!r} was replaced by one that takes no orders"
        return self._reports.untold(trading.run)

    # --- NATS ---

    async def _connect(self) -> None:
        """Connect, listen to publishers, and send what accounts ask for, until it is cancelled."""
        subjects = self._subjects
        client = await self.nats.connect(
            f"hftlab gateway {self.server.url}",
            told=self._connection_changed,
            denied=self._is_denied,
            returned=self._returned,
        )
        self._client = client
        most: dict[str, Any] = {"pending_msgs_limit": _MOST_MESSAGES, "pending_bytes_limit": _MOST_BYTES}
        await client.subscribe(f"{subjects.market}.>", cb=self._take_market, **most)
        await client.subscribe(f"{subjects.to(self.name)}.>", cb=self._take_snapshot, **most)
        await client.subscribe(f"{subjects.marks}.*", cb=self._take_mark, **most)
        await client.subscribe(subjects.announcement(self.name), cb=self._take_announcement)
        await client.subscribe(subjects.newest, cb=self._tell_newest)
        await client.flush()
        await self._ask_who()
        await self._accounts.run(client)

    def _connection_changed(self, problem: str | None) -> None:
        was_connected, self._problem, self._denied = self._problem is None, problem, None
        if problem is not None and was_connected:
            self._feed.interrupt(self._feed.symbols, "the gateway has lost its connection to NATS")
            self._pass_on()

    def _is_denied(self, what: str) -> None:
        self._denied = what

    async def _returned(self) -> None:
        """Go on behind a new connection."""
        await self._ask_who()
        await self._request_snapshots()
        await self._copy.restart()

    async def _ask_who(self) -> None:
        """Ask all publishers who they are."""
        if self._client is not None:
            await self._client.publish(self._subjects.hello, reply=self._subjects.announcement(self.name))

    async def _tell_newest(self, message: Msg) -> None:
        """Tell a publisher that starts when the newest was started, which may be dead: it is to be later."""
        known = [one.started_at for one in self._feed.publishers.values()]
        if known and message.reply and self._client is not None:
            await self._client.publish(message.reply, encode(Announcement("", "", max(known), [])))

    async def _take_announcement(self, message: Msg) -> None:
        if not message.data:  # NATS says that nobody is there
            return
        publisher = decode_announcement(message.data)
        self._asked.pop(publisher.run, None)
        if self._reports.is_foreign(publisher, time.monotonic()):
            return
        if self._feed.announce(publisher, time.monotonic()):
            _log.info("publisher", source=publisher.source, run=publisher.run, symbols=len(publisher.symbols))
            self.server.offer(self._feed.symbols)
            self._pass_on()
            await self._request_snapshots()
        assert self._client is not None
        try:
            await self._copy.follow(publisher, self._client)
        except Exception as exc:  # of the library, whose types are many
            _log.warning("the accounts of a publisher cannot be read: trying again", reason=repr(exc))

    async def _take_market(self, message: Msg) -> None:
        subject = message.subject
        if subject == self._subjects.beats:
            await self._take_beat(message.data)
            return
        if subject == self._subjects.notices:
            self._take_notice(message.data)
            return
        if (frame := self._frame_of(message)) is not None:
            self._feed.receive(name_of(subject), frame)
            self._pass_on()

    async def _take_snapshot(self, message: Msg) -> None:
        if (frame := self._frame_of(message)) is not None:
            self._feed.snapshot(name_of(message.subject), frame)
            self._pass_on()

    def _frame_of(self, message: Msg) -> MarketFrame | None:
        """Take a message apart; None, and a report, if it cannot be read."""
        header = (message.headers or {}).get(HEADER)
        if header is None:
            return None
        try:
            return MarketFrame.of(header, message.data)
        except ValueError as exc:
            self._reports.cannot_read(header, exc, time.monotonic())
            return None

    async def _take_beat(self, data: bytes) -> None:
        beat = decode_beat(data)
        if self._reports.hears_foreign(beat.run, time.monotonic()):
            return
        if not self._feed.knows(beat.run):
            now = time.monotonic()
            if self._client is not None and now - self._asked.get(beat.run, float("-inf")) >= _AGAIN:
                self._asked[beat.run] = now
                reply = self._subjects.announcement(self.name)
                await self._client.publish(self._subjects.announcement(beat.run), reply=reply)
            return
        self._reports.take(beat)
        was_silent = any(one.run == beat.run for one in self._feed.silent)
        self._feed.beat(beat.run, beat.sequences, time.monotonic())
        self._pass_on()
        if was_silent and self._copy.takes_orders_of(beat.run):
            self.server.ask_missing_states()

    def _take_notice(self, data: bytes) -> None:
        notice = decode_notice(data)
        if self._feed.owns(notice.run):
            self._source.call(lambda: self.server.notify(notice.error))

    async def _take_mark(self, message: Msg) -> None:
        if message.headers is not None:
            self._accounts.take_mark(name_of(message.subject), message.headers[HEADER], message.data)

    def _pass_on(self) -> None:
        if self._feed.items:
            self._source.put(self._feed.take())

    # --- time ---

    async def _watch(self) -> None:
        """Look for what has not come, and show that this gateway lives."""
        beaten_at = asked_at = 0.0
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            if now - before > BEAT:  # it was this process that could hear nobody
                self._feed.listen_anew(now)
            if self._copy.has_caught_up():  # behind all records so far
                self._source.call(self.server.ask_missing_states)
            self._has_begun = self._has_begun or (self._feed.is_complete and bool(self._feed.publishers))
            self._feed.flush_stalled()
            if self._problem is None:
                if self._feed.tick(now):
                    self.server.offer(self._feed.symbols)
                await self._request_snapshots()
            self._pass_on()
            self._accounts.tick()
            if now - asked_at > _AGAIN and self._copy.lacks_publisher():
                asked_at = now
                with suppress(Exception):  # there is no connection
                    await self._ask_who()
            if now - beaten_at >= BEAT and self._client is not None and self._client.is_connected:
                beaten_at = now
                with suppress(Exception):  # the connection has just been lost
                    await self._client.publish(
                        self._subjects.gateways, encode(GatewayBeat(self.name, sent_at=wall_time()))
                    )

    async def _request_snapshots(self) -> None:
        client = self._client
        if client is None or not client.is_connected:
            return
        reply = self._subjects.to(self.name)
        for run, names in self._feed.wanted(time.monotonic()).items():
            for first in range(0, len(names), _ASKED):
                asked = msgspec.json.encode(names[first : first + _ASKED])
                with suppress(Exception):  # the connection has just been lost; it is asked again
                    await client.publish(self._subjects.snapshots(run), asked, reply=reply)


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
