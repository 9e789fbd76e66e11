"""Exceptions made from the ERROR messages that a client receives."""

from __future__ import annotations

from hftlab.errors import WireError
from hftlab.protocol.messages import Error

__all__ = ["wire_error"]


def wire_error(message: Error) -> WireError:
    """Make the exception that an ERROR stands for, with its code, time and retryAfter."""
    # The document allows for any context; ours is an object.
    context = message.context if isinstance(message.context, dict | None) else {"context": message.context}
    error = WireError.of(message.error_type, message.message, context)
    error.recoverable, error.code, error.timestamp = message.recoverable, message.code, message.timestamp
    error.retry_after = message.retry_after
    return error
