"""Every exception that hftlab raises on purpose.

    HftlabError
    ├── WireError                   an error that an ERROR message can carry; `wire_type` is its errorType
    │   ├── ConnectionFailed        CONNECTION_FAILED      no server there, or it refused the handshake
    │   │   └── CertificateFailed                          the server's certificate is not trusted
    │   ├── AuthenticationFailed    AUTHENTICATION_FAILED
    │   ├── SubscriptionFailed      SUBSCRIPTION_FAILED    unknown symbol, frequency out of range, ...
    │   ├── MessageParseError       MESSAGE_PARSE_ERROR    not JSON, unknown type, an invalid field
    │   ├── RateLimitExceeded       RATE_LIMIT_EXCEEDED
    │   ├── ServerError             SERVER_ERROR
    │   └── NetworkError            NETWORK_ERROR          the connection broke
    ├── ArgumentError               an argument that cannot be; a ValueError as well
    │   └── ArgumentTypeError       an argument of another type; a TypeError as well
    ├── NameNotFound                a symbol, order or session that is not in a collection; a KeyError as well
    ├── AttributeNotFound           a misspelt method or name of the package; an AttributeError as well
    ├── CallbackFailed              a user's callback has raised
    ├── ReplayMoved                 another client has moved the replay that a run steps through
    ├── StepFailed                  the step of a compiled strategy has raised, or cannot be compiled
    ├── WorkerDied                  a process of a pool has ended in the middle of a call, again and again
    ├── ExecutorFailed              the executor of a sweep takes no more runs
    ├── StaleCode                   a module of a sweep was edited after it was loaded
    ├── ImpossibleTransition        a venue's update that does not fit its order
    ├── PortInUse                   another process, or this one, listens on the port
    ├── AddressFailed               a server cannot listen on an address; an OSError as well
    └── DataError                   a file or its data is wrong; `path` says which file
        ├── CaptureError            a venue's capture: truncated, of another format, unreadable
        ├── EventError              columns that are not an EventBatch
        │   └── BookAnomaly         an event that does not fit its book, with the policy to raise
        ├── SessionError            a recorded session
        │   ├── SessionNotFound
        │   ├── SessionExists
        │   ├── SessionBusy         another process, or this one, is writing it
        │   ├── SessionTooNew       written by a later hftlab
        │   ├── SessionDamaged      a part that does not match its checksum, an unreadable manifest
        │   └── ObjectStoreFailed   an object store cannot be reached, or refuses
        ├── ResultError             a saved result of a backtest
        │   ├── ResultNotFound
        │   ├── ResultExists
        │   ├── ResultTooNew        written by a later hftlab
        │   └── ResultDamaged       a table that does not match its checksum, an unreadable result.json
        └── SweepError              the folder of a sweep
            ├── SweepNotFound
            ├── SweepExists
            ├── SweepBusy           another process, or this one, runs a sweep there
            ├── SweepTooNew         written by a later hftlab
            └── SweepDamaged        rows or a plan that cannot be read

Each message is one sentence that says what is wrong, where, and what to do next. In a notebook an error is shown as a
card: what is wrong, the line of the user's that it came through, and a line to paste instead.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Final, Self, cast

from hftlab.printable import printable

__all__ = [
    "AddressFailed",
    "ArgumentError",
    "ArgumentTypeError",
    "AttributeNotFound",
    "AuthenticationFailed",
    "BookAnomaly",
    "CallbackFailed",
    "CaptureError",
    "CertificateFailed",
    "ConnectionFailed",
    "DataError",
    "EventError",
    "ExecutorFailed",
    "HftlabError",
    "ImpossibleTransition",
    "MessageParseError",
    "NameNotFound",
    "NetworkError",
    "ObjectStoreFailed",
    "PortInUse",
    "RateLimitExceeded",
    "ReplayMoved",
    "ResultDamaged",
    "ResultError",
    "ResultExists",
    "ResultNotFound",
    "ResultTooNew",
    "ServerError",
    "SessionBusy",
    "SessionDamaged",
    "SessionError",
    "SessionExists",
    "SessionNotFound",
    "SessionTooNew",
    "StaleCode",
    "StepFailed",
    "SubscriptionFailed",
    "SweepBusy",
    "SweepDamaged",
    "SweepError",
    "SweepExists",
    "SweepNotFound",
    "SweepTooNew",
    "WireError",
    "WorkerDied",
]


_NOTHING: Final[Mapping[Any, str]] = MappingProxyType({})


class HftlabError(Exception):
    """The base class of all exceptions of hftlab; what a file or a peer put into its text is escaped when printed.

    Advice for programs and for a notebook's card: `paste` is code that puts it right; `instead` has the values that
    were given and the code that was probably meant by each; `arguments` has the code of keyword arguments to set.
    """

    paste: str | None = None
    instead: Mapping[Any, str] = _NOTHING
    arguments: Mapping[str, str] = _NOTHING
    _carded: TracebackType | None = None

    def __str__(self) -> str:
        return printable(Exception.__str__(self))

    def advise(
        self,
        paste: str | None = None,
        *,
        instead: Mapping[Any, str] = _NOTHING,
        arguments: Mapping[str, str] = _NOTHING,
    ) -> Self:
        """Add advice, and return the error: `raise SubscriptionFailed(...).advise(instead={"APPL": "'AAPL'"})`."""
        self.paste, self.instead, self.arguments = paste, dict(instead), dict(arguments)
        return self

    def _render_traceback_(self) -> list[str]:
        """Show the error in IPython: a card, and all of its traceback when it is shown again, as by `%tb`."""
        from hftlab.error_card import error_card, full_traceback, wants_all

        trace, self._carded = self._carded, self.__traceback__
        if wants_all() or (trace is not None and trace is self.__traceback__):
            return full_traceback(self)
        return error_card(self)


class ArgumentError(HftlabError, ValueError):
    """An argument that cannot be: out of range, unknown, or in another unit."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument of a type that is not taken."""


class NameNotFound(HftlabError, KeyError):
    """A name that is not in a collection, such as a symbol without a position."""


class AttributeNotFound(HftlabError, AttributeError):
    """An attribute that an object or the package does not have."""


class WireError(HftlabError):
    """An error that an ERROR message can carry: the reference document's WebSocketError.

    `wire_type` is its WebSocketErrorType, `recoverable` says that trying again can help, `context` holds details for
    programs, and `retry_after` is the number of seconds to wait before trying again. `code` and `timestamp` (ms since
    1970) come from the server; they are None for an error that the client has raised itself.
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
        """Make the exception for a received ERROR message; an unknown type becomes a ServerError."""
        if wire_type == MessageParseError.wire_type:
            return MessageParseError(message, field=str((context or {}).get("field", "$")))
        kinds = {kind.wire_type: kind for kind in WireError.__subclasses__()}
        return kinds.get(wire_type, ServerError)(message, context=context)


class ConnectionFailed(WireError):
    """No server answers at the address, or it refuses the handshake."""

    wire_type = "CONNECTION_FAILED"


class CertificateFailed(ConnectionFailed):
    """The server's certificate is not trusted, has expired or is for another name."""


class AuthenticationFailed(WireError):
    """The server does not accept the token, or a request needs one."""

    wire_type = "AUTHENTICATION_FAILED"
    recoverable = False


class SubscriptionFailed(WireError):
    """A subscription asks for something that the server does not offer."""

    wire_type = "SUBSCRIPTION_FAILED"


class MessageParseError(WireError):
    """A message that the protocol does not allow; `field` names the first wrong field, `$` the whole message."""

    wire_type = "MESSAGE_PARSE_ERROR"

    def __init__(self, message: str, *, field: str = "$") -> None:
        super().__init__(message, context={"field": field})
        self.field = field


class RateLimitExceeded(WireError):
    """The client sends too much; `retry_after` says how long to wait."""

    wire_type = "RATE_LIMIT_EXCEEDED"


class ServerError(WireError):
    """The server cannot do what a request asks for, or its source has failed."""

    wire_type = "SERVER_ERROR"


class NetworkError(WireError):
    """The connection broke, or there is none."""

    wire_type = "NETWORK_ERROR"


class CallbackFailed(HftlabError):
    """A user's callback for `event` has raised, for the `failures`th time; `__cause__` is the exception."""

    def __init__(self, event: str, callback: str, error: BaseException, failures: int) -> None:
        super().__init__(
            f"the callback {callback} for {event!r} raised {type(error).__name__}: {error} (failure {failures:,}); the "
            "client goes on: client.debug_log has the traceback"
        )
        self.event, self.callback, self.failures = event, callback, failures
        self.__cause__ = error


class ReplayMoved(HftlabError):
    """A replay that a run steps through was moved by another client: what the strategy knows is not true there."""


class StepFailed(HftlabError):
    """The step of a compiled strategy cannot be compiled, or has raised: `file` and `line` say where, if known."""

    def __init__(self, function: Callable[..., Any], line: int | None, reason: str) -> None:
        code = function.__code__
        self.file, self.line = code.co_filename, line
        number = code.co_firstlineno if line is None else line
        text = linecache.getline(code.co_filename, number).strip()
        shown = f": `{text}`" if text and line is not None else ""
        name = Path(code.co_filename).name
        super().__init__(f"the step {function.__qualname__} ({name}, line {number}{shown}) failed: {reason}")


class WorkerDied(HftlabError):
    """A process of a pool ended in the middle of a call, each time that it was tried: `status` is how the last did."""

    def __init__(self, tries: int, status: int | None) -> None:
        self.tries, self.status = tries, status
        how = "ended" if status is None else f"was killed by signal {-status}" if status < 0 else f"exited ({status})"
        again = "" if tries == 1 else f" {tries:,} times"
        super().__init__(f"the process that ran it {how}{again}: it may need more memory than there is, or crash")


class ExecutorFailed(HftlabError):
    """The executor that a sweep was given takes no more runs; what ended is kept."""


class StaleCode(HftlabError):
    """A module of a sweep is not loaded as its file says, here or in the process that was to run it."""

    def __init__(self, text: str, module: str) -> None:
        self.module = module
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return StaleCode, (str(self), self.module)


class ImpossibleTransition(HftlabError):
    """A venue's update that does not fit its order, such as a fill of one that is over; the order stays as it is."""


class PortInUse(HftlabError):
    """Something listens on the server's port: `holder` names its process where the system allows.

    `is_here` says that it is this process, as a notebook's kernel with another server.
    """

    def __init__(self, host: str, port: int, holder: str | None = None, *, is_here: bool = False) -> None:
        by = f" by {holder}" if holder else ""
        first = "stop what you have started there" if is_here else "stop that process"
        super().__init__(f"port {port} on {host} is in use{by}: {first}, or take any free port with port=0")
        self.host, self.port, self.holder, self.is_here = host, port, holder, is_here
        self.advise(arguments={"port": "0"})


class AddressFailed(HftlabError, OSError):
    """A server cannot listen on an address: it is not this machine's, or its port is for administrators."""


class DataError(HftlabError):
    """A file or its data is wrong; `path` is the file, None if the data did not come from one."""

    def __init__(self, message: str, *, path: PathLike[str] | str | None = None) -> None:
        super().__init__(message)
        # What lies on an object store keeps its address, which reads as a Path does.
        self.path = Path(path) if isinstance(path, str) else cast("Path | None", path)


class CaptureError(DataError):
    """A venue's capture is truncated, of another format, or unreadable."""


class EventError(DataError):
    """Columns that are not an EventBatch: one is missing, of another type, or out of range."""


class BookAnomaly(EventError):
    """An event that does not fit its book: its `kind` (in hftlab.book.anomalies.KINDS) and its `row` in the batch."""

    def __init__(self, kind: str, row: int, symbol: str, order_id: int) -> None:
        super().__init__(
            f"row {row} has an event that does not fit its book, {kind} (order {order_id} of {symbol}): the books are "
            "as before the batch; repair its rows, or make the BookSet with policy='skip' to count such rows and go on"
        )
        self.kind, self.row, self.symbol, self.order_id = kind, row, symbol, order_id


class SessionError(DataError):
    """A recorded session cannot be read or written."""


class SessionNotFound(SessionError):
    """The folder is not a recorded session."""


class SessionExists(SessionError):
    """The folder is taken, by a session or by other files."""


class SessionBusy(SessionError):
    """Another process, or another part of this one, is writing the session."""


class SessionTooNew(SessionError):
    """The session was written by a later hftlab."""


class SessionDamaged(SessionError):
    """A part does not match its checksum, or the manifest cannot be read."""


class ObjectStoreFailed(SessionError):
    """An object store cannot be reached, has no such bucket, or refuses: nothing of this machine is lost by it."""


class ResultError(DataError):
    """A saved result of a backtest cannot be read or written."""


class ResultNotFound(ResultError):
    """The folder is not a saved result."""


class ResultExists(ResultError):
    """The folder is taken, by a result or by other files."""


class ResultTooNew(ResultError):
    """The result was saved by a later hftlab."""


class ResultDamaged(ResultError):
    """A table does not match its checksum, or result.json cannot be read."""


class SweepError(DataError):
    """The folder of a sweep cannot be read or written."""


class SweepNotFound(SweepError):
    """The folder is not a sweep's."""


class SweepExists(SweepError):
    """The folder is taken, by another strategy's sweep or by other files."""


class SweepBusy(SweepError):
    """Another process, or another part of this one, runs a sweep in the folder."""


class SweepTooNew(SweepError):
    """The sweep was written by a later hftlab."""


class SweepDamaged(SweepError):
    """Rows of runs, or the plan, cannot be read."""
