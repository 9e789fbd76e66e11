"""Link to some of a venue's streams: a connection that is made again when it ends, or replaced before it does."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed
from hftlab.feeds.arrivals import Arrival, Frame, Lost, Subscribed
from hftlab.feeds.stream_socket import StreamSocket, open_stream
from hftlab.log import get_logger
from hftlab.transport.backoff import Backoff

__all__ = ["LinkCounts", "LinkTerms", "StreamLink"]

R = TypeVar("R")

_log = get_logger("hftlab.feeds")


@dataclass(frozen=True)
class LinkTerms:
    """Times of a link in seconds, and the requests that it may send a second.

    A connection is replaced after `renew_after`, unless that is None. For `overlap` seconds two go on beside each other
    then: what is on its way on the old one comes on either.
    """

    renew_after: float | None
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


class StreamLink(ABC):
    """Link to the streams of some symbols: run() keeps it up until it is cancelled.

    `tell` gets what comes, also from two connections at once while one replaces the other. A venue's link says how a
    connection is made and subscribed, what a message is, and how a silent one is probed.
    """

    def __init__(
        self,
        url: str,
        symbols: Sequence[str],
        terms: LinkTerms,
        counts: LinkCounts,
        tell: Callable[[Arrival], None],
    ) -> None:
        self.symbols = tuple(symbols)
        self.problem: str | None = None
        """Sentence that says why there is no connection, or what is wrong with it; None if nothing is."""
        self._url, self._terms, self._counts, self._tell = url, terms, counts, tell
        self._open: list[StreamSocket] = []
        """Connections whose streams have been granted, and that have not ended."""
        self._connecting: set[StreamSocket] = set()
        self._renew = asyncio.Event()
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
            for socket in [*self._open, *self._connecting]:
                socket.leave()
            self._open.clear()

    async def _run(self) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._delay(attempt))
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
        self._tell(Subscribed(wall_time(), self.symbols, self._url))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a part of a connection has failed", url=self._url, exc_info=error)

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
            silence = loop.time() - self._heard(socket)
            if silence >= patience:
                self._give_up(socket, "nothing was heard any more")
            elif silence >= patience / 2:
                self._probe(socket)
            with suppress(TimeoutError):
                await asyncio.wait_for(socket.ended.wait(), patience / 4)
        self._pass_on(self._retired(socket))
        self._open.remove(socket)
        _log.info("a connection to the venue has ended", url=self._url, reason=socket.end_reason)
        if not self._open:
            reason = f"disconnected: {socket.end_reason}"
            at = max(wall_time(), socket.heard_at)
            self._tell(Lost(at, self.symbols, self._url, reason, socket.heard_at))

    def _give_up(self, socket: StreamSocket, reason: str) -> None:
        self._counts.stalls += 1
        socket.given_up = reason
        socket.leave()

    async def _retire(self, socket: StreamSocket) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(socket.ended.wait(), self._terms.overlap)
        socket.leave()
        self._pass_on(self._retired(socket))

    def _pass_on(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._tell(frame)

    # --- one connection ---

    async def _connected(self) -> StreamSocket:
        """Connect and subscribe. Raises ConnectionFailed."""
        socket = await open_stream(self._address(), self._take, self._terms.timeout)
        self._connecting.add(socket)
        try:
            await self._subscribe(socket)
        except BaseException:
            socket.leave()
            self._pass_on(self._retired(socket))
            raise
        finally:
            self._connecting.discard(socket)
        return socket

    async def _answer(self, socket: StreamSocket, answers: asyncio.Queue[R]) -> R:
        """Return the next answer to a request. Raises ConnectionFailed if none comes in time."""
        ended = asyncio.ensure_future(socket.ended.wait())
        answer = asyncio.ensure_future(answers.get())
        try:
            await asyncio.wait((answer, ended), timeout=self._terms.timeout, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            reason = socket.end_reason if ended.done() else f"no answer in {self._terms.timeout:g} s"
            raise ConnectionFailed(f"{self._url} did not grant the streams ({reason}): it is tried again")
        finally:
            answer.cancel()
            ended.cancel()

    # --- what a venue's link says ---

    @abstractmethod
    async def _subscribe(self, socket: StreamSocket) -> None:
        """Ask a new connection for the streams, and wait until it grants them. Raises ConnectionFailed."""

    @abstractmethod
    def _take(self, socket: StreamSocket, payload: bytes, at: int) -> None:
        """Take a message that was received at `at` (ns); it must not raise."""

    def _address(self) -> str:
        """Return the address to connect to."""
        return self._url

    def _delay(self, attempt: int) -> float:
        """Return the seconds to wait before a try to connect, counted from 0."""
        return self._terms.backoff.delay(attempt)

    def _heard(self, socket: StreamSocket) -> float:
        """Return the loop's time at which a connection has shown last that the streams come."""
        return socket.heard

    def _probe(self, socket: StreamSocket) -> None:
        """Ask a silent connection whether it is there."""
        socket.probe()

    def _retired(self, socket: StreamSocket) -> Iterable[Frame]:  # noqa: ARG002 - a link that overlaps has some
        """Return the frames that have waited for the end of a connection."""
        return ()
