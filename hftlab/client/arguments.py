"""Checks of a client's arguments, and their conversion to what the protocol takes."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Final, Literal, TypeAlias

from hftlab.bounds import check_symbol
from hftlab.credentials import is_subject
from hftlab.errors import SubscriptionFailed
from hftlab.protocol import JSON, MSGPACK, Codec, DataType, SlowConsumer

__all__ = [
    "Encoding",
    "account_name",
    "address",
    "attempts",
    "codec_named",
    "data_type_list",
    "heartbeat_seconds",
    "interval",
    "reconnect_seconds",
    "slow_consumer_policy",
    "symbol_list",
]

Encoding: TypeAlias = Literal["json", "msgpack"]
"""Name of an encoding of messages."""

_LONGEST_HEARTBEAT: Final = 3600.0
_LONGEST_RECONNECT: Final = 30.0
"""The reference document's limit for waits before a reconnection, in seconds."""


def address(url: str) -> str:
    """Check that an address is text. Raises TypeError."""
    if not isinstance(url, str):
        raise TypeError(
            f"a server's address is a string such as 'ws://127.0.0.1:8081', or the server's `url`; got {url!r}"
        )
    return url


def account_name(account: str | None, *, has_token: bool) -> str | None:
    """Check the account to sign in as. Raises ValueError for a bad name, and beside a token, which has its own."""
    if account is None:
        return None
    if has_token:
        raise ValueError(
            f"account={account!r} is given together with a token, which names its account itself: leave one of them out"
        )
    if not is_subject(account):
        raise ValueError(f"an account is a printable name of 1 to 128 characters such as 'alice'; got {account!r}")
    return account


def heartbeat_seconds(interval: float) -> float:
    """Check an interval between heartbeats, in seconds. Raises ValueError."""
    return _seconds("heartbeat_interval", interval, _LONGEST_HEARTBEAT, "30, not 30000")


def reconnect_seconds(interval: float) -> float:
    """Check a wait before a reconnection, in seconds. Raises ValueError."""
    return _seconds("reconnect_interval", interval, _LONGEST_RECONNECT, "1, not 1000")


def attempts(count: int | None) -> int | None:
    """Check a number of attempts; None is no limit. Raises ValueError."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ValueError(f"max_reconnect_attempts is a whole number from 0, or None for no limit; got {count!r}")
    return count


def codec_named(encoding: Encoding) -> Codec:
    """Find a codec by the name of its encoding. Raises ValueError."""
    codecs: dict[Encoding, Codec] = {"json": JSON, "msgpack": MSGPACK}
    if encoding not in codecs:
        raise ValueError(f"unknown encoding {encoding!r}: choose json or msgpack")
    return codecs[encoding]


def symbol_list(symbols: Iterable[str]) -> list[str]:
    """List symbols; one string is one symbol, not its letters. What comes twice is listed once.

    Raises SubscriptionFailed if there are none, and for what cannot be a symbol.
    """
    try:
        if not isinstance(symbols, Iterable):
            raise ValueError(f"symbols is {symbols!r}: give a list such as ['AAPL']")
        listed = [symbols] if isinstance(symbols, str) else list(symbols)
        checked = list(dict.fromkeys(map(check_symbol, listed)))
    except (TypeError, ValueError) as exc:
        raise SubscriptionFailed(str(exc), context={"field": "symbols"}) from None
    if not checked:
        raise SubscriptionFailed("no symbols were given: name at least one, such as ['AAPL']")
    return checked


def interval(frequency: int | None) -> int | None:
    """Check a shortest time in ms between two messages; None is the server's. Raises SubscriptionFailed."""
    if frequency is not None and (isinstance(frequency, bool) or not isinstance(frequency, Integral)):
        raise SubscriptionFailed(
            f"frequency is a whole number of milliseconds between two messages, 0 for every change; got {frequency!r}",
            context={"field": "frequency"},
        )
    return None if frequency is None else int(frequency)


def data_type_list(names: Iterable[str] | None) -> list[DataType] | None:
    """List data types, None for None; one string is one data type. Raises SubscriptionFailed for an unknown name."""
    if names is None:
        return None
    return [_data_type(name) for name in ([names] if isinstance(names, str) else names)]


def _data_type(name: str) -> DataType:
    try:
        return DataType(name.upper())
    except ValueError:
        known = ", ".join(DataType)
        raise SubscriptionFailed(f"unknown data type {name!r}: choose among {known}") from None


def slow_consumer_policy(name: str) -> SlowConsumer:
    """Find a policy by its name, in either case. Raises SubscriptionFailed."""
    try:
        return SlowConsumer(name.upper())
    except ValueError:
        known = ", ".join(SlowConsumer)
        raise SubscriptionFailed(f"unknown policy for slow consumers {name!r}: choose among {known}") from None


def _seconds(option: str, value: float, most: float, example: str) -> float:
    # bool is an int, and NaN compares with nothing.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise ValueError(f"{option} is in seconds ({example}), above 0 and at most {most:g}; got {value!r}")
    return value
