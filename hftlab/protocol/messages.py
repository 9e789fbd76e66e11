"""Messages of the wire as structs, which are schema, validator and codec at once.

The reference document's messages come first, in its order ("Message Protocol", "Authentication Flow", "Health
Monitoring"), then hftlab's own; those of market data and of trading have files of their own. Attributes are snake_case
here and the document's camelCase on the wire. Times are milliseconds since 1970 UTC, up to three decimals; prices are
in the instrument's currency, sizes in its units. Unknown fields of a known type are ignored (the document's
`[key: string]: any`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from hftlab.protocol.base import (
    Base,
    Count,
    Frequency,
    Milliseconds,
    Nanoseconds,
    Part,
    Position,
    Symbol,
)
from hftlab.protocol.enums import DataType, ErrorType, ReplayAction, ReplayState, SlowConsumer
from hftlab.protocol.market_data import Arbitrage, BookDelta, MarketData, MarketDataSymbol, OrderBookLevel, Trade
from hftlab.protocol.order_messages import (
    CancelAll,
    CancelOrder,
    NewOrder,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    ReplaceOrder,
)
from hftlab.protocol.representation import time_of

__all__ = [
    "Ack",
    "Arbitrage",
    "Auth",
    "AuthFailed",
    "AuthSuccess",
    "BookDelta",
    "CancelAll",
    "CancelOrder",
    "ChannelInfo",
    "Error",
    "Gap",
    "Heartbeat",
    "Limits",
    "MarketData",
    "MarketDataSymbol",
    "Message",
    "NewOrder",
    "OrderBookLevel",
    "OrderUpdate",
    "Ping",
    "Pong",
    "PortfolioUpdate",
    "PositionUpdate",
    "RateLimit",
    "ReplaceOrder",
    "ReplayControl",
    "ReplayStatus",
    "Request",
    "ServerShutdown",
    "Subscribe",
    "Trade",
    "Unsubscribe",
]


# --- requests of the document -----------------------------------------------------------------------------------------


class Subscribe(Base, tag="SUBSCRIBE", kw_only=True):
    """Request for subscriptions. None for `data_types` or `frequency` (ms, 0 for every change) is the default."""

    symbols: Annotated[list[Symbol], Meta(min_length=1)]
    data_types: Annotated[list[DataType], Meta(min_length=1)] | None = None
    frequency: Frequency | None = None
    slow_consumer: SlowConsumer | None = None


class Unsubscribe(Base, tag="UNSUBSCRIBE", kw_only=True):
    """Request for the end of subscriptions; without `data_types` of all of the symbols'."""

    symbols: Annotated[list[Symbol], Meta(min_length=1)]
    data_types: Annotated[list[DataType], Meta(min_length=1)] | None = None


class Heartbeat(Base, tag="HEARTBEAT", kw_only=True):
    """Sign of life of a client."""


class Auth(Base, tag="AUTH", kw_only=True):
    """Authentication by an access token.

    `session` and `resume_from` (the last private sequence seen) ask for the private messages missed since. With
    `cancel_on_disconnect` the orders that come over this connection are cancelled at its end.
    """

    token: Annotated[str, Meta(min_length=1, max_length=8192)]
    session: str | None = None
    resume_from: Count | None = None
    cancel_on_disconnect: bool = False


class Ping(Base, tag="PING", kw_only=True):
    """Request for a PONG, which repeats `ping_id`: the document's measureLatency finds its answer by it."""

    ping_id: str | None = None


# --- replies ----------------------------------------------------------------------------------------------------------


class RateLimit(Part, kw_only=True):
    """Limit of a rate: `per_second` in the long run, `burst` at once."""

    per_second: Annotated[float, Meta(gt=0)]
    burst: Count


class Limits(Part, kw_only=True):
    """Limits of one connection. `max_subscriptions` counts pairs of a symbol and a data type.

    Requests above the rates `messages` and `subscriptions` are refused. `errors` limits the ERROR and AUTH_FAILED
    messages that a connection may cause: one that exceeds it is closed with 1008.
    """

    max_message_bytes: Count
    max_symbols: Count
    max_subscriptions: Count | None = None
    min_frequency: Frequency
    max_frequency: Frequency
    messages: RateLimit | None = None
    subscriptions: RateLimit | None = None
    errors: RateLimit | None = None


class ChannelInfo(Part, kw_only=True):
    """Channel that a connection belongs to; `sequence` is that of its last message."""

    channel: Count
    symbols: list[Symbol]
    data_types: list[DataType]
    frequency: Frequency
    slow_consumer: SlowConsumer
    sequence: Count


class Ack(Base, tag="ACK", kw_only=True):
    """Acknowledgement of a request, and the welcome (`session`, `version`, `connection_id`, `limits`, `symbols`).

    A heartbeat is answered with `sequences`: channel -> last sequence, so that the loss of a last message shows too.
    """

    message: str
    session: str | None = None
    version: str | None = None
    connection_id: str | None = None
    limits: Limits | None = None
    symbols: list[str] | None = None
    channels: list[ChannelInfo] | None = None
    sequences: dict[int, int] | None = None

    def __repr__(self) -> str:
        request = "" if self.id is None else f", to {self.id}"
        channels = "" if self.channels is None else f", channels: {len(self.channels)}"
        return f"Ack({self.message!r}{request}{channels})"


class Error(Base, tag="ERROR", kw_only=True):
    """Error: the document's WebSocketError, whose `type` is `errorType` here, beside the message's own.

    `context` may be anything in the document; hftlab's servers send an object. `retry_after`, which the document lacks,
    is in seconds like HTTP's Retry-After (RFC 9110 section 10.2.3), not in ms like the wire's times.
    """

    error_type: ErrorType
    message: str
    recoverable: bool
    code: int | None = None
    context: Any = None
    retry_after: Annotated[float, Meta(ge=0)] | None = None


class AuthSuccess(Base, tag="AUTH_SUCCESS", kw_only=True):
    """Answer to AUTH: the client is signed in as `subject`, until `expires_at`.

    `private_sequence` is that of the account's last private message so far: a client that has seen none goes on from
    there. `symbols` are those of a server whose welcome names none, because authentication is required.
    """

    subject: str | None = None
    expires_at: Milliseconds | None = None
    private_sequence: Count | None = None
    symbols: list[str] | None = None


class AuthFailed(Base, tag="AUTH_FAILED", kw_only=True):
    """Answer to AUTH: the token is refused. The document's has no fields; `message` says why."""

    message: str = "the server does not accept the token"


class Pong(Base, tag="PONG", kw_only=True):
    """Answer to PING. `ping_id` is the PING's, and the only field in the document.

    `ping_timestamp` is the PING's `timestamp`, `received_at` the time when the server read it: with both a client
    computes the clock offset.
    """

    ping_id: str | None = None
    ping_timestamp: Milliseconds | None = None
    received_at: Milliseconds | None = None


# --- hftlab's own -----------------------------------------------------------------------------------------------------


class Gap(Base, tag="GAP", kw_only=True):
    """Gap in `channel`: messages `from_sequence` to `to_sequence`, both included, are not sent to this connection.

    `symbols` are those that it concerns, all of the channel if it is left out. A source yields one, without a channel,
    where its market data is missing from then on: a replay at each hole of its recording.

    With `withdrawn` the messages hold no more, whether they were sent or not, as a replay has gone back to before them:
    what they said of an account's orders and fills has not happened, and its state follows.
    """

    from_sequence: Count
    to_sequence: Count
    reason: str
    symbols: list[Symbol] | None = None
    withdrawn: bool = False


class ReplayControl(Base, tag="REPLAY_CONTROL", kw_only=True):
    """Command to a recorded source.

    `speed` goes with SPEED (None: as fast as possible), `position` or `sequence` (the number of a message in the
    recording) with SEEK, `count` (messages) or `duration` (ms of source time) with STEP. With `until` (ns UTC) a STEP
    goes on to that time, and no further than `count` messages if that is given. `loop` goes with RESUME: whether the
    replay begins again at its end, None leaves that as it is.
    """

    action: ReplayAction
    speed: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    position: Milliseconds | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    duration: Milliseconds | None = None
    until: Nanoseconds | None = None
    sequence: Count | None = None
    loop: bool | None = None


class ReplayStatus(Base, tag="REPLAY_STATUS", kw_only=True):
    """Status of a recorded source: its state and position in source time; `speed` None is as fast as possible.

    It is sent at each change, and once a second while a STEP is under way. `start` and `end` are the times of its first
    and last message; an exchange that is stepped has none. `reset` marks a jump to another position: earlier state of
    symbols is void, and the state there follows as snapshots. With `loop` it begins again at its end. `order_time` is
    the exact time (ns UTC) of an order that is sent now, where the replay takes orders.
    """

    state: ReplayState
    position: Position
    speed: Annotated[float, Meta(gt=0)] | None = None
    start: Position | None = None
    end: Position | None = None
    reset: bool = False
    loop: bool = False
    order_time: Nanoseconds | None = None

    def __repr__(self) -> str:
        speed = "as fast as possible" if self.speed is None else f"speed {self.speed:g}"
        return f"ReplayStatus({self.state} at {time_of(self.position)}, {speed}{', in a loop' if self.loop else ''})"


class ServerShutdown(Base, tag="SERVER_SHUTDOWN", kw_only=True):
    """Announcement that the server stops: the last message before it closes the connection with code 1001."""

    message: str


Request: TypeAlias = (
    Subscribe
    | Unsubscribe
    | Heartbeat
    | Auth
    | Ping
    | ReplayControl
    | NewOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
)
"""Messages that a client may send."""

Message: TypeAlias = (
    Request
    | MarketData
    | OrderUpdate
    | PositionUpdate
    | PortfolioUpdate
    | Ack
    | Error
    | AuthSuccess
    | AuthFailed
    | Pong
    | BookDelta
    | Arbitrage
    | Gap
    | ReplayStatus
    | ServerShutdown
)
"""All messages of the wire."""
