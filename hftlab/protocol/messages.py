"""Every message of the wire as a struct: the schema, the validator and the codec at once.

The reference document's messages come first, in its order ("Message Protocol", "Authentication Flow", "Health
Monitoring"), then hftlab's own. Attributes are snake_case here and the document's camelCase on the wire. Times are
milliseconds since 1970 UTC, up to three decimals; prices are in the instrument's currency, sizes in its units.
Unknown fields of a known type are ignored (the document's `[key: string]: any`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field

from hftlab.protocol.base import (
    Amount,
    Base,
    Count,
    Currency,
    Frequency,
    Milliseconds,
    Name,
    Part,
    Position,
    Price,
    Size,
    Symbol,
    TradedPrice,
)
from hftlab.protocol.enums import (
    ArbitrageState,
    DataType,
    ErrorType,
    OrderStatus,
    OrderType,
    PositionSide,
    ReplayAction,
    ReplayState,
    Side,
    SlowConsumer,
    TimeInForce,
    UpdateType,
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
    "ReplaceOrder",
    "ReplayControl",
    "ReplayStatus",
    "Request",
    "ServerShutdown",
    "Subscribe",
    "Trade",
    "Unsubscribe",
]


# --- market data ------------------------------------------------------------------------------------------------------


class OrderBookLevel(Part, kw_only=True):
    price: Price
    size: Size
    orders: Count


class Trade(Part, kw_only=True):
    """The document's `lastTrade`; `side` is the aggressor's."""

    price: TradedPrice
    size: Size
    timestamp: Milliseconds
    side: Side


class MarketDataSymbol(Part, kw_only=True):
    """One symbol's state. `timestamp` is ts_event; an empty side of the book has price 0 and size 0.

    `trades` is ours: with the data type TRADES, every trade since the symbol's previous message, oldest first.
    """

    symbol: Symbol
    exchange: str
    price: TradedPrice
    bid: Price
    ask: Price
    bid_size: Size
    ask_size: Size
    volume: Size
    change: Amount
    change_percent: Amount
    high: Price
    low: Price
    open: Price
    previous_close: Price
    timestamp: Milliseconds
    bids: list[OrderBookLevel] | None = None
    asks: list[OrderBookLevel] | None = None
    last_trade: Trade | None = None
    trades: list[Trade] | None = None


class MarketData(Base, tag="MARKET_DATA", kw_only=True):
    """`timestamp` is ts_out. `snapshot` marks state repeated for one subscriber; `ts_recv` is a recording's capture."""

    symbols: list[MarketDataSymbol]
    snapshot: bool = False
    ts_recv: Milliseconds | None = None


# --- trading ----------------------------------------------------------------------------------------------------------


class OrderUpdate(Base, tag="ORDER_UPDATE", kw_only=True):
    order_id: Name
    client_order_id: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: Size
    filled_quantity: Size
    remaining_quantity: Size
    price: Price | None = None
    average_price: Price | None = None
    last_fill_price: Price | None = None
    last_fill_quantity: Size | None = None
    commission: Amount | None = None
    reason: str | None = None
    update_type: UpdateType


class PositionUpdate(Base, tag="POSITION_UPDATE", kw_only=True):
    symbol: Symbol
    quantity: Amount
    average_price: Price
    current_price: Price
    market_value: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    side: PositionSide


class PortfolioUpdate(Base, tag="PORTFOLIO_UPDATE", kw_only=True):
    """The document names this type and leaves its fields open; these are ours, all in `currency`."""

    total_value: Amount
    cash: Amount
    market_value: Amount
    buying_power: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    currency: Currency = "USD"


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
    pass


# --- replies ----------------------------------------------------------------------------------------------------------


class Limits(Part, kw_only=True):
    """What the server allows one connection."""

    max_message_bytes: Count
    max_symbols: Count
    min_frequency: Frequency
    max_frequency: Frequency


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
    """The document's WebSocketError; its `type` travels as `errorType`, beside the message's own."""

    error_type: ErrorType
    message: str
    recoverable: bool
    code: int | None = None
    context: dict[str, Any] | None = None
    retry_after: Annotated[float, Meta(ge=0)] | None = None


class AuthSuccess(Base, tag="AUTH_SUCCESS", kw_only=True):
    subject: str | None = None
    expires_at: Milliseconds | None = None


class AuthFailed(Base, tag="AUTH_FAILED", kw_only=True):
    message: str


class Pong(Base, tag="PONG", kw_only=True):
    """`ping_timestamp` is the PING's `timestamp`, `received_at` when the server read it: enough for a clock offset."""

    ping_timestamp: Milliseconds
    received_at: Milliseconds


# --- hftlab's own -----------------------------------------------------------------------------------------------------


class BookDelta(Base, tag="BOOK_DELTA", kw_only=True):
    """An incremental book: a snapshot, then changed levels, where size 0 removes the level.

    `checksum` is the CRC32 (as in zlib) of little-endian IEEE 754 doubles: the sequence, then price and size of the
    best ten bids, best first, then those of the best ten asks, after the change.
    """

    symbol: Symbol
    exchange: str
    bids: list[OrderBookLevel]
    asks: list[OrderBookLevel]
    checksum: Annotated[int, Meta(ge=0, lt=2**32)]
    ts_event: Milliseconds
    snapshot: bool = False


class Arbitrage(Base, tag="ARBITRAGE", kw_only=True):
    """One thing that costs less at `buy_venue` than it brings at `sell_venue`, fees and currencies included.

    `symbol` is the plain symbol, without a venue. `ask` is the best price at which to buy and `bid` the best at which
    to sell, each in its own venue's currency; `size` is how much can be bought and sold at a gain, level by level, and
    `edge` what that brings in all, in `currency`. `peak_edge` is the largest edge since `opened`. `opened` and `closed`
    are ts_event of the book changes that made and ended it. At CLOSE `size` and `edge` are 0, and a price is 0 where
    that side of the book has gone. `snapshot` marks an opportunity told again to one subscriber.
    """

    symbol: Symbol
    state: ArbitrageState
    buy_venue: Name
    sell_venue: Name
    ask: Price
    bid: Price
    size: Size
    edge: Amount
    peak_edge: Amount
    currency: Currency
    opened: Milliseconds
    closed: Milliseconds | None = None
    snapshot: bool = False


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


class NewOrder(Base, tag="NEW_ORDER", kw_only=True):
    """Sending one `client_order_id` twice does nothing twice."""

    client_order_id: Name
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Annotated[float, Meta(gt=0, le=1e15)]
    price: TradedPrice | None = None
    stop_price: TradedPrice | None = None
    display_quantity: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False


class CancelOrder(Base, tag="CANCEL_ORDER", kw_only=True):
    client_order_id: Name


class ReplaceOrder(Base, tag="REPLACE_ORDER", kw_only=True):
    client_order_id: Name
    new_client_order_id: Name
    quantity: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    price: TradedPrice | None = None


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
