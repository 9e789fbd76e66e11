"""Link to some of a market's streams: a connection that is replaced before it ends, and one that overlaps meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed
from hftlab.feeds.binance.arrivals import Arrival, Frame, Lost, Subscribed
from hftlab.feeds.binance.handover import Handover
from hftlab.feeds.binance.stream_socket import StreamSocket, open_stream
from hftlab.feeds.binance.streams import Subscription
from hftlab.log import get_logger
from hftlab.transport.backoff import Backoff

__all__ = ["LinkCounts", "LinkTerms", "StreamLink"]

_STREAM: Final = b'{"stream"'
_SHUTDOWN: Final = b'"serverShutdown"'
_HEAD: Final = 200
"""Bytes in which the name of an event is."""

_log = get_logger("hftlab.feeds")


class _Reply(msgspec.Struct):
    """Answer to a request; `id` is missing of anything else."""

    id: int | None = None
    error: msgspec.Raw | None = None
    code: int | None = None
    msg: str | None = None


_reply: Final = msgspec.json.Decoder(_Reply)


@dataclass(frozen=True)
class LinkTerms:
    """Times of a link in seconds, and the requests that it may send a second.

    For `overlap` seconds two connections go on beside each other: what is on its way on the old one comes on either.
    """

    renew_after: float
    overlap: float
    stall_after: float
    timeout: float
    requests_per_second: float
    backoff: Backoff


@dataclass
class LinkCounts:
    """Counts of all links of a feed."""

    connections: int = 0
    reconnects: int = 0
    """Connections that were made because the one before had ended."""
    renewals: int = 0
    """Connections that have replaced one that had not ended yet."""
    stalls: int = 0
    failures: int = 0
    """Attempts to connect that have failed."""


class StreamLink:
    """Link to the streams of a subscription: run() keeps it up until it is cancelled.

    `tell` gets what comes, also from two connections at once while one replaces the other.
    """

    def __init__(
        self,
        url: str,
        subscription: Subscription,
        terms: LinkTerms,
        counts: LinkCounts,
        tell: Callable[[Arrival], None],
    ) -> None:
        self.subscription = subscription
        self.problem: str | None = None
        """Why there is no connection; None if there is one."""
        self._url, self._terms, self._counts, self._tell = url, terms, counts, tell
        self._open: list[StreamSocket] = []
        """Connections whose streams have been granted, and that have not ended."""
        self._replies: dict[StreamSocket, asyncio.Queue[_Reply]] = {}
        self._renew = asyncio.Event()
        self._handover: Handover[StreamSocket] = Handover()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """True if the streams come."""
        return bool(self._open)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        try:
            await self._run()
        finally:
            for task in self._tasks:
                task.cancel()
            for socket in [*self._open, *self._replies]:
                socket.leave()
            self._open.clear()

    async def _run(self) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._terms.backoff.delay(attempt))
            had_connection = self.is_up
            try:
                socket = await self._connected()
            except ConnectionFailed as exc:
                attempt += 1
                self._counts.failures += 1
                self.problem = str(exc)
                _log.warning("a connection to the venue could not be made", reason=str(exc), attempt=attempt)
                continue
            self.problem = None
            began = loop.time()
            self._took_over(socket, had_connection=had_connection)
            await self._until_over(socket)
            # The venue counts connections: one that ends soon is a failed try, so that there are not too many.
            attempt = 0 if loop.time() - began >= self._terms.backoff.limit else attempt + 1

    def _took_over(self, socket: StreamSocket, *, had_connection: bool) -> None:
        counts = self._counts
        counts.renewals += had_connection
        counts.reconnects += not had_connection and counts.connections > 0
        counts.connections += 1
        self._renew.clear()
        old, self._open = self._open, [*self._open, socket]
        self._start(self._watch(socket))
        for one in old:
            self._start(self._retire(one))
        self._tell(Subscribed(wall_time(), self.subscription.symbols, self._url))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_over(self, socket: StreamSocket) -> None:
        """Wait until the connection has ended, or another one is to take its place."""
        waits = [asyncio.ensure_future(socket.ended.wait()), asyncio.ensure_future(self._renew.wait())]
        try:
            await asyncio.wait(waits, timeout=self._terms.renew_after, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _watch(self, socket: StreamSocket) -> None:
        """Give up a connection of which nothing is heard, and tell of its end if there is no other."""
        loop, patience = asyncio.get_running_loop(), self._terms.stall_after
        while not socket.ended.is_set():
            silence = loop.time() - socket.heard
            if silence >= patience:
                socket.stalled = True
                self._counts.stalls += 1
                socket.leave()
            elif silence >= patience / 2:
                socket.probe()
            with suppress(TimeoutError):
                await asyncio.wait_for(socket.ended.wait(), patience / 4)
        self._pass_on(self._handover.retire(socket))
        self._open.remove(socket)
        _log.info("a connection to the venue has ended", url=self._url, reason=socket.end_reason)
        if not self._open:
            reason = f"disconnected: {socket.end_reason}"
            at = max(wall_time(), socket.heard_at)
            self._tell(Lost(at, self.subscription.symbols, self._url, reason, socket.heard_at))

    async def _retire(self, socket: StreamSocket) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(socket.ended.wait(), self._terms.overlap)
        socket.leave()
        self._pass_on(self._handover.retire(socket))

    def _pass_on(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._tell(frame)

    # --- one connection ---

    async def _connected(self) -> StreamSocket:
        """Connect and subscribe. Raises ConnectionFailed."""
        # A path without streams is not documented: the first one is in the address, and is asked for once more.
        url = f"{self._url}?streams={self.subscription.streams[0]}"
        socket = await open_stream(url, self._take, self._terms.timeout)
        self._handover.begin(socket)
        replies = self._replies[socket] = asyncio.Queue()
        try:
            for number, request in self.subscription.requests():
                if number > 1:
                    await asyncio.sleep(1 / self._terms.requests_per_second)
                socket.say(request)
                await self._granted(socket, replies, number)
        except BaseException:
            socket.leave()
            self._pass_on(self._handover.retire(socket))
            raise
        finally:
            del self._replies[socket]
        return socket

    async def _granted(self, socket: StreamSocket, replies: asyncio.Queue[_Reply], number: int) -> None:
        ended = asyncio.ensure_future(socket.ended.wait())
        try:
            while True:
                reply = asyncio.ensure_future(replies.get())
                await asyncio.wait((reply, ended), timeout=self._terms.timeout, return_when=asyncio.FIRST_COMPLETED)
                if not reply.done():
                    reply.cancel()
                    reason = socket.end_reason if ended.done() else f"no answer in {self._terms.timeout:g} s"
                    raise ConnectionFailed(f"{self._url} did not grant the streams ({reason}): it is tried again")
                said = reply.result()
                if said.error is not None or said.code is not None:
                    what = bytes(said.error).decode(errors="replace") if said.error is not None else f"{said.msg}"
                    raise ConnectionFailed(f"{self._url} refuses the streams ({what}): check symbols and market")
                if said.id == number:
                    return
        finally:
            ended.cancel()

    def _take(self, socket: StreamSocket, payload: bytes, at: int) -> None:
        head = payload[:_HEAD]
        if _SHUTDOWN in head:
            self._renew.set()
            return
        if not head.startswith(_STREAM):
            try:
                reply = _reply.decode(payload)
            except msgspec.DecodeError:
                reply = _Reply()
            if reply.id is not None or reply.error is not None or reply.code is not None:
                if socket in self._replies:
                    self._replies[socket].put_nowait(reply)
                return
        if not socket.has_left:
            self._pass_on(self._handover.receive(socket, payload, at))
