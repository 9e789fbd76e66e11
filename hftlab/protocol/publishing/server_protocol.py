"""The server's end of one connection, as a state machine without I/O: frames and times in, replies and events out."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Any, Final, Generic, TypeVar

from hftlab.clock import NANOSECONDS, to_milliseconds
from hftlab.errors import AuthenticationFailed, MessageParseError, ServerError, WireError
from hftlab.protocol.codec import Codec
from hftlab.protocol.envelope import Envelope
from hftlab.protocol.messages import (
    Ack,
    Auth,
    AuthFailed,
    AuthSuccess,
    CancelAll,
    CancelOrder,
    ChannelInfo,
    Heartbeat,
    Message,
    NewOrder,
    Ping,
    ReplaceOrder,
    ReplayControl,
    Request,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.publishing.authentication import Authenticator, Identity
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.protocol.publishing.request_budget import RequestBudget
from hftlab.protocol.publishing.server_events import (
    AuditLine,
    Close,
    Event,
    OrderRequested,
    ReplayRequested,
    Reply,
    SignInRequested,
    Subscribed,
)

K = TypeVar("K", bound=Hashable)

__all__ = ["POLICY_VIOLATION", "UNAUTHENTICATED", "ServerProtocol"]

UNAUTHENTICATED: Final = 4001
"""Close code: authentication is required here and has not come in time, or has expired."""
POLICY_VIOLATION: Final = 1008
"""Close code of RFC 6455 section 7.4.1, here for a spent error budget."""

_NEEDS_NO_ACCOUNT: Final = (Ping, Heartbeat)
_ORDERS: Final = (NewOrder, CancelOrder, ReplaceOrder, CancelAll)
_UNMETERED: Final = (*_ORDERS, ReplayControl, Ping)
_NEEDS_ACCOUNT: Final = (*_ORDERS, ReplayControl)
_ABOUT_ACCOUNT: Final = (Heartbeat, *_ORDERS)
"""Requests whose answers are about the account: that of a heartbeat has the account's sequence."""
_LISTED: Final = 20
"""Symbols that one line of the audit log names at most."""


class ServerProtocol(Generic[K]):
    """Answers the frames of one connection: its authentication, its limits and the dispatch of its requests.

    The owner calls `open()`, then `receive()` for each frame and `handle_deadline()` when `next_deadline()` has passed.
    After each call it logs `audit_lines()`, sends what `data_to_send()` returns, acts on `events()`, logs and sends
    what has come of that, and closes the connection if `close` is set. `now` is in seconds of a clock that never goes
    back, `sent_at` the wall time in nanoseconds.

    If the publisher is public, market data is open to everyone; orders and REPLAY_CONTROL need an AUTH message, as do
    private messages. Otherwise everything but AUTH, PING and HEARTBEAT does, and AUTH has a deadline. Only a protocol
    that `takes_orders` passes them on; `orders_hint` is what others say behind their refusal. If it `is_stepped`, that
    is in a market that a program steps through, requests that each wait for an answer do not count for the rate. A
    client with a good token is signed in by sign_in(), which the owner calls with the state of its account.
    """

    def __init__(
        self,
        key: K,
        codec: Codec,
        publisher: Publisher[K],
        authenticator: Authenticator,
        limits: ServerLimits,
        *,
        takes_orders: bool = False,
        orders_hint: str = "",
        is_stepped: bool = False,
    ) -> None:
        self.key, self.codec = key, codec
        self.identity: Identity | None = None
        self.close: Close | None = None
        self.received = 0
        """Frames that have come."""
        self.knows_position = False
        """True if the client knows where a replay stands."""
        self.cancels_on_disconnect = False
        """True if the orders that come over this connection from now on are to be cancelled at its end."""
        self._takes_orders, self._orders_hint, self._is_stepped = takes_orders, orders_hint, is_stepped
        self._asked: tuple[Auth, Identity] | None = None
        """The newest AUTH with a good token that waits for sign_in(), and whom it speaks for."""
        self._publisher, self._authenticator, self._limits = publisher, authenticator, limits
        self._budget = RequestBudget(limits)
        self._deadline: float | None = None
        """Time by which AUTH has to be there or, once it is, at which the token expires."""
        self._replies: list[Reply] = []
        self._events: list[Event] = []
        self._audit_lines: list[AuditLine] = []
        self._has_subscribed = self._has_ended = False

    # --- out ---

    def data_to_send(self) -> list[Reply]:
        """Return the replies since the last call, in the order in which they are to be written."""
        replies, self._replies = self._replies, []
        return replies

    def events(self) -> list[Event]:
        """Return what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def audit_lines(self) -> list[AuditLine]:
        """Return the lines for the audit log since the last call."""
        lines, self._audit_lines = self._audit_lines, []
        return lines

    def next_deadline(self) -> float | None:
        """Return when to call handle_deadline(), on the clock of `now`; None if nothing is pending."""
        return self._deadline

    @property
    def account(self) -> str | None:
        """The account that the connection is signed in as."""
        return None if self.identity is None else self.identity.subject

    def channels(self) -> list[ChannelInfo]:
        """Describe the channels that serve the connection."""
        return self._publisher.channels_of(self.key)

    # --- in ---

    def open(self, now: float, sent_at: int) -> None:
        """Join the publisher and welcome the client."""
        if not self._publisher.is_public:
            self._deadline = now + self._limits.auth_deadline
        self._replies.append(Reply(self._publisher.join(self.key, self.codec, sent_at)))

    def end(self) -> None:
        """Leave the publisher: the connection is gone."""
        self._deadline, self._has_ended = None, True
        self._publisher.leave(self.key)

    def receive(self, data: bytes, now: float, sent_at: int) -> None:
        """Answer one frame, given its payload; nothing is answered once the connection is closed or gone."""
        self.handle_deadline(now, sent_at)
        if self.close is not None or self._has_ended:
            return
        self.received += 1
        request: Request | None = None
        try:
            try:
                request = self.codec.decode_request(data)
            finally:  # one that does not decode counts as well
                if not (self._is_stepped and isinstance(request, _UNMETERED)):
                    self._budget.spend_message(now)
            self._dispatch(request, now, sent_at)
        except MessageParseError as exc:
            self._misunderstand(data, exc, now, sent_at)
        except WireError as exc:
            self._refuse(request, exc, now, sent_at)

    def too_big(self, reason: str, sent_at: int) -> bytes:
        """Return the reply to a message that is too big, after which the connection has to be closed."""
        most = self._limits.message_bytes
        error = MessageParseError(f"the message is too big ({reason}): send {most:,} bytes at most, in few fragments")
        return self._publisher.refusal(self.key, error, None, sent_at)

    def send(self, message: Message, sent_at: int) -> None:
        """Send one message of the owner's."""
        message.timestamp = to_milliseconds(sent_at)
        self._replies.append(Reply(self.codec.encode(message)))

    def answer_replay(self, request: ReplayControl, error: WireError | None, now: float, sent_at: int) -> None:
        """Tell the client that what ReplayRequested asked for is done, or with `error` why it is not."""
        if error is not None:
            self._refuse(request, error, now, sent_at)
        else:
            self.send(Ack(timestamp=1.0, id=request.id, message=f"{request.action} is done"), sent_at)

    def answer_order(self, request: Request, error: WireError | None, now: float, sent_at: int) -> None:
        """Tell the client that what OrderRequested asked for is taken, or with `error` why it is not."""
        if error is not None:
            self._refuse(request, error, now, sent_at)
            return
        ack = Ack(timestamp=to_milliseconds(sent_at), id=request.id, message=f"{request.type} is taken")
        # Urgent, as the private messages are that follow from it: they must not overtake it.
        self._replies.append(Reply(self.codec.encode(ack), urgent=True, private=True))

    def send_private(self, messages: Iterable[Message], sent_at: int) -> None:
        """Send messages of the account that is signed in; before all that waits, as its other private messages."""
        for message in messages:
            message.timestamp = to_milliseconds(sent_at)
            self._replies.append(Reply(self.codec.encode(message), urgent=True, private=True))

    def handle_deadline(self, now: float, sent_at: int) -> None:
        """Do what is due: refuse a client that has not signed in, or sign out one whose token has expired."""
        if self._deadline is None or now < self._deadline:
            return
        self._deadline = None
        if self.identity is None:
            self._miss_authentication(sent_at)
        else:
            self._expire(sent_at)

    # --- requests ---

    def _dispatch(self, request: Request, now: float, sent_at: int) -> None:
        if isinstance(request, Auth):
            self._authenticate(request, now, sent_at)
            return
        self._check(request, now)
        self._note(request)
        if isinstance(request, ReplayControl):
            self._events.append(ReplayRequested(request))
            return
        if isinstance(request, _ORDERS):
            if not self._takes_orders:
                said = f"this server does not take {request.type} messages{self._orders_hint}"
                raise ServerError(said, context={"type": request.type})
            self._events.append(OrderRequested(request))
            return
        for payload in self._publisher.answer(self.key, request, sent_at):
            self._replies.append(Reply(payload, private=self._is_private(request)))
        if isinstance(request, Subscribe) and not self._has_subscribed:
            self._has_subscribed = True
            self._events.append(Subscribed())

    def _check(self, request: Request, now: float) -> None:
        """Check that this connection may ask for this now. Raises AuthenticationFailed, RateLimitExceeded."""
        if self._publisher.is_public:
            needs_account = isinstance(request, _NEEDS_ACCOUNT)
        else:
            needs_account = not isinstance(request, _NEEDS_NO_ACCOUNT)
        if needs_account and self.identity is None:
            raise AuthenticationFailed(f"{request.type} needs authentication: send AUTH first")
        if isinstance(request, Subscribe | Unsubscribe):
            self._budget.spend_subscription(now)

    def _note(self, request: Request) -> None:
        who = {"connection": str(self.key), "subject": self.account}
        if isinstance(request, Subscribe | Unsubscribe):
            self._audit(request.type.lower(), **who, symbols=request.symbols[:_LISTED])
        elif isinstance(request, ReplayControl):
            self._audit("replay_control", **who, action=request.action)
        elif isinstance(request, NewOrder):
            self._audit(
                "new_order",
                **who,
                order=request.client_order_id,
                symbol=request.symbol,
                side=request.side,
                order_type=request.order_type,
                quantity=request.quantity,
                price=request.price,
            )
        elif isinstance(request, CancelOrder):
            self._audit("cancel_order", **who, order=request.client_order_id)
        elif isinstance(request, ReplaceOrder):
            self._audit(
                "replace_order",
                **who,
                order=request.client_order_id,
                new_order=request.new_client_order_id,
                quantity=request.quantity,
                price=request.price,
            )
        elif isinstance(request, CancelAll):
            self._audit("cancel_all", **who, symbol=request.symbol)

    def _is_private(self, request: Request | None) -> bool:
        """True if the answer to a request is for the account that is signed in alone."""
        return self.identity is not None and isinstance(request, _ABOUT_ACCOUNT)

    def _audit(self, event: str, **fields: Any) -> None:
        self._audit_lines.append(AuditLine("info", event, fields))

    def _warn(self, event: str, **fields: Any) -> None:
        self._audit_lines.append(AuditLine("warning", event, fields))

    # --- errors ---

    def _misunderstand(self, data: bytes, error: MessageParseError, now: float, sent_at: int) -> None:
        """Answer a frame that does not decode."""
        self._audit("misunderstood", connection=str(self.key), subject=self.account, field=error.field)
        envelope = Envelope.of(data, self.codec)
        self._replies.append(Reply(self._publisher.refusal(self.key, envelope.refusal(error), envelope.id, sent_at)))
        self._spend_error(now)

    def _refuse(self, request: Request | None, error: WireError, now: float, sent_at: int) -> None:
        asked, request_id = (None, None) if request is None else (request.type, request.id)
        self._audit("refused", connection=str(self.key), subject=self.account, request=asked, reason=error.wire_type)
        payload = self._publisher.refusal(self.key, error, request_id, sent_at)
        self._replies.append(Reply(payload, private=self._is_private(request)))
        self._spend_error(now)

    def _spend_error(self, now: float) -> None:
        if not self._budget.spend_error(now) and self.close is None:
            self.close = Close(POLICY_VIOLATION, "too many errors")

    # --- authentication ---

    def _authenticate(self, request: Auth, now: float, sent_at: int) -> None:
        wall = sent_at / NANOSECONDS
        try:
            identity = self._authenticator.check(request.token, wall)
        except AuthenticationFailed as exc:
            self._warn("authentication failed", connection=str(self.key), reason=str(exc))
            self._publisher.errors[exc.wire_type] += 1
            failed = AuthFailed(timestamp=to_milliseconds(sent_at), id=request.id, message=str(exc))
            self._replies.append(Reply(self.codec.encode(failed), urgent=True))
            self._spend_error(now)
            return
        self._asked = request, identity
        if self.identity is None:
            self._deadline = None  # AUTH has come in time, however long the state takes
        self._events.append(SignInRequested(identity.subject))

    @property
    def can_resume(self) -> bool:
        """True if the log has all private messages that the client of SignInRequested has missed."""
        if self._asked is None:
            return False
        request, identity = self._asked
        return self._publisher.can_resume(identity.subject, request.session, request.resume_from)

    def sign_in(self, state: Collection[Message], now: float, sent_at: int) -> int:
        """Sign in the client of SignInRequested, and send it the state of its account.

        Returns the number of its private messages, those that it has missed included.
        """
        if self._asked is None or self._has_ended:
            return 0
        (request, identity), self._asked = self._asked, None
        changes = self.account not in (None, identity.subject)
        self.identity, self._deadline = identity, now + identity.expires_at - sent_at / NANOSECONDS
        self.cancels_on_disconnect = request.cancel_on_disconnect
        self._audit("authenticated", connection=str(self.key), subject=identity.subject)
        missed = self._publisher.authenticate(self.key, identity.subject, sent_at, request.session, request.resume_from)
        success = AuthSuccess(
            timestamp=to_milliseconds(sent_at),
            id=request.id,
            subject=identity.subject,
            expires_at=identity.expires_at * 1000,
            private_sequence=self._publisher.private_sequence(identity.subject),
            symbols=None if self._publisher.is_public else self._publisher.offered_to(self.key),
        )
        # Urgent, as the private messages are that may come from now on.
        self._replies.append(Reply(self.codec.encode(success), urgent=True, changes_account=changes))
        self._replies += [Reply(payload, urgent=True, private=True) for payload in missed]
        self.send_private(state, sent_at)
        return len(missed) + len(state)

    def _miss_authentication(self, sent_at: int) -> None:
        self._warn("authentication did not come", connection=str(self.key))
        error = AuthenticationFailed(f"no AUTH has come within {self._limits.auth_deadline:g} s: send it first")
        self._replies.append(Reply(self._publisher.refusal(self.key, error, None, sent_at)))
        self.close = Close(UNAUTHENTICATED, "authentication required")

    def _expire(self, sent_at: int) -> None:
        self.identity = None
        self._publisher.deauthenticate(self.key)
        self._audit("authentication expired", connection=str(self.key))
        error = AuthenticationFailed("the token has expired: send AUTH with a new one")
        refusal = self._publisher.refusal(self.key, error, None, sent_at)
        # Urgent as well, so that the answer to the next AUTH does not overtake it.
        self._replies.append(Reply(refusal, urgent=True, changes_account=True))
        if not self._publisher.is_public:
            self.close = Close(UNAUTHENTICATED, "authentication expired")
