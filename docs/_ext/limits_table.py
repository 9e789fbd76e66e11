"""What one client may ask of a server: the defaults as ServerLimits has them, and what happens beyond each."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from hftlab.server import Rate, ServerLimits

__all__ = ["BEYOND", "table"]

BEYOND: Final = {
    "message_bytes": ("bytes of one message", "`MESSAGE_PARSE_ERROR`, then closed with 1009"),
    "symbols": ("symbols of one request; at least all that the server has", "`SUBSCRIPTION_FAILED`"),
    "messages": ("messages of a connection", "`RATE_LIMIT_EXCEEDED` with `retryAfter` in seconds"),
    "subscriptions": ("SUBSCRIBE and UNSUBSCRIBE of a connection", "`RATE_LIMIT_EXCEEDED` with `retryAfter`"),
    "subscribed": ("pairs of a symbol and a data type that one connection holds", "`SUBSCRIPTION_FAILED`"),
    "errors": ("ERROR and AUTH_FAILED messages that a connection may cause", "closed with 1008"),
    "connections": ("connections in all", "503 with Retry-After; beyond twice as many dropped"),
    "connections_per_address": ("connections of an address; on loopback there is no limit", "503 with Retry-After"),
    "open_timeout": ("seconds for the opening handshake", "dropped"),
    "auth_deadline": ('seconds for AUTH, with `auth="required"`', "`AUTHENTICATION_FAILED`, then closed with 4001"),
    "write_deadline": ("seconds in which a reader takes nothing", 'aborted, counted as "slow consumer"'),
    "queue_bytes": (
        "bytes that wait for a reader, and as many of private messages before them",
        "`GAP` or, as the subscription asks, closed with 4008; private messages and replies: closed with 4008",
    ),
    "queue_messages": ("messages that wait for a reader, and as many private ones before them", "the same"),
}
"""Field -> what it limits, and what happens beyond it."""


def table() -> str:
    lines = ["| limit | of what | default | beyond it |", "|---|---|---|---|"]
    for field in fields(ServerLimits):
        what, beyond = BEYOND[field.name]
        lines.append(f"| `{field.name}` | {what} | {_default(field.default)} | {beyond} |")
    return "\n".join([*lines, ""])


def _default(value: Any) -> str:
    if isinstance(value, Rate):
        return f"{value.per_second:g}/s, a burst of {value.burst}"
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if isinstance(value, int) and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}"
