"""Supervision of a client's connections: the first, reconnections, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hftlab.calling import awaited
from hftlab.client.inbox import Inbox
from hftlab.client.link import Link
from hftlab.client.metrics import Metrics
from hftlab.client.reporter import Reporter
from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed, NetworkError, WireError
from hftlab.forking import Home
from hftlab.log import get_logger
from hftlab.protocol import ConnectionState
from hftlab.transport.backoff import Backoff
from hftlab.transport.recovery import Recovery

__all__ = ["Supervisor"]

_log = get_logger("hftlab.client")

_Dial = Callable[[], Awaitable[Link]]
"""Function that makes a connection; raises ConnectionFailed."""


class Supervisor:
    """Task that keeps a client connected from connect() to the end, which is reported once and ends all waits.

    CONNECTED means ready for requests: signed in, and with every subscription restored.
    """

    def __init__(
        self,
        url: str,
        dial: _Dial,
        reporter: Reporter,
        inbox: Inbox,
        metrics: Metrics,
        backoff: Backoff,
        *,
        auto_reconnect: bool,
    ) -> None:
        self.auto_reconnect = auto_reconnect
        self.backoff = backoff
        self.link: Link | None = None
        """The open connection, CONNECTED or on the way to it; None while there is none."""
        self._url, self._dial, self._reporter, self._inbox, self._metrics = url, dial, reporter, inbox, metrics
        self._home = Home()
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        """Set while CONNECTED, and when there is nothing to wait for."""
        self._end: WireError | None = _to_connect(f"not connected to {url}: call", "first")
        self._was_connected = False
        self._callers = 0
        self._attempt = 0
        """Number of the next attempt, counted from the last connection that lasted."""
        self._settled.set()

    # --- for callers ---

    def check_process(self) -> None:
        """Raise HftlabError in a forked child, where the connection is a copy of the parent's."""
        self._home.check(f"the client of {self._url}", "hl.Client(), or hl.connect() in a notebook")

    async def connect(self) -> None:
        """Begin, unless it has begun, and wait until CONNECTED. Raises the error that has ended it instead.

        Cancelling the only call that waits for the first connection ends the attempt.
        """
        self.check_process()
        while self._task is not None and self._task.cancelling():
            await asyncio.wait([self._task])
        if self._task is None:
            self._begin()
        self._callers += 1
        try:
            await self.wait_connected()
        except BaseException:
            if self._callers == 1 and not self._was_connected:
                await self.close()
            raise
        finally:
            self._callers -= 1

    async def wait_connected(self) -> None:
        """Wait until CONNECTED. Raises the error that has ended it, and NetworkError if it has not begun."""
        self.check_process()
        while not self._settled.is_set():  # it may be lost again before the waiter runs
            await self._settled.wait()
        if self._end is not None:
            raise self._end.with_traceback(None)

    async def wait_another(self, lost: Link) -> Link:
        """Wait for the connection after `lost`, which has ended. Raises the error after which there is none."""
        if self.link is lost:
            self._settled.clear()  # before the task does, which has not seen the end yet
        await self.wait_connected()
        assert self.link is not None
        return self.link

    async def close(self) -> None:
        """Close the connection, and wait until that is done."""
        task = self._task
        if task is None or not self._home.is_here:
            return
        if not task.cancelling():
            self._settled.clear()
            if self.link is not None:
                self._reporter.become(ConnectionState.DISCONNECTING)
            task.cancel()
        await asyncio.wait([task])

    async def wait_closed(self) -> None:
        """Wait until it has ended for good."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- the task ---

    def _begin(self) -> None:
        self._end, self._was_connected, self._attempt = None, False, 0
        self._settled.clear()
        self._inbox.open()
        self._reporter.become(ConnectionState.CONNECTING)
        self._task = asyncio.create_task(self._run(), name=f"hftlab client {self._url}")
        self._task.add_done_callback(self._ended)

    async def _run(self) -> None:
        """Connect, and reconnect after each loss. Raises the error that ends it."""
        failure = await self._converse(await self._dial())
        if failure is not None:
            raise failure
        recovery: Recovery | None = None
        while self.auto_reconnect:
            if not self.backoff.allows(self._attempt):
                tries = f"{self.backoff.attempts} attempts"
                connect = awaited("client.connect()")
                raise ConnectionFailed(
                    f"gave up on {self._url} after {tries}: start the server and call {connect}"
                ).advise(connect)
            try:
                link = await self._redial(recovery, failure)
            except ConnectionFailed as exc:
                failure = exc
            else:
                failure = await self._converse(link)
            recovery = None if failure is None else self._reporter.fail(failure)

    async def _redial(self, recovery: Recovery | None, failure: WireError | None) -> Link:
        """Wait as long as the last attempt's outcome asks for, and make the next."""
        attempt, self._attempt = self._attempt, self._attempt + 1
        self._reporter.become(ConnectionState.RECONNECTING, attempt + 1)
        asked = 0.0 if failure is None else failure.retry_after or 0.0
        await asyncio.sleep(asked + self.backoff.delay(attempt, recovery))
        return await self._dial()

    async def _converse(self, link: Link) -> WireError | None:
        """Use a connection to its end; returns the error if it never became ready.

        Raises the error that it has ended at for good.
        """
        self.link, protocol = link, link.protocol
        try:
            link.start()
            await link.wait_opened()
            if protocol.was_ready:
                self._connected()
            reason = await link.wait_lost()
        finally:
            await link.end()
            self.link = self._metrics.connected_at = None
            self._settled.clear()
        if protocol.failure is not None:
            raise protocol.failure
        if not protocol.was_ready:
            return _useless(protocol.end)
        if protocol.lasted >= self.backoff.base:
            self._attempt = 0
        self._reporter.lost(reason)
        return None

    def _connected(self) -> None:
        self._metrics.connected_at = wall_time()
        self._metrics.reconnection_count += self._was_connected
        self._was_connected = True
        self._reporter.become(ConnectionState.CONNECTED)
        self._settled.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Not in the task, which may have been cancelled before it has begun.
        self._task = None
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._end = _to_connect(f"the connection to {self._url} has ended: call", "again")
            if self._reporter.status is not ConnectionState.DISCONNECTED:
                self._reporter.become(ConnectionState.DISCONNECTED, "closed by the client")
        else:
            self._end = error if isinstance(error, WireError) else self._wrong(error)
            self._reporter.end(self._end)
        self._inbox.close()
        self._settled.set()

    def _wrong(self, error: BaseException) -> NetworkError:
        _log.error("client failed", url=self._url, exc_info=error)
        failure = NetworkError(
            f"the client of {self._url} has ended at an internal error ({type(error).__name__}: {error})"
        )
        failure.__cause__ = error
        return failure


def _to_connect(what: str, when: str) -> NetworkError:
    connect = awaited("client.connect()")
    return NetworkError(f"{what} {connect} {when}").advise(connect)


def _useless(end: WireError | None) -> WireError:
    if isinstance(end, NetworkError):
        return ConnectionFailed(f"the connection ended before it was ready ({end})")
    assert end is not None
    return end
