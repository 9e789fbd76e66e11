"""What stands between a connection's frames and the publisher: its budgets, who it is and what it may ask."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from hftlab.clock import NANOSECONDS, to_milliseconds, wall_time
from hftlab.errors import AuthenticationFailed, MessageParseError, RateLimitExceeded, WireError
from hftlab.log import AUDIT, get_logger
from hftlab.protocol import (
    Ack,
    Auth,
    AuthFailed,
    AuthSuccess,
    CancelOrder,
    Heartbeat,
    Limits,
    NewOrder,
    Ping,
    ReplaceOrder,
    ReplayControl,
    Request,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.publishing.authentication import Authenticator, Identity
from hftlab.protocol.publishing.limits import ServerLimits, TokenBucket
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.server.connection import Connection

__all__ = ["UNAUTHENTICATED", "AuthMode", "CountingPublisher", "Desk"]

AuthMode: TypeAlias = Literal["public", "required"]

UNAUTHENTICATED: Final = 4001
"""Close code: authentication is required here and has not come in time, or has expired."""
POLICY_VIOLATION: Final = 1008
"""Close code of RFC 6455 section 7.4.1, here for a spent error budget."""

_ALWAYS_OPEN: Final = (Ping, Heartbeat)
_PRIVATE: Final = (NewOrder, CancelOrder, ReplaceOrder, ReplayControl)

_audit = get_logger(AUDIT)


class CountingPublisher(Publisher[Connection]):
    """A publisher that counts the errors it has answered with, by type."""

    def __init__(
        self, *, session: str, limits: Limits, symbols: Sequence[str] | None = None, public: bool = True
    ) -> None:
        super().__init__(session=session, limits=limits, symbols=symbols, public=public)
        self.errors: Counter[str] = Counter()

    def refusal(self, key: Connection, error: WireError, request_id: str | None, sent_at: int) -> bytes:
        self.errors[error.wire_type] += 1
        return super().refusal(key, error, request_id, sent_at)


class _Visitor:
    """What the desk keeps of one connection."""

    def __init__(self, limits: ServerLimits) -> None:
        self.messages = TokenBucket(limits.messages)
        self.subscriptions = TokenBucket(limits.subscriptions)
        self.errors = TokenBucket(limits.errors)
        self.identity: Identity | None = None
        self.timer: asyncio.TimerHandle | None = None
        """Fires when the authentication has to be there, later when it ends."""

    @property
    def subject(self) -> str | None:
        return None if self.identity is None else self.identity.subject

    def set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer


class Desk:
    """Answers the frames of all connections.

    With `mode` "public" the market data is open to everyone; orders and the replay's controls need an AUTH message, as
    do private messages. With "required" everything but AUTH, PING and HEARTBEAT does, and within a deadline.
    """

    def __init__(
        self,
        publisher: CountingPublisher,
        limits: ServerLimits,
        authenticator: Authenticator,
        mode: AuthMode,
        control: Callable[[ReplayControl], asyncio.Future[None]],
    ) -> None:
        self._publisher, self._limits, self._authenticator, self._control = publisher, limits, authenticator, control
        self._required = mode == "required"
        self._visitors: dict[Connection, _Visitor] = {}

    def join(self, connection: Connection) -> None:
        visitor = self._visitors[connection] = _Visitor(self._limits)
        if self._required:
            visitor.set_timer(connection.loop.call_later(self._limits.auth_deadline, self._too_late, connection))

    def leave(self, connection: Connection) -> str | None:
        """Forget a connection; returns whom it had signed in as."""
        subject = self.subject(connection)
        visitor = self._visitors.pop(connection, None)
        if visitor is not None:
            visitor.set_timer(None)
        return subject

    def subject(self, connection: Connection) -> str | None:
        visitor = self._visitors.get(connection)
        return None if visitor is None else visitor.subject

    def receive(self, connection: Connection, data: bytes) -> None:
        """Answer one frame; a connection whose error budget is spent is expelled after that."""
        visitor, now = self._visitors[connection], time.monotonic()
        before = self._publisher.errors.total()
        for payload in self._answer(connection, visitor, data, now):
            connection.reply(payload)
        if self._publisher.errors.total() > before and visitor.errors.take(now):
            connection.expel(POLICY_VIOLATION, "too many errors")

    def too_big(self, connection: Connection, reason: str) -> bytes:
        """What is said to one whose message is too big, before the connection is closed."""
        most = self._limits.message_bytes
        error = MessageParseError(f"the message is too big ({reason}): send {most:,} bytes at most, in few fragments")
        return self._publisher.refusal(connection, error, None, wall_time())

    def _answer(self, connection: Connection, visitor: _Visitor, data: bytes, now: float) -> list[bytes]:
        request: Request | None = None
        misunderstood: MessageParseError | None = None
        try:
            request = connection.codec.decode_request(data)
        except MessageParseError as exc:
            misunderstood = exc
        try:
            _spend(visitor.messages, "messages", now)
            if request is None:
                assert misunderstood is not None
                _audit.info(
                    "misunderstood", connection=connection.name, subject=visitor.subject, field=misunderstood.field
                )
                return [self._publisher.misunderstood(connection, misunderstood, data, wall_time())]
            if isinstance(request, Auth):
                for payload in self._authenticate(connection, visitor, request):
                    connection.reply(payload, urgent=True)  # before the private messages that may come from now on
                return []
            self._check(visitor, request, now)
            self._note(connection, visitor, request)
            if isinstance(request, ReplayControl):
                self._replay(connection, request)
                return []
        except WireError as error:
            asked = None if request is None else request.type
            _audit.info(
                "refused", connection=connection.name, subject=visitor.subject, request=asked, reason=error.wire_type
            )
            return [self._publisher.refusal(connection, error, None if request is None else request.id, wall_time())]
        replies = self._publisher.answer(connection, request, wall_time())
        if isinstance(request, Heartbeat) and visitor.identity is not None:
            for payload in replies:  # the account's sequence is in it
                connection.reply(payload, private=True)
            return []
        return replies

    def _check(self, visitor: _Visitor, request: Request, now: float) -> None:
        """Whether a connection may ask this now. Raises AuthenticationFailed, RateLimitExceeded."""
        closed = not isinstance(request, _ALWAYS_OPEN) if self._required else isinstance(request, _PRIVATE)
        if closed and visitor.identity is None:
            raise AuthenticationFailed(f"{request.type} needs authentication: send AUTH first")
        if isinstance(request, Subscribe | Unsubscribe):
            _spend(visitor.subscriptions, "subscriptions", now)

    def _note(self, connection: Connection, visitor: _Visitor, request: Request) -> None:
        who = {"connection": connection.name, "subject": visitor.subject}
        if isinstance(request, Subscribe | Unsubscribe):
            _audit.info(request.type.lower(), **who, symbols=request.symbols[:20])
        elif isinstance(request, ReplayControl):
            _audit.info("replay_control", **who, action=request.action)
        elif isinstance(request, _PRIVATE):
            _audit.info(request.type.lower(), **who)

    def _replay(self, connection: Connection, request: ReplayControl) -> None:
        """Answer once it has been done, which may take a while; the status and the snapshots come before the answer."""

        def answer(done: asyncio.Future[None]) -> None:
            if done.cancelled() or connection not in self._visitors:
                return
            error = done.exception()
            if isinstance(error, WireError):
                connection.reply(self._publisher.refusal(connection, error, request.id, wall_time()))
                return
            ack = Ack(timestamp=to_milliseconds(wall_time()), id=request.id, message=f"{request.action} is done")
            connection.reply(connection.codec.encode(ack))

        self._control(request).add_done_callback(answer)

    # --- authentication ---

    def _authenticate(self, connection: Connection, visitor: _Visitor, request: Auth) -> list[bytes]:
        sent_at = wall_time()
        try:
            identity = self._authenticator.check(request.token, sent_at / NANOSECONDS)
        except AuthenticationFailed as exc:
            self._publisher.errors[exc.wire_type] += 1
            _audit.warning("authentication failed", connection=connection.name, reason=str(exc))
            failed = AuthFailed(timestamp=to_milliseconds(sent_at), id=request.id, message=str(exc))
            return [connection.codec.encode(failed)]
        if visitor.subject not in (None, identity.subject):
            connection.drop_private()
        visitor.identity = identity
        remaining = identity.expires_at - sent_at / NANOSECONDS
        visitor.set_timer(connection.loop.call_later(remaining, self._expired, connection))
        _audit.info("authenticated", connection=connection.name, subject=identity.subject)
        success = AuthSuccess(
            timestamp=to_milliseconds(sent_at),
            id=request.id,
            subject=identity.subject,
            expires_at=identity.expires_at * 1000,
        )
        missed = self._publisher.authenticate(
            connection, identity.subject, sent_at, request.session, request.resume_from
        )
        success.private_sequence = self._publisher.private_sequence(identity.subject)
        if self._required:
            success.symbols = self._publisher.offered_to(connection)
        return [connection.codec.encode(success), *missed]

    def _too_late(self, connection: Connection) -> None:
        _audit.warning("authentication did not come", connection=connection.name)
        error = AuthenticationFailed(f"no AUTH has come within {self._limits.auth_deadline:g} s: send it first")
        connection.reply(self._publisher.refusal(connection, error, None, wall_time()))
        connection.expel(UNAUTHENTICATED, "authentication required")

    def _expired(self, connection: Connection) -> None:
        visitor = self._visitors[connection]
        visitor.identity = visitor.timer = None
        self._publisher.deauthenticate(connection)
        connection.drop_private()
        _audit.info("authentication expired", connection=connection.name)
        error = AuthenticationFailed("the token has expired: send AUTH with a new one")
        connection.reply(self._publisher.refusal(connection, error, None, wall_time()))
        if self._required:
            connection.expel(UNAUTHENTICATED, "authentication expired")


def _spend(bucket: TokenBucket, what: str, now: float) -> None:
    """Take a token. Raises RateLimitExceeded."""
    wait = bucket.take(now)
    if wait:
        raise RateLimitExceeded(
            f"more than {bucket.rate.per_second:g} {what} a second: wait {wait:.3f} s",
            context={"limit": what, "perSecond": bucket.rate.per_second, "burst": bucket.rate.burst},
            retry_after=math.ceil(wait * 1000) / 1000,
        )
