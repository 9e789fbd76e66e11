"""Every message of the wire as a struct: the schema, the validator and the codec at once.

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
    Part,
    Position,
    Symbol,
)
from hftlab.protocol.enums import DataType, ErrorType, ReplayAction, ReplayState, SlowConsumer
from hftlab.protocol.market_data import Arbitrage, BookDelta, MarketData, MarketDataSymbol, OrderBookLevel, Trade
from hftlab.protocol.order_messages import (
    CancelOrder,
    NewOrder,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    ReplaceOrder,
)

__all__ = [
    "Ack",
    "Arbitrage",
    "Auth",
    "AuthFailed",
    "AuthSuccess",
    "BookDelta",
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
    """`frequency` in ms, 0 for every change; None asks for the server's default, as does None for `data_types`."""

    symbols: Annotated[list[Symbol], Meta(min_length=1)]
    data_types: Annotated[list[DataType], Meta(min_length=1)] | None = None
    frequency: Frequency | None = None
    slow_consumer: SlowConsumer | None = None


class Unsubscribe(Base, tag="UNSUBSCRIBE", kw_only=True):
    """Without `data_types` all of the symbols' subscriptions end."""

    symbols: Annotated[list[Symbol], Meta(min_length=1)]
    data_types: Annotated[list[DataType], Meta(min_length=1)] | None = None


class Heartbeat(Base, tag="HEARTBEAT", kw_only=True):
    pass


class Auth(Base, tag="AUTH", kw_only=True):
    """`session` and `resume_from` (the last private sequence seen) ask for the private messages missed since."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]
    session: str | None = None
    resume_from: Count | None = None


class Ping(Base, tag="PING", kw_only=True):
    """`ping_id` comes back in the PONG: the document's measureLatency tells its own by it."""

    ping_id: str | None = None


# --- replies ----------------------------------------------------------------------------------------------------------


class RateLimit(Part, kw_only=True):
    """So many a second in the long run, `burst` at once."""

    per_second: Annotated[float, Meta(gt=0)]
    burst: Count


class Limits(Part, kw_only=True):
    """What the server allows one connection. `max_subscriptions` is of pairs of a symbol and a data type.

    What is over `messages` or `subscriptions` is refused; who has spent `errors`, the ERROR and AUTH_FAILED messages
    that it may cause, is closed with 1008.
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
    """One channel that a connection belongs to; `sequence` is that of its last message."""

    channel: Count
    symbols: list[Symbol]
    data_types: list[DataType]
    frequency: Frequency
    slow_consumer: SlowConsumer
    sequence: Count


class Ack(Base, tag="ACK", kw_only=True):
    """The welcome (with `session`, `version`, `connection_id`, `limits`, `symbols`), and the answer to requests.

    A heartbeat is answered with `sequences`: channel -> last sequence, so that a lost tail shows too.
    """

    message: str
    session: str | None = None
    version: str | None = None
    connection_id: str | None = None
    limits: Limits | None = None
    symbols: list[str] | None = None
    channels: list[ChannelInfo] | None = None
    sequences: dict[int, int] | None = None


class Error(Base, tag="ERROR", kw_only=True):
    """The document's WebSocketError; its `type` travels as `errorType`, beside the message's own.

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
    """`private_sequence` is that of the last private message before: a client that has seen none goes on from there.

    `symbols` are there where the welcome does not tell them, as its reader could have been anyone.
    """

    subject: str | None = None
    expires_at: Milliseconds | None = None
    private_sequence: Count | None = None
    symbols: list[str] | None = None


class AuthFailed(Base, tag="AUTH_FAILED", kw_only=True):
    """The document's has no fields; ours says why."""

    message: str = "the server does not take the token"


class Pong(Base, tag="PONG", kw_only=True):
    """`ping_id` is the PING's, and all that the document asks for.

    `ping_timestamp` is the PING's `timestamp`, `received_at` when the server read it: enough for a clock offset.
    """

    ping_id: str | None = None
    ping_timestamp: Milliseconds | None = None
    received_at: Milliseconds | None = None


# --- hftlab's own -----------------------------------------------------------------------------------------------------


class Gap(Base, tag="GAP", kw_only=True):
    """The messages `from_sequence` to `to_sequence` of `channel`, both included, are lost to this connection."""

    from_sequence: Count
    to_sequence: Count
    reason: str


class ReplayControl(Base, tag="REPLAY_CONTROL", kw_only=True):
    """`speed` goes with SPEED (None: as fast as possible), `position` with SEEK, `count` (messages) with STEP."""

    action: ReplayAction
    speed: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    position: Milliseconds | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ReplayStatus(Base, tag="REPLAY_STATUS", kw_only=True):
    """Where a recorded source stands, in source time; `speed` None is as fast as possible.

    `start` and `end` are the times of its first and last message. With `reset` it has been taken to another position:
    what was known of its symbols holds no longer, and the state there follows as snapshots, where there is any.
    """

    state: ReplayState
    position: Position
    speed: Annotated[float, Meta(gt=0)] | None = None
    start: Position | None = None
    end: Position | None = None
    reset: bool = False


class ServerShutdown(Base, tag="SERVER_SHUTDOWN", kw_only=True):
    """The last message before the server closes the connection with code 1001."""

    message: str


Request: TypeAlias = (
    Subscribe | Unsubscribe | Heartbeat | Auth | Ping | ReplayControl | NewOrder | CancelOrder | ReplaceOrder
)
"""What a client may send."""

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
"""Everything on the wire."""
