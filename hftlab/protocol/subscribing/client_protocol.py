"""The client's end of one connection as a state machine without I/O.

Payloads, answers of the owner and the time go in; events and payloads to send come out:

    events = protocol.receive(data, received_at, now)   # also authenticate(), token_failed(), pass_deadlines()
    for payload in protocol.data_to_send(sent_at): ...
    protocol.next_deadline()                            # call pass_deadlines() then

`now` is any steady clock in seconds; `received_at` and `sent_at` are wall time in nanoseconds. After each call the
owner handles the events, sends the data and looks at the next deadline. At the end of the socket it calls
connection_lost().
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from hftlab.clock import to_milliseconds
from hftlab.errors import AuthenticationFailed, ConnectionFailed, MessageParseError, NetworkError, WireError
from hftlab.protocol.codec import Codec
from hftlab.protocol.messages import (
    Ack,
    AuthFailed,
    AuthSuccess,
    BookDelta,
    Error,
    Limits,
    MarketData,
    Message,
    Pong,
    ReplayStatus,
    Subscribe,
)
from hftlab.protocol.order_messages import PRIVATE_CHANNEL, PRIVATE_MESSAGES
from hftlab.protocol.subscribing.client_events import (
    REPLY,
    STREAMED,
    Answered,
    ClientEvent,
    Disconnect,
    ErrorOccurred,
    Ready,
    Received,
    Undecoded,
)
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.feed import Feed
from hftlab.protocol.subscribing.keep_alive import KeepAlive
from hftlab.protocol.subscribing.release import Release
from hftlab.protocol.subscribing.request_queue import REPLIES, Asked, Duty, Purpose, Request, RequestQueue
from hftlab.protocol.subscribing.restoring import Restorer
from hftlab.protocol.subscribing.resync import StaleSymbols
from hftlab.protocol.subscribing.sign_in import SignIn
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.protocol.subscribing.wire_error import wire_error
from hftlab.transport.address import is_local
from hftlab.transport.clock_offset import ClockOffset
from hftlab.transport.recovery import Action, ErrorRecovery

__all__ = ["ClientProtocol"]

_WELCOME_TIMEOUT: Final = 1.0
"""The welcome says what the server has; a server that sends none is used all the same."""

_UNSTREAMED: Final = (Ack, Error)
"""Replies that are not streamed to the client's readers even if they answer no request."""


class _Phase(Enum):
    GREETING = 1
    SIGNING_IN = 2
    RESTORING = 3
    READY = 4
    CLOSED = 5


_READY: Final = _Phase.READY
_CLOSED: Final = _Phase.CLOSED
"""By these names, which each message needs, a member costs nothing: Python 3.11 finds one in its class by a call."""


class ClientProtocol:
    """One connection from its welcome to its end: sign-in, requests, heartbeats, clocks, restoring, resynchronisation.

    `subscriber`, `recovery` and `clock_offset` outlive the connection. `url` is only shown, and tells whether the
    server's clock is this machine's. A failed sign-in does not end the connection if it is `sign_in_is_optional`. With
    `cancel_on_disconnect` the server cancels the orders of this connection at its end.
    """

    def __init__(
        self,
        url: str,
        codec: Codec,
        subscriber: Subscriber,
        recovery: ErrorRecovery,
        clock_offset: ClockOffset,
        *,
        now: float,
        heartbeat_interval: float = 30.0,
        sign_in_is_optional: bool = True,
        cancel_on_disconnect: bool = False,
    ) -> None:
        self.limits: Limits | None = None
        self.version: str | None = None
        """Protocol version of the server's welcome."""
        self.failure: WireError | None = None
        """Error that has ended the connection for good."""
        self.end: WireError | None = None
        """Error that has ended the connection."""
        self.reason = ""
        """Reason for which the connection has ended, or has to end; empty before."""
        self._url, self._codec, self._subscriber = url, codec, subscriber
        self._recovery = recovery
        self._is_optional = sign_in_is_optional
        self._deadlines: Deadlines[Duty | str] = Deadlines()
        self._queue = RequestQueue(self._deadlines)
        self.outgoing: Final = self._queue.outgoing
        """Messages that data_to_send() takes; for its owner to see whether there are any."""
        self._sign_in = SignIn(
            url,
            self._queue,
            self._deadlines,
            subscriber.private,
            recovery,
            is_optional=sign_in_is_optional,
            cancel_on_disconnect=cancel_on_disconnect,
        )
        self._release = Release(url, self._queue, self._deadlines, recovery)
        self._restorer, self._stale = Restorer(self._queue, recovery), StaleSymbols()
        self._keep_alive = KeepAlive(self._queue, self._deadlines, clock_offset, interval=heartbeat_interval, now=now)
        self._phase = _Phase.GREETING
        self._feed = Feed(subscriber)
        self._ready_at: float | None = None
        self._over_at: float | None = None
        self._replay_heard_at = float("-inf")
        """Time of the newest REPLAY_STATUS."""
        self._restored = subscriber.connected()
        self._deadlines.set(Duty.GREETING, now + _WELCOME_TIMEOUT)

    # --- state ---

    @property
    def is_healthy(self) -> bool:
        """True if the server has been heard lately."""
        return self._keep_alive.is_healthy

    @property
    def is_signed_in(self) -> bool:
        """True if orders may be sent: signed in, or at a server that needs no sign-in."""
        return self._phase in (_Phase.RESTORING, _Phase.READY)

    @property
    def was_ready(self) -> bool:
        """True if the connection is ready, or was before it ended."""
        return self._ready_at is not None

    @property
    def was_refused(self) -> bool:
        """True if a refusal to sign the client in was left unhandled when the connection ended."""
        return self._sign_in.refusal is not None and self._ready_at is None and self.failure is None

    @property
    def lasted(self) -> float:
        """Seconds from ready to the end; 0 before, and if it never was ready."""
        return 0.0 if self._ready_at is None or self._over_at is None else self._over_at - self._ready_at

    @property
    def account(self) -> str | None:
        """Account that the server has signed the client in as."""
        return self._sign_in.account

    # --- input ---

    def receive(self, data: bytes, received_at: int, now: float) -> list[ClientEvent]:
        """Take in the payload of one WebSocket message."""
        self._keep_alive.hear(now)
        try:
            message = self._codec.decode(data)
        except MessageParseError as exc:
            failure = ErrorOccurred(exc, self._recovery.handle(exc, now), is_raised=False)
            return [Undecoded(data, received_at, exc), failure]
        asked: Asked | None = None
        if isinstance(message, MarketData):  # first: the common case has to be quick
            events = self._feed.stream(message)
        elif isinstance(message, REPLIES):
            asked = self._queue.match(message)
            events = self._reply(message, asked, received_at, now)
        elif isinstance(message, PRIVATE_MESSAGES) or (
            message.channel == PRIVATE_CHANNEL and not isinstance(message, BookDelta)
        ):
            events = self._feed.private(message, self._sign_in.account)
        else:
            events = self._feed.stream(message)
            if isinstance(message, ReplayStatus):
                self._replay_heard_at = now
        if self._phase is _READY and asked is None and not self._feed.is_lossy:
            return events  # nothing has waited for it
        if self._phase is _Phase.GREETING:
            events += self._greeted()
        return events + self._proceed(now)

    def authenticate(self, token: str | None, now: float) -> list[ClientEvent]:
        """Sign in with the token that a TokenNeeded has asked for; None goes on without."""
        return self._sign_in.authenticate(token, now) + self._proceed(now)

    def token_failed(self, error: WireError, now: float) -> list[ClientEvent]:
        """Go on without the token that a TokenNeeded has asked for: AuthenticationFailed is final."""
        return self._sign_in.token_failed(error, now) + self._proceed(now)

    def request(self, request: Request, now: float) -> str:
        """Take a caller's request; returns the id of the Answered to come.

        It is sent once the connection is ready and the server may be asked; requests of trading once it is signed in.
        Raises what has ended the connection, and RateLimitExceeded for an order while the server wants a pause.
        """
        if self.end is not None:
            raise self.end.with_traceback(None)
        self._release.check(request, now)
        number = self._queue.keep(request)
        self._send_kept(now)
        return number

    def withdraw(self, request_id: str) -> None:
        """Wait no more for the answer to a request."""
        self._queue.withdraw(request_id)

    def send(self, message: Message) -> None:
        """Send a message as it is, at once. Raises NetworkError before the connection is signed in."""
        if not self.is_signed_in:
            raise NetworkError(f"not signed in to {self._url} yet: wait for CONNECTED")
        self._queue.outgoing.append(message)

    def fail(self, error: WireError) -> list[ClientEvent]:
        """End the connection, and the client with it."""
        self.failure = self.failure or error
        return self.abort(str(error))

    def abort(self, reason: str) -> list[ClientEvent]:
        """End the connection at once; the client may make another one."""
        if self.reason:
            return []
        self.reason = reason
        return [Disconnect(reason)]

    def connection_lost(self, reason: str, now: float) -> list[ClientEvent]:
        """Take in the end of the socket; what has been requested and is not answered fails."""
        if self._phase is _Phase.CLOSED:
            return []
        self._phase, self._over_at = _Phase.CLOSED, now
        self.reason = self.reason or reason
        self.end = self.failure or self._refused() or NetworkError(f"{self._url}: {self.reason}")
        self._subscriber.disconnected()
        kept, asked = self._queue.clear()
        events: list[ClientEvent] = [Answered(number, self.end) for number in kept]
        for number in asked:
            events += self._failed(
                number, NetworkError(f"the connection to {self._url} closed before it answered"), now
            )
        return events

    # --- output ---

    def data_to_send(self, sent_at: int) -> list[bytes]:
        """Return the payloads that have to be sent now, stamped with `sent_at`."""
        payloads: list[bytes] = []
        outgoing = self._queue.outgoing
        while outgoing:
            message = outgoing.popleft()
            message.timestamp = to_milliseconds(sent_at)
            payloads.append(self._codec.encode(message))
        return payloads

    def next_deadline(self) -> float | None:
        """Return when pass_deadlines() has to be called; None at the end of the connection."""
        return None if self._phase is _CLOSED else self._deadlines.next

    def pass_deadlines(self, now: float) -> list[ClientEvent]:
        """Do what is due by now."""
        events: list[ClientEvent] = []
        for due in self._deadlines.take_due(now):
            events += self._expire(due, now) if isinstance(due, str) else self._perform(due, now)
        return events + self._proceed(now)

    # --- messages ---

    def _reply(self, message: Message, asked: Asked | None, received_at: int, now: float) -> list[ClientEvent]:
        events: list[ClientEvent] = []
        if isinstance(message, Ack):
            events += self._feed.acknowledge(message)
            if message.session is not None:
                self.limits, self.version = message.limits, message.version
                self._subscriber.private.welcome(message.session)
        elif isinstance(message, Pong):
            self._keep_alive.add_sample(message, received_at)
        elif isinstance(message, AuthFailed):
            self._sign_in.refusal = message.message
        elif isinstance(message, AuthSuccess):
            self._subscriber.receive(message)
            self._sign_in.signed_in(message)
        is_streamed = asked is None and not isinstance(message, _UNSTREAMED)
        events.append(Received(message, None, STREAMED if is_streamed else REPLY))
        if asked is not None:
            events += self._answered(message.id or "", asked, message, now)
        elif isinstance(message, Error):
            events += self._complaint(wire_error(message), now)
        return events

    def _complaint(self, error: WireError, now: float) -> list[ClientEvent]:
        """Handle an error that answers no request."""
        if isinstance(error, ConnectionFailed) and not error.recoverable:
            return self.fail(error)  # the server does not want this client back; reported when the connection ends
        return self._noted(error, now, is_raised=False)

    def _noted(self, error: WireError, now: float, *, is_raised: bool) -> list[ClientEvent]:
        recovery = self._recovery.handle(error, now)
        occurred = ErrorOccurred(error, recovery, is_raised)
        return [occurred, *(self._sign_in.reject(now) if recovery.action is Action.REFRESH_AUTH else [])]

    # --- replies ---

    def _answered(self, number: str, asked: Asked, reply: Message | WireError, now: float) -> list[ClientEvent]:
        match asked.purpose:
            case Purpose.SIGN_IN:
                return self._sign_in.answered(reply, now)
            case Purpose.RESTORING:
                return self._restorer.answered(asked.request, reply, now)
            case Purpose.CLOCK:
                self._keep_alive.clock_answered(now)
                return []
            case Purpose.CALLER:
                if isinstance(reply, WireError | Error):
                    return self._failed(number, wire_error(reply) if isinstance(reply, Error) else reply, now)
                if isinstance(asked.request, Subscribe):
                    self._restorer.granted(asked.request.symbols)
                return [Answered(number, reply)]

    def _failed(self, number: str, error: WireError, now: float) -> list[ClientEvent]:
        return [*self._noted(error, now, is_raised=True), Answered(number, error)]

    def _expire(self, number: str, now: float) -> list[ClientEvent]:
        asked = self._queue.expire(number, now, self._replay_heard_at)
        if asked is None:
            return []
        error = NetworkError(
            f"{self._url} has not answered {asked.request.type} for {asked.timeout:g} s: is it an hftlab server?"
        )
        return self._answered(number, asked, error, now)

    # --- duties ---

    def _perform(self, duty: Duty, now: float) -> list[ClientEvent]:
        match duty:
            case Duty.GREETING:
                return self._greeted() if self._phase is _Phase.GREETING else []
            case Duty.HEARTBEAT:
                self._keep_alive.beat(now)
                if self._phase is _Phase.READY:
                    self._restore(self._stale.requests(self._subscriber))
            case Duty.HEALTH:
                self._keep_alive.check(now)
            case Duty.CLOCK:
                self._keep_alive.compare_clocks(now)
            case Duty.RENEWAL:
                return self._sign_in.renew(now)
            case Duty.HOLD:
                pass  # what has been held back is sent by _proceed()
        return []

    def _greeted(self) -> list[ClientEvent]:
        self._phase = _Phase.SIGNING_IN
        self._deadlines.drop(Duty.GREETING)
        return self._sign_in.start()

    # --- progress ---

    def _proceed(self, now: float) -> list[ClientEvent]:
        """Go on to the next phase where this one is over, and do what has been waiting."""
        if self._phase is _Phase.CLOSED:
            return []
        if self._sign_in.failure is not None:
            return self.fail(self._sign_in.failure)
        events: list[ClientEvent] = []
        if self._phase is _Phase.SIGNING_IN and self._sign_in.is_complete:
            self._phase = _Phase.RESTORING
            self._restore(self._restored)
        self._restorer.proceed(now)
        if self._phase is _Phase.RESTORING and self._restorer.is_idle:
            events += self._begin(now)
        if self._phase is _Phase.READY and self._feed.is_lossy and self._restorer.is_idle:
            self._restore(self._feed.requests())
            self._restorer.proceed(now)
        events += self._release.refuse_orders(now)
        self._send_kept(now)
        outage = self._sign_in.outage or self._restorer.outage or self._keep_alive.outage
        return events if outage is None else events + self.abort(outage)

    def _begin(self, now: float) -> list[ClientEvent]:
        self._phase, self._ready_at = _Phase.READY, now
        if self.version is not None and not is_local(self._url):  # on one machine there is one clock
            self._deadlines.set(Duty.CLOCK, now)
        return [Ready(), *self._sign_in.renew_if_rejected(now)]

    def _restore(self, requests: list[Subscribe]) -> None:
        self._restorer.add(requests, self.limits)

    def _send_kept(self, now: float) -> None:
        """Send the requests that wait, as far as they may be sent."""
        self._release.proceed(
            now,
            is_signed_in=self.is_signed_in,
            is_ready=self._phase is _READY,
            has_duties=not self._restorer.is_idle,
        )

    def _refused(self) -> AuthenticationFailed | None:
        """Return the error if signing in is what the connection has ended at."""
        if not self.was_refused:
            return None if self.was_ready else self._sign_in.unanswered
        return None if self._is_optional else AuthenticationFailed(self._sign_in.refusal or "")
