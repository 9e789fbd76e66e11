"""Signing in: AUTH, its answers, and new tokens before the old ones expire or when the server rejects them."""

from __future__ import annotations

from enum import Enum
from typing import Final

from hftlab.errors import AuthenticationFailed, NetworkError, RateLimitExceeded, WireError
from hftlab.protocol.messages import Auth, AuthFailed, AuthSuccess, Error, Message
from hftlab.protocol.subscribing.client_events import ClientEvent, ErrorOccurred, TokenNeeded
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.private_stream import PrivateStream
from hftlab.protocol.subscribing.request_queue import Duty, Purpose, RequestQueue
from hftlab.protocol.subscribing.wire_error import wire_error
from hftlab.transport.backoff import Backoff
from hftlab.transport.recovery import Action, ErrorRecovery, Recovery

__all__ = ["SignIn"]

_RETRY: Final = Backoff()
_REFRESH_PAUSE: Final = 60.0
"""Seconds in which a rejected authentication is renewed at most once."""


class _Stage(Enum):
    FIRST_TOKEN = 1
    """Nothing has been refused yet."""
    SECOND_TOKEN = 2
    """A first token was refused, and a newer one is tried."""
    IDLE = 3
    """Signed in, or going on without."""
    RENEWING = 4


class SignIn:
    """Authentication of one connection: its methods take what has happened and return the events that it leads to.

    `failure` is an error that ends the client, `outage` the reason for which this connection has to end.
    """

    def __init__(
        self,
        url: str,
        queue: RequestQueue,
        deadlines: Deadlines[Duty | str],
        private: PrivateStream,
        recovery: ErrorRecovery,
        *,
        is_optional: bool,
        cancel_on_disconnect: bool = False,
    ) -> None:
        self.account: str | None = None
        """Account that the server has said this connection speaks for."""
        self.refusal: str | None = None
        """Text of the AUTH_FAILED that this connection has received."""
        self.failure: AuthenticationFailed | None = None
        self.outage: str | None = None
        self.unanswered: AuthenticationFailed | None = None
        """Set when the first AUTH has had no answer."""
        self._url, self._queue, self._deadlines = url, queue, deadlines
        self._private, self._recovery, self._is_optional = private, recovery, is_optional
        self._cancel_on_disconnect = cancel_on_disconnect
        self._stage = _Stage.FIRST_TOKEN
        self._lifetime: float | None = None
        self._attempt = 0
        self._is_rejected = False
        self._pause_ends = float("-inf")

    @property
    def is_complete(self) -> bool:
        """True if the connection is signed in, or goes on without because it need not be."""
        return self._stage in (_Stage.IDLE, _Stage.RENEWING)

    def start(self) -> list[ClientEvent]:
        """Ask for the first token."""
        return [TokenNeeded(is_renewal=False)]

    def authenticate(self, token: str | None, now: float) -> list[ClientEvent]:
        """Send AUTH, which asks for the private messages missed since the last connection; None goes on without."""
        if token is None:
            self._finish(now)
            return []
        session, resume_from = self._private.session, self._private.resume_from
        request = Auth(
            timestamp=1.0,
            token=token,
            session=session,
            resume_from=resume_from,
            cancel_on_disconnect=self._cancel_on_disconnect,
        )
        self._queue.ask(request, Purpose.SIGN_IN, now)
        return []

    def token_failed(self, error: WireError, now: float) -> list[ClientEvent]:
        """Go on without the token that was asked for: AuthenticationFailed is final, NetworkError may pass."""
        if self._stage is _Stage.RENEWING:
            return self._renewal_failed(error, now)
        if isinstance(error, AuthenticationFailed):
            self.failure = error
        else:
            self.outage = str(error)
        return []

    def signed_in(self, message: AuthSuccess) -> None:
        """Take in an AUTH_SUCCESS: whose private messages come from now on, and when the token expires."""
        self.account = message.subject
        self._private.authenticated(message.subject, message.private_sequence)
        # Both times are the server's, so it does not matter what our clock says.
        expires_at = message.expires_at
        self._lifetime = None if expires_at is None else (expires_at - message.timestamp) / 1000

    def answered(self, reply: Message | WireError, now: float) -> list[ClientEvent]:
        """Take in the reply to AUTH, or the NetworkError that there was none."""
        if isinstance(reply, AuthSuccess):
            self._finish(now)
            return []
        events: list[ClientEvent] = []
        error = self._error(reply)
        if isinstance(error, RateLimitExceeded):
            events.append(ErrorOccurred(error, self._recovery.handle(error, now), is_raised=True))
            error = NetworkError(f"AUTH came too early: {error}")
        elif isinstance(error, NetworkError) and not self.is_complete:
            self.unanswered = AuthenticationFailed(f"AUTH got no answer: {error}")
        if self._stage is _Stage.RENEWING:
            return events + self._renewal_failed(error, now)
        if isinstance(error, AuthenticationFailed):
            return events + self._refused(error, now)
        self.outage = str(error)
        return events

    def _error(self, reply: Message | WireError) -> WireError:
        if isinstance(reply, Error):
            error = wire_error(reply)
            if isinstance(error, RateLimitExceeded):
                return error
            return AuthenticationFailed(f"AUTH was answered with {error.wire_type}: {error}")
        if isinstance(reply, AuthFailed):
            return AuthenticationFailed(reply.message)
        if isinstance(reply, WireError):
            return reply
        return AuthenticationFailed(f"AUTH was answered with {reply.type}: {self._url} is not an hftlab server")

    def _refused(self, error: AuthenticationFailed, now: float) -> list[ClientEvent]:
        """Try a newer token once, unless signing in is optional."""
        if self._is_optional:
            self._finish(now)
            return [ErrorOccurred(error, Recovery(Action.LOG, 0.0), is_raised=True)]
        if self._stage is _Stage.SECOND_TOKEN:
            self.failure = error
            return []
        self._stage = _Stage.SECOND_TOKEN
        return [ErrorOccurred(error, self._recovery.handle(error, now), is_raised=True), TokenNeeded(is_renewal=True)]

    # --- renewal ---

    def reject(self, now: float) -> list[ClientEvent]:
        """Take note that the server does not accept the authentication any more: it has signed the client out."""
        self.account = None
        if now < self._pause_ends:
            return []
        self._is_rejected = True
        return self.renew(now) if self._stage is _Stage.IDLE else []

    def renew_if_rejected(self, now: float) -> list[ClientEvent]:
        """Renew what the server has rejected before the connection was ready."""
        return self.renew(now) if self._is_rejected else []

    def renew(self, now: float) -> list[ClientEvent]:
        """Ask for a newer token, at its deadline or before."""
        self._deadlines.drop(Duty.RENEWAL)
        held = self._recovery.held_for(now)
        if self._attempt and held:
            self._deadlines.set(Duty.RENEWAL, now + held)
            return []
        self._stage, self._lifetime = _Stage.RENEWING, None
        return [TokenNeeded(is_renewal=True)]

    def _renewal_failed(self, error: WireError, now: float) -> list[ClientEvent]:
        recovery = self._recovery.handle(error, now)
        if isinstance(error, NetworkError):
            self._attempt += 1
            self._deadlines.set(Duty.RENEWAL, now + _RETRY.delay(self._attempt))
        else:
            self._finish(now)
        return [ErrorOccurred(error, recovery, is_raised=False)]

    def _finish(self, now: float) -> None:
        if self._stage is _Stage.RENEWING and self._is_rejected:
            # A server that goes on rejecting is not asked in a circle.
            self._is_rejected, self._pause_ends = False, now + _REFRESH_PAUSE
        self._stage, self._attempt = _Stage.IDLE, 0
        if self._lifetime is not None:
            self._deadlines.set(Duty.RENEWAL, now + _renewal(self._lifetime))


def _renewal(lifetime: float) -> float:
    """Return after how many seconds a token is renewed: a minute before it expires, or a fifth if that is shorter."""
    return max(lifetime - min(60.0, lifetime / 5), 0.0)
