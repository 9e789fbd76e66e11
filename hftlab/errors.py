"""Every exception that hftlab raises on purpose.

    HftlabError
    ├── WireError                   what an ERROR message can say; `wire_type` is its errorType
    │   ├── ConnectionFailed        CONNECTION_FAILED      no server there, or it refused the handshake
    │   │   └── CertificateFailed                          the server's certificate is not trusted
    │   ├── AuthenticationFailed    AUTHENTICATION_FAILED
    │   ├── SubscriptionFailed      SUBSCRIPTION_FAILED    unknown symbol, frequency out of range, ...
    │   ├── MessageParseError       MESSAGE_PARSE_ERROR    not JSON, unknown type, a field that does not fit
    │   ├── RateLimitExceeded       RATE_LIMIT_EXCEEDED
    │   ├── ServerError             SERVER_ERROR
    │   └── NetworkError            NETWORK_ERROR          the connection broke
    ├── CallbackFailed              what a user gave to be called has raised
    ├── PortInUse                   another process listens there
    └── DataError                   a file is not what it should be; `path` says which
        ├── CaptureError            a venue's capture: truncated, foreign, unreadable
        ├── EventError              columns that are no EventBatch
        │   └── BookAnomaly         an event that its book cannot follow, where the policy is to raise
        └── SessionError            a recording
            ├── SessionNotFound
            ├── SessionExists
            ├── SessionTooNew       written by a later hftlab
            └── SessionDamaged      a part that does not match its checksum, a manifest that cannot be read

Each message is one sentence that says what is wrong, where, and what to do next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

__all__ = [
    "AuthenticationFailed",
    "BookAnomaly",
    "CallbackFailed",
    "CaptureError",
    "CertificateFailed",
    "ConnectionFailed",
    "DataError",
    "EventError",
    "HftlabError",
    "MessageParseError",
    "NetworkError",
    "PortInUse",
    "RateLimitExceeded",
    "ServerError",
    "SessionDamaged",
    "SessionError",
    "SessionExists",
    "SessionNotFound",
    "SessionTooNew",
    "SubscriptionFailed",
    "WireError",
]


class HftlabError(Exception):
    """The base of all."""


class WireError(HftlabError):
    """An error that can travel in an ERROR message.

    The reference document's WebSocketError: `wire_type` is its WebSocketErrorType, `recoverable` whether trying again
    can help, `context` what a program needs to know beside the sentence, `retry_after` the seconds to wait before
    trying again. `code` and `timestamp` (ms since 1970) are the server's, None if the error did not come from one.
    """

    wire_type: ClassVar[str] = "SERVER_ERROR"
    recoverable: bool = True
    code: int | None = None
    timestamp: float | None = None

    def __init__(
        self, message: str, *, context: dict[str, Any] | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.context, self.retry_after = context, retry_after

    @staticmethod
    def of(wire_type: str, message: str, context: dict[str, Any] | None) -> WireError:
        """The exception for an ERROR message that came in."""
        if wire_type == MessageParseError.wire_type:
            return MessageParseError(message, field=str((context or {}).get("field", "$")))
        kinds = {kind.wire_type: kind for kind in WireError.__subclasses__()}
        return kinds.get(wire_type, ServerError)(message, context=context)


class ConnectionFailed(WireError):
    wire_type = "CONNECTION_FAILED"


class CertificateFailed(ConnectionFailed):
    pass


class AuthenticationFailed(WireError):
    wire_type = "AUTHENTICATION_FAILED"
    recoverable = False


class SubscriptionFailed(WireError):
    wire_type = "SUBSCRIPTION_FAILED"


class MessageParseError(WireError):
    """A message that is not of the protocol; `field` names the first one that does not fit, `$` the whole message."""

    wire_type = "MESSAGE_PARSE_ERROR"

    def __init__(self, message: str, *, field: str = "$") -> None:
        super().__init__(message, context={"field": field})
        self.field = field


class RateLimitExceeded(WireError):
    wire_type = "RATE_LIMIT_EXCEEDED"


class ServerError(WireError):
    wire_type = "SERVER_ERROR"


class NetworkError(WireError):
    wire_type = "NETWORK_ERROR"


class CallbackFailed(HftlabError):
    """What a user gave to be called at `event` has raised, for the `failures`th time; `__cause__` is what it raised."""

    def __init__(self, event: str, callback: str, error: BaseException, failures: int) -> None:
        super().__init__(
            f"the callback {callback} for {event!r} raised {type(error).__name__}: {error} (failure {failures:,}); the "
            "client goes on: the debug log has the stack"
        )
        self.event, self.callback, self.failures = event, callback, failures
        self.__cause__ = error


class PortInUse(HftlabError):
    """The server's port is taken; `holder` names the process where the system tells."""

    def __init__(self, host: str, port: int, holder: str | None = None) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"port {port} on {host} is in use{by}: stop that process, choose another port, or port=0 for any free one"
        )
        self.host, self.port, self.holder = host, port, holder


class DataError(HftlabError):
    def __init__(self, message: str, *, path: Path | str | None = None) -> None:
        super().__init__(message)
        self.path = None if path is None else Path(path)


class CaptureError(DataError):
    pass


class EventError(DataError):
    pass


class BookAnomaly(EventError):
    """An event that its book cannot follow: its `kind` (one of hftlab.book.anomalies.KINDS), its `row` in the batch."""

    def __init__(self, kind: str, row: int, symbol: str, order_id: int) -> None:
        super().__init__(
            f"row {row} has an anomaly of the kind {kind} (order {order_id} of {symbol}): the books are as before the "
            f"batch; repair its rows, or make the BookSet with policy='skip' to count such rows and go on"
        )
        self.kind, self.row, self.symbol, self.order_id = kind, row, symbol, order_id


class SessionError(DataError):
    pass


class SessionNotFound(SessionError):
    pass


class SessionExists(SessionError):
    pass


class SessionTooNew(SessionError):
    pass


class SessionDamaged(SessionError):
    pass
