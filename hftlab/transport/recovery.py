"""Decisions about errors: retry, wait, renew, or only log (the reference document's ErrorRecoveryManager)."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

from hftlab.errors import AuthenticationFailed, ConnectionFailed, MessageParseError, RateLimitExceeded, WireError

__all__ = ["Action", "ErrorRecovery", "Recovery"]

_HISTORY: Final = 100
_RECENT: Final = 60.0
_MANY: Final = 5
_PAUSE: Final = 60.0


class Action(StrEnum):
    """Reaction to an error: the document's RecoveryAction."""

    IMMEDIATE_RETRY = "IMMEDIATE_RETRY"
    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"
    BACKOFF = "BACKOFF"
    REFRESH_AUTH = "REFRESH_AUTH"
    LOG = "LOG"


class Recovery(NamedTuple):
    """Decision about an error: the action, and its delay in seconds; Backoff makes the wait of a retry from it."""

    action: Action
    delay: float


class Failure(NamedTuple):
    """Entry of the history; `at` is the steady time in seconds when the error was handled."""

    at: float
    error_type: str
    message: str


class ErrorRecovery:
    """Table from error types to actions and delays, with the newest hundred errors as `history`.

    | error                 | action              | delay                                        |
    |-----------------------|---------------------|----------------------------------------------|
    | CONNECTION_FAILED     | IMMEDIATE_RETRY     | 1 s (`retry`)                                |
    | more than 5 in 60 s   | EXPONENTIAL_BACKOFF | 30 s (`limit`)                               |
    | AUTHENTICATION_FAILED | REFRESH_AUTH        | none                                         |
    | RATE_LIMIT_EXCEEDED   | BACKOFF             | 60 s, or the error's retryAfter              |
    | MESSAGE_PARSE_ERROR   | LOG                 | none                                         |
    | any other             | LOG                 | none; BACKOFF if the error has a retryAfter  |

    An error that is not `recoverable` gets LOG, except for an authentication, which a new token may mend. Times are
    seconds of any steady clock.
    """

    def __init__(self, retry: float = 1.0, limit: float = 30.0) -> None:
        self.history: deque[Failure] = deque(maxlen=_HISTORY)
        self._retry, self._limit = retry, limit
        self._held_until = float("-inf")

    def handle(self, error: WireError, at: float) -> Recovery:
        """Add the error to the history and decide; after BACKOFF requests are held back until its delay is over."""
        self.history.append(Failure(at, error.wire_type, str(error)))
        recovery = self._recovery(error, at)
        if recovery.action is Action.BACKOFF:
            self._held_until = max(self._held_until, at + recovery.delay)
        return recovery

    def held_for(self, at: float) -> float:
        """Return the seconds until requests may be sent again; 0 if they may now."""
        return max(self._held_until - at, 0.0)

    def _recovery(self, error: WireError, at: float) -> Recovery:
        if error.wire_type == AuthenticationFailed.wire_type:
            return Recovery(Action.REFRESH_AUTH, 0.0)
        if not error.recoverable or error.wire_type == MessageParseError.wire_type:
            return Recovery(Action.LOG, 0.0)
        if error.wire_type == ConnectionFailed.wire_type:
            recent = sum(each.error_type == error.wire_type and each.at > at - _RECENT for each in self.history)
            many = recent > _MANY
            return Recovery(
                Action.EXPONENTIAL_BACKOFF if many else Action.IMMEDIATE_RETRY, self._limit if many else self._retry
            )
        if error.retry_after is not None:
            return Recovery(Action.BACKOFF, error.retry_after)
        if error.wire_type == RateLimitExceeded.wire_type:
            return Recovery(Action.BACKOFF, _PAUSE)
        # The document leaves it open: only an error that says when to come back is waited for.
        return Recovery(Action.LOG, 0.0)
