"""The closed word lists of the wire, as the reference document spells them."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ArbitrageState",
    "ConnectionState",
    "DataType",
    "ErrorType",
    "OrderStatus",
    "OrderType",
    "PositionSide",
    "ReplayAction",
    "ReplayState",
    "Side",
    "SlowConsumer",
    "TimeInForce",
    "UpdateType",
]


class ConnectionState(StrEnum):
    """The six states of the reference document's Connection Lifecycle."""

    DISCONNECTED = "DISCONNECTED"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    RECONNECTING = "RECONNECTING"
    DISCONNECTING = "DISCONNECTING"
    ERROR = "ERROR"


class DataType(StrEnum):
    """What a subscription asks for; BOOK_DELTA, incremental books, and ARBITRAGE, opportunities, are ours."""

    QUOTES = "QUOTES"
    TRADES = "TRADES"
    ORDER_BOOK = "ORDER_BOOK"
    STATISTICS = "STATISTICS"
    BOOK_DELTA = "BOOK_DELTA"
    ARBITRAGE = "ARBITRAGE"

    @property
    def is_event(self) -> bool:
        """Whether each item counts: events may not be skipped in silence, of state only the newest matters."""
        return self in (DataType.TRADES, DataType.BOOK_DELTA, DataType.ARBITRAGE)

    @property
    def has_own_message(self) -> bool:
        """Whether it comes in a message type of its own, and so in channels of its own, instead of in MARKET_DATA."""
        return self in (DataType.BOOK_DELTA, DataType.ARBITRAGE)


class ErrorType(StrEnum):
    """The reference document's WebSocketErrorType."""

    CONNECTION_FAILED = "CONNECTION_FAILED"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    SUBSCRIPTION_FAILED = "SUBSCRIPTION_FAILED"
    MESSAGE_PARSE_ERROR = "MESSAGE_PARSE_ERROR"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    SERVER_ERROR = "SERVER_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"


class SlowConsumer(StrEnum):
    """What happens to a subscription whose reader is too slow; each is counted.

    CONFLATE skips messages and sends the newest state (default for state), GAP declares what is lost and starts again
    from a snapshot (default for events), DISCONNECT ends the connection. State that is asked for together with TRADES
    comes in one message with them, and so has their default.
    """

    CONFLATE = "CONFLATE"
    GAP = "GAP"
    DISCONNECT = "DISCONNECT"


class ArbitrageState(StrEnum):
    OPEN = "OPEN"
    UPDATE = "UPDATE"
    CLOSE = "CLOSE"


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class PositionSide(StrEnum):
    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


class OrderType(StrEnum):
    """The reference document names this type and leaves it open; the members are ours."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    ICEBERG = "ICEBERG"


class OrderStatus(StrEnum):
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class UpdateType(StrEnum):
    NEW = "NEW"
    FILL = "FILL"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    EXPIRE = "EXPIRE"
    REJECT = "REJECT"


class TimeInForce(StrEnum):
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class ReplayAction(StrEnum):
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    STEP = "STEP"
    SEEK = "SEEK"
    SPEED = "SPEED"


class ReplayState(StrEnum):
    WAITING = "WAITING"
    PLAYING = "PLAYING"
    PAUSED = "PAUSED"
    ENDED = "ENDED"
