"""The limits of a server for its clients, and the token buckets that measure them. The time is passed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple

import msgspec

from hftlab.html_table import facts_table
from hftlab.protocol import DataType, Limits, RateLimit

__all__ = ["Rate", "ServerLimits", "TokenBucket"]


class Rate(NamedTuple):
    """At most `per_second` in the long run, and `burst` at once."""

    per_second: float
    burst: int

    def to_wire(self) -> RateLimit:
        """Return the rate in the form in which the welcome states it."""
        return RateLimit(per_second=self.per_second, burst=self.burst)


_ENVELOPE: Final = 1024
"""Bytes of a request beside its symbols, and to spare."""
_STATE: Final = 16_384
"""Bytes of the state of one symbol with a deep book in several channels: a new reader gets that of all at once."""
_MESSAGES: Final = Rate(100, burst=200)
_SUBSCRIPTIONS: Final = Rate(20, burst=50)
_ERRORS: Final = Rate(1, burst=100)


@dataclass(frozen=True, repr=False)
class ServerLimits:
    """Limits of one server. The defaults are far above what a notebook or the reference client needs.

    Times are in seconds. `connections_per_address` does not hold on loopback, where all clients share one address.
    `messages` and `subscriptions` beyond their rates are refused; a connection that has spent `errors` is closed with
    1008. `subscribed` is the number of pairs of a symbol and a data type that a connection may hold at a time.
    `queue_bytes` and `queue_messages` bound what waits for a slow reader; private messages have the same bounds again,
    for themselves. Raises ValueError for a value that cannot be a limit.

    The defaults of `message_bytes`, `symbols`, `subscribed` and of the queue grow with the symbols that a server has:
    one request may ask for all of them with every data type, and its snapshots have to fit.
    """

    message_bytes: int = 64 * 1024
    symbols: int = 1000
    messages: Rate = _MESSAGES
    subscriptions: Rate = _SUBSCRIPTIONS
    subscribed: int = 10_000
    errors: Rate = _ERRORS
    connections: int = 2000
    connections_per_address: int = 100
    open_timeout: float = 10.0
    auth_deadline: float = 10.0
    write_deadline: float = 3.0
    queue_bytes: int = 4 * 1024 * 1024
    queue_messages: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(field.default, tuple):
                _check(field.name, value, whole=isinstance(field.default, int))
                continue
            if not isinstance(value, Rate):
                raise ValueError(f"{field.name} is {value!r}: it must be a Rate, such as Rate(100, burst=200)")
            _check(f"{field.name}.per_second", value.per_second, whole=False)
            _check(f"{field.name}.burst", value.burst, whole=True)

    def __repr__(self) -> str:
        """Name what differs from the defaults; `vars(limits)` has all."""
        chosen = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if self._is_chosen(one.name))
        return f"ServerLimits({', '.join(chosen)})"

    def _repr_html_(self) -> str:
        units = {"_bytes": "bytes", "bytes": "bytes", "timeout": "s", "deadline": "s"}
        facts = {}
        for one in fields(self):
            value, unit = getattr(self, one.name), next((units[end] for end in units if one.name.endswith(end)), "")
            is_rate = isinstance(value, Rate)
            text = f"{value.per_second:g} a second, {value.burst:,} at once" if is_rate else f"{value:,} {unit}".strip()
            facts[one.name] = text + (" (chosen)" if self._is_chosen(one.name) else "")
        return facts_table("Limits of a server for one client", facts)

    def _is_chosen(self, name: str) -> bool:
        return bool(getattr(self, name) != getattr(ServerLimits, name))

    def for_symbols(self, symbols: Sequence[str] | None) -> ServerLimits:
        """Return limits that allow one request for all these symbols; None are any symbols, and change nothing.

        Limits that differ from the defaults are somebody's choice, and stay.
        """
        if symbols is None:
            return self
        needed = {
            "message_bytes": len(msgspec.json.encode(symbols)) + _ENVELOPE,
            "symbols": len(symbols),
            "subscribed": len(symbols) * len(DataType),
            "queue_bytes": len(symbols) * _STATE,
            "queue_messages": len(symbols) * 2,
        }
        chosen = {field.name for field in fields(self) if self._is_chosen(field.name)}
        grown = {name: max(most, getattr(self, name)) for name, most in needed.items() if name not in chosen}
        return replace(self, **grown)

    def to_wire(self) -> Limits:
        """Return the limits in the form in which the welcome states them."""
        return Limits(
            max_message_bytes=self.message_bytes,
            max_symbols=self.symbols,
            max_subscriptions=self.subscribed,
            min_frequency=0,
            max_frequency=60_000,
            messages=self.messages.to_wire(),
            subscriptions=self.subscriptions.to_wire(),
            errors=self.errors.to_wire(),
        )


def _check(name: str, value: Any, *, whole: bool) -> None:
    """Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"{name} is {value!r}: it must be a {'whole ' if whole else ''}number")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}: it must be {'at least 1' if whole else 'positive and finite'}")


class TokenBucket:
    """Token bucket that starts full at `rate.burst` and fills by `rate.per_second`.

    `now` is in seconds of a clock that never goes back.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._tokens = float(rate.burst)
        self._filled_at: float | None = None

    def take(self, now: float) -> float:
        """Take one token and return 0.0; if there is none, return the seconds until there is one."""
        rate, before = self.rate, self._filled_at
        self._filled_at = now
        if before is not None and now > before:
            tokens = self._tokens + (now - before) * rate.per_second
            self._tokens = tokens if tokens < rate.burst else rate.burst
        if self._tokens >= 1.0 - 1e-9:  # rounding must not refuse a client that has waited for retryAfter
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / rate.per_second
