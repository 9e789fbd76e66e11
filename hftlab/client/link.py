"""One open connection of a client: a socket with a ClientProtocol on it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from websockets.frames import Opcode

from hftlab.client.authentication import Authenticator
from hftlab.client.client_socket import OnMessage
from hftlab.client.metrics import Metrics
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import Reporter
from hftlab.clock import wall_time
from hftlab.errors import NetworkError, WireError
from hftlab.log import get_logger
from hftlab.protocol import Codec, Message
from hftlab.protocol.subscribing.client_events import (
    Answered,
    ClientEvent,
    Disconnect,
    ErrorOccurred,
    Ready,
    Received,
    TokenNeeded,
    Undecoded,
)
from hftlab.protocol.subscribing.client_protocol import ClientProtocol
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.request_queue import Request

__all__ = ["Link", "Socket"]

_log = get_logger("hftlab.client")


class Socket(Protocol):
    """WebSocket as a Link uses it: a ClientSocket, or the double of one in tests."""

    @property
    def connection_lost_waiter(self) -> asyncio.Future[None]: ...
    @property
    def end_reason(self) -> str: ...
    def pass_on(self, on_message: OnMessage) -> None: ...
    def keep(self) -> None: ...
    def write(self, payload: bytes, /, *, is_binary: bool) -> None: ...
    async def drain(self) -> None: ...
    async def end(self) -> None: ...
    def abort(self) -> None: ...


class Link:
    """Connection that passes bytes, time and tokens to a ClientProtocol, and its events to whom they concern.

    It works from start() to end(), on one loop.
    """

    def __init__(
        self,
        url: str,
        socket: Socket,
        protocol: ClientProtocol,
        codec: Codec,
        receiver: Receiver,
        authenticator: Authenticator,
        reporter: Reporter,
        metrics: Metrics,
        *,
        busy_poll: bool,
    ) -> None:
        self.protocol = protocol
        self._url, self._socket, self._codec = url, socket, codec
        self._receiver, self._authenticator, self._reporter, self._metrics = receiver, authenticator, reporter, metrics
        self._busy_poll = busy_poll
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._opened: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is ready, and at its end."""
        self._broken: asyncio.Future[None] = self._loop.create_future()
        """Done when the handling of a message has raised `_error`."""
        self._error: Exception | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at: float | None = None

    # --- life ---

    def start(self) -> None:
        """Begin to read."""
        if self._busy_poll:
            self._spawn(_poll())
        self._socket.connection_lost_waiter.add_done_callback(lambda _: self._lose(self._socket.end_reason))
        self._socket.pass_on(self._take)
        self._settle()

    async def wait_opened(self) -> None:
        """Wait until the connection is ready, or has ended before. For its supervisor alone."""
        await self._opened  # itself: each step between would let a message overtake the news

    async def wait_ready(self) -> None:
        """Wait until the connection is signed in and restored. Raises what has ended it: a WireError."""
        await asyncio.wait([self._opened])
        if self.protocol.end is not None:
            raise self.protocol.end.with_traceback(None)

    async def wait_lost(self) -> str:
        """Wait for the end of the connection; returns why it has ended. Raises what the handling of messages raised."""
        ends = [self._broken, self._socket.connection_lost_waiter]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._error is not None:
            raise self._error
        self._lose(self._socket.end_reason)
        return self.protocol.reason

    async def end(self) -> None:
        """Close the connection; outstanding requests raise NetworkError."""
        self._lose("closed by the client")
        await self._socket.end()

    # --- callers ---

    async def request(self, request: Request) -> Message:
        """Send a request once the connection is ready and nothing holds requests back; returns the reply.

        Raises the error that the server answers with, and NetworkError if there is no answer.
        """
        return await self.answer(self.ask(request))

    def ask(self, request: Request) -> str:
        """Send a request as request() does, and return its id at once; answer() has to be awaited then."""
        number = self.protocol.request(request, self._loop.time())
        self._answers[number] = self._loop.create_future()
        self._settle()
        return number

    async def answer(self, number: str) -> Message:
        """Wait for the reply to what has been asked; raises what request() does."""
        try:
            return await self._answers[number]
        finally:
            del self._answers[number]
            self.protocol.withdraw(number)

    async def send(self, message: Message) -> None:
        """Send a message at once. Raises NetworkError."""
        self.protocol.send(message)
        try:
            self._flush()
        except ConnectionError:
            raise NetworkError(f"the connection to {self._url} closed while sending; it will be made again") from None
        await self._socket.drain()

    # --- input ---

    def _take(self, data: bytes, _: Opcode, received_at: int) -> None:
        try:
            metrics = self._metrics
            metrics.messages_received += 1
            metrics.bytes_received += len(data)
            protocol = self.protocol
            events = protocol.receive(data, received_at, self._loop.time())
            if self._receiver.taps:
                self._receiver.tap(events, data, received_at)
            for event in events:
                if type(event) is Received:
                    if (overflow := self._receiver.deliver(event, len(data), received_at)) is not None:
                        self._handle(protocol.fail(overflow))
                else:
                    self._handle([event])
            self._settle()
        except Exception as exc:
            self._break(exc)
        except asyncio.CancelledError as exc:  # a callback's own: nothing that could be cancelled runs here
            self._break(RuntimeError(f"the handling of a message raised {exc!r}"))

    def _break(self, error: Exception) -> None:
        self._socket.keep()
        if not self._broken.done():
            self._error = error
            self._broken.set_result(None)
            self._open()

    def _due(self) -> None:
        self._timer = self._wakes_at = None
        try:
            self._handle(self.protocol.pass_deadlines(self._loop.time()))
            self._settle()
        except Exception as exc:
            self._give_up(exc)

    async def _fetch_token(self, *, is_renewal: bool) -> None:
        try:
            get = self._authenticator.refreshed if is_renewal else self._authenticator.token
            try:
                token = await get()
            except WireError as exc:
                events = self.protocol.token_failed(exc, self._loop.time())
            else:
                events = self.protocol.authenticate(token, self._loop.time())
            self._handle(events)
            self._settle()
        except Exception as exc:
            self._give_up(exc)

    def _give_up(self, error: Exception) -> None:
        """End the connection at an internal error: a new one is better than one without upkeep."""
        _log.error("the client's upkeep of a connection failed", url=self._url, exc_info=error)
        self._handle(self.protocol.abort(f"{type(error).__name__}: {error}"))

    # --- output ---

    def _handle(self, events: list[ClientEvent]) -> None:
        for event in events:
            match event:
                case Loss():
                    self._reporter.lose(event)
                case Undecoded():
                    self._reporter.undecoded(event)
                case ErrorOccurred(error, recovery, is_raised):
                    self._reporter.note(error, recovery) if is_raised else self._reporter.tell(error, recovery)
                case Answered(number, reply):
                    self._answer(number, reply)
                case TokenNeeded(is_renewal):
                    self._spawn(self._fetch_token(is_renewal=is_renewal))
                case Ready():
                    self._open()
                case Disconnect():
                    self._socket.keep()  # nothing more is handled
                    self._socket.abort()

    def _answer(self, number: str, reply: Message | WireError) -> None:
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if isinstance(reply, WireError):
            answer.set_exception(reply.with_traceback(None))
        else:
            answer.set_result(reply)

    def _settle(self) -> None:
        """Send what there is to send, and wake up at the next deadline."""
        if self.protocol.outgoing:
            with suppress(ConnectionError):  # wait_lost() reports it
                self._flush()
        deadline = self.protocol.next_deadline()
        if deadline != self._wakes_at:
            self._set_timer(deadline)

    def _set_timer(self, deadline: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._due)
        self._wakes_at = deadline

    def _flush(self) -> None:
        for payload in self.protocol.data_to_send(wall_time()):
            self._socket.write(payload, is_binary=self._codec.binary)
            self._metrics.messages_sent += 1
            self._metrics.bytes_sent += len(payload)

    def _spawn(self, duty: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(duty)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open(self) -> None:
        """Let those go on who wait for the connection to be ready, or not to become so."""
        if not self._opened.done():
            self._opened.set_result(None)

    def _lose(self, reason: str) -> None:
        """Tell the protocol that there is no connection any more."""
        if self.protocol.end is not None:
            return
        events = self.protocol.connection_lost(reason, self._loop.time())
        if self.protocol.was_refused:
            self._authenticator.reject()
        for task in self._tasks:
            task.cancel()
        self._open()
        self._handle(events)
        self._settle()


async def _poll() -> None:
    """Keep the loop from sleeping: a processor that sleeps takes a good part of a millisecond to wake up."""
    while True:
        await asyncio.sleep(0)
