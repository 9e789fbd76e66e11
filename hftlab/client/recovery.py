"""What to do about an error (the reference document's ErrorRecoveryManager)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from hftlab.errors import WireError
from hftlab.protocol import ErrorType

__all__ = ["Action", "ErrorRecovery", "Recovery"]

_HISTORY: Final = 100
_RECENT: Final = 60.0
_MANY: Final = 5


class Action(StrEnum):
    """The document's RecoveryAction."""

    IMMEDIATE_RETRY = "IMMEDIATE_RETRY"
    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"
    BACKOFF = "BACKOFF"
    REFRESH_AUTH = "REFRESH_AUTH"
    LOG = "LOG"


class Recovery(NamedTuple):
    """What to do, and after how many seconds."""

    action: Action
    delay: float


class Failure(NamedTuple):
    """One error of the history; `at` is the steady time it was handled at."""

    at: float
    error_type: str
    message: str


_Rule = Callable[[WireError, int], Recovery]
"""From an error and how many of its type the last minute has seen, it included."""


def _retry(error: WireError, recent: int) -> Recovery:
    if recent > _MANY:
        return Recovery(Action.EXPONENTIAL_BACKOFF, max(30.0, error.retry_after or 0.0))
    return Recovery(Action.IMMEDIATE_RETRY, max(1.0, error.retry_after or 0.0))


def _refresh(_error: WireError, _recent: int) -> Recovery:
    return Recovery(Action.REFRESH_AUTH, 0.0)


def _hold_back(error: WireError, _recent: int) -> Recovery:
    return Recovery(Action.BACKOFF, 60.0 if error.retry_after is None else error.retry_after)


def _note(_error: WireError, _recent: int) -> Recovery:
    return Recovery(Action.LOG, 0.0)


def _default(error: WireError, recent: int) -> Recovery:
    """The document leaves it open: only what says when to come back is waited for."""
    return _note(error, recent) if error.retry_after is None else _hold_back(error, recent)


_TABLE: Final[dict[str, _Rule]] = {
    ErrorType.CONNECTION_FAILED: _retry,
    ErrorType.AUTHENTICATION_FAILED: _refresh,
    ErrorType.RATE_LIMIT_EXCEEDED: _hold_back,
    ErrorType.MESSAGE_PARSE_ERROR: _note,
}


class ErrorRecovery:
    """The table from error types to actions and delays, and the newest hundred errors it decided on.

    | error                 | action              | delay                                        |
    |-----------------------|---------------------|----------------------------------------------|
    | CONNECTION_FAILED     | IMMEDIATE_RETRY     | 1 s                                          |
    | more than 5 in 60 s   | EXPONENTIAL_BACKOFF | 30 s                                         |
    | AUTHENTICATION_FAILED | REFRESH_AUTH        | none                                         |
    | RATE_LIMIT_EXCEEDED   | BACKOFF             | 60 s, or the error's retryAfter              |
    | MESSAGE_PARSE_ERROR   | LOG                 | none                                         |
    | any other             | LOG                 | none; BACKOFF if the error has a retryAfter  |

    Times are seconds of any steady clock. The delays before a reconnection go through Backoff, which says how.
    """

    def __init__(self) -> None:
        self.history: deque[Failure] = deque(maxlen=_HISTORY)
        self._held_until = float("-inf")

    def handle(self, error: WireError, at: float) -> Recovery:
        """Note the error and decide; after BACKOFF requests are held back until its delay is over."""
        self.history.append(Failure(at, error.wire_type, str(error)))
        recent = sum(each.error_type == error.wire_type and each.at > at - _RECENT for each in self.history)
        recovery = _TABLE.get(error.wire_type, _default)(error, recent)
        if recovery.action is Action.BACKOFF:
            self._held_until = max(self._held_until, at + recovery.delay)
        return recovery

    def held_for(self, at: float) -> float:
        """Seconds until requests may be sent again; 0 if they may now."""
        return max(self._held_until - at, 0.0)
