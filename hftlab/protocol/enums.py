"""Enumerations of the wire, spelt as in the reference document."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ArbitrageState",
    "ConnectionState",
    "DataType",
    "ErrorType",
    "Liquidity",
    "OrderStatus",
    "OrderType",
    "PositionSide",
    "ReplayAction",
    "ReplayState",
    "SelfTradePrevention",
    "Side",
    "SlowConsumer",
    "TimeInForce",
    "UpdateType",
]


class ConnectionState(StrEnum):
    """State of a client's connection: the six of the reference document's Connection Lifecycle."""

    DISCONNECTED = "DISCONNECTED"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    RECONNECTING = "RECONNECTING"
    DISCONNECTING = "DISCONNECTING"
    ERROR = "ERROR"


class DataType(StrEnum):
    """Kind of data in a subscription; BOOK_DELTA (incremental books) and ARBITRAGE (opportunities) are hftlab's own."""

    QUOTES = "QUOTES"
    TRADES = "TRADES"
    ORDER_BOOK = "ORDER_BOOK"
    STATISTICS = "STATISTICS"
    BOOK_DELTA = "BOOK_DELTA"
    ARBITRAGE = "ARBITRAGE"

    @property
    def is_event(self) -> bool:
        """True if it consists of events, which may not be skipped in silence; of state only the newest matters."""
        return self in (DataType.TRADES, DataType.BOOK_DELTA, DataType.ARBITRAGE)

    @property
    def has_own_message(self) -> bool:
        """True if it has a message type, and so channels, of its own, instead of being part of MARKET_DATA."""
        return self in (DataType.BOOK_DELTA, DataType.ARBITRAGE)


class ErrorType(StrEnum):
    """Type of an ERROR: the reference document's WebSocketErrorType."""

    CONNECTION_FAILED = "CONNECTION_FAILED"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    SUBSCRIPTION_FAILED = "SUBSCRIPTION_FAILED"
    MESSAGE_PARSE_ERROR = "MESSAGE_PARSE_ERROR"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    SERVER_ERROR = "SERVER_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"


class SlowConsumer(StrEnum):
    """Policy of a subscription whose reader is too slow; the server counts each use.

    CONFLATE skips messages and sends the newest state (default for state), GAP declares what is lost and starts again
    from a snapshot (default for events), DISCONNECT ends the connection. State that is requested together with TRADES
    comes in one message with them, and so has their default.
    """

    CONFLATE = "CONFLATE"
    GAP = "GAP"
    DISCONNECT = "DISCONNECT"


class ArbitrageState(StrEnum):
    """Stage of an arbitrage opportunity."""

    OPEN = "OPEN"
    UPDATE = "UPDATE"
    CLOSE = "CLOSE"


class Side(StrEnum):
    """Side of an order, or of the order that caused a trade."""

    BUY = "BUY"
    SELL = "SELL"


class PositionSide(StrEnum):
    """Direction of a position."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


class OrderType(StrEnum):
    """Type of an order. The reference document names this enumeration and leaves it open; the members are hftlab's."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    ICEBERG = "ICEBERG"


class OrderStatus(StrEnum):
    """State of an order."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class Liquidity(StrEnum):
    """Role of an order in a fill: whether it made the price, took it, or traded in an auction."""

    MAKER = "MAKER"
    TAKER = "TAKER"
    AUCTION = "AUCTION"


class UpdateType(StrEnum):
    """Cause of an ORDER_UPDATE."""

    NEW = "NEW"
    FILL = "FILL"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    EXPIRE = "EXPIRE"
    REJECT = "REJECT"


class TimeInForce(StrEnum):
    """Time for which an order stays in force."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class SelfTradePrevention(StrEnum):
    """Self-trade prevention: the outcome in place of a trade between two orders of one account, by the incoming order.

    DECREMENT takes from both orders what they would have traded.
    """

    NONE = "NONE"
    CANCEL_NEWEST = "CANCEL_NEWEST"
    CANCEL_OLDEST = "CANCEL_OLDEST"
    CANCEL_BOTH = "CANCEL_BOTH"
    DECREMENT = "DECREMENT"


class ReplayAction(StrEnum):
    """Command of a REPLAY_CONTROL."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    STEP = "STEP"
    SEEK = "SEEK"
    SPEED = "SPEED"


class ReplayState(StrEnum):
    """State of a recorded source; WAITING is before the first subscription."""

    WAITING = "WAITING"
    PLAYING = "PLAYING"
    PAUSED = "PAUSED"
    ENDED = "ENDED"
