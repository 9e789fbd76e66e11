"""Checks of a client's arguments, and their conversion to what the protocol takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from numbers import Integral, Real
from typing import Final, Literal, Protocol, TypeAlias, TypeVar, get_args

from hftlab.bounds import check_symbol
from hftlab.credentials import is_subject
from hftlab.errors import ArgumentError, ArgumentTypeError, SubscriptionFailed
from hftlab.nearest import describe_unknown, meant
from hftlab.port import DEFAULT_PORT
from hftlab.protocol import JSON, MSGPACK, Codec, DataType, SlowConsumer

__all__ = [
    "Addressed",
    "Addresses",
    "Encoding",
    "account_name",
    "address_list",
    "attempts",
    "codec_named",
    "data_type_list",
    "heartbeat_seconds",
    "interval",
    "message_count",
    "one_of",
    "reconnect_seconds",
    "slow_consumer_policy",
    "symbol_list",
    "waiting_seconds",
]

Encoding: TypeAlias = Literal["json", "msgpack"]
"""Name of an encoding of messages."""

EnumT = TypeVar("EnumT", bound=StrEnum)
NameT = TypeVar("NameT", bound=str)

_LONGEST_INTERVAL: Final = 60_000
"""Milliseconds; see hftlab.protocol.base.Frequency."""
_LONGEST_HEARTBEAT: Final = 3600.0
_LONGEST_RECONNECT: Final = 30.0
"""The reference document's limit for waits before a reconnection, in seconds."""


class Addressed(Protocol):
    """Object with an address to connect to, such as a server."""

    @property
    def url(self) -> str: ...


Addresses: TypeAlias = str | Addressed | Sequence[str | Addressed]
"""Addresses to connect to: one, a server itself, or several servers of the same."""


def address_list(url: Addresses) -> list[str]:
    """Return the addresses of servers of the same: those that are given, or those of the servers themselves.

    Raises ArgumentTypeError, and ArgumentError for an empty list.
    """
    several = getattr(url, "urls", url)  # of a cluster
    if isinstance(several, str) or not isinstance(several, Sequence):
        return [_address(url)]  # type: ignore[arg-type]
    url = several
    if not url:
        raise ArgumentError("there is no address in the list: give one such as 'ws://127.0.0.1:8081'")
    return list(dict.fromkeys(_address(one) for one in url))


def _address(url: str | Addressed) -> str:
    """Return the address of a server: text, or that of the server itself. Raises ArgumentTypeError."""
    text = url if isinstance(url, str) else getattr(url, "url", None)
    if not isinstance(text, str) or isinstance(url, type):
        raise ArgumentTypeError(
            f"a server's address is a string such as 'ws://127.0.0.1:{DEFAULT_PORT}', or the server itself; got {url!r}"
        ).advise(instead=_meant_address(url))
    return text


def _meant_address(given: object) -> dict[object, str]:
    """Return the address that a number may have been meant as: a port of this machine."""
    is_port = isinstance(given, int) and not isinstance(given, bool) and 0 < given <= 65535
    return {given: repr(f"ws://127.0.0.1:{given}")} if is_port else {}


def account_name(account: str | None, *, has_token: bool) -> str | None:
    """Check the account to sign in as. Raises ArgumentError for a bad name, and beside a token, which has its own."""
    if account is None:
        return None
    if has_token:
        raise ArgumentError(
            f"account={account!r} is given together with a token, which names its account itself: leave one of them out"
        )
    if not is_subject(account):
        raise ArgumentError(f"an account is a printable name of 1 to 128 characters such as 'alice'; got {account!r}")
    return account


def heartbeat_seconds(interval: float) -> float:
    """Check an interval between heartbeats, in seconds. Raises ArgumentError."""
    return _seconds("heartbeat_interval", interval, _LONGEST_HEARTBEAT, "30, not 30000")


def reconnect_seconds(interval: float) -> float:
    """Check a wait before a reconnection, in seconds. Raises ArgumentError."""
    return _seconds("reconnect_interval", interval, _LONGEST_RECONNECT, "1, not 1000")


def attempts(count: int | None) -> int | None:
    """Check a number of attempts; None is no limit. Raises ArgumentError."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ArgumentError(f"max_reconnect_attempts is a whole number from 0, or None for no limit; got {count!r}")
    return count


def codec_named(encoding: Encoding) -> Codec:
    """Find a codec by the name of its encoding. Raises ArgumentError."""
    codecs: dict[Encoding, Codec] = {"json": JSON, "msgpack": MSGPACK}
    return codecs[one_of("encoding", encoding, get_args(Encoding))]


def one_of(option: str, name: NameT, names: Sequence[NameT]) -> NameT:
    """Check that a name is one of those that an option has. Raises ArgumentError."""
    if name not in names:
        known, near = ", ".join(names), meant([str(name)], names)
        raise ArgumentError(f"unknown {option} {name!r}: choose among {known}").advise(instead=near)
    return name


def symbol_list(symbols: Iterable[str]) -> list[str]:
    """List symbols; one string is one symbol, not its letters. What comes twice is listed once.

    Raises SubscriptionFailed if there are none, and for what cannot be a symbol.
    """
    try:
        if not isinstance(symbols, Iterable):
            raise ArgumentError(f"symbols is {symbols!r}: give a list such as ['AAPL']")
        listed = [symbols] if isinstance(symbols, str) else list(symbols)
        checked = list(dict.fromkeys(map(check_symbol, listed)))
    except (TypeError, ValueError) as exc:
        raise SubscriptionFailed(str(exc), context={"field": "symbols"}) from None
    if not checked:
        raise SubscriptionFailed("no symbols were given: name at least one, such as ['AAPL']")
    return checked


def interval(frequency: int | None) -> int | None:
    """Check a shortest time in ms between two messages; None is the server's. Raises SubscriptionFailed."""
    if frequency is None:
        return None
    is_whole = isinstance(frequency, Integral) and not isinstance(frequency, bool)
    if not is_whole or not 0 <= frequency <= _LONGEST_INTERVAL:
        raise SubscriptionFailed(
            "frequency is a whole number of milliseconds between two messages, from 0 (every change) to "
            f"{_LONGEST_INTERVAL:,}; got {frequency!r}",
            context={"field": "frequency"},
        ).advise(arguments=_meant_interval(frequency))
    return int(frequency)


def _meant_interval(given: object) -> dict[str, str]:
    """Return the milliseconds that were meant by a number as text, or by a part of a second."""
    if isinstance(given, str) and given.isdecimal():
        return {"frequency": given}
    if isinstance(given, float) and 0 < given <= _LONGEST_INTERVAL / 1000:
        return {"frequency": f"{max(round(given * 1000), 1)}"}
    return {}


def data_type_list(names: Iterable[str] | None) -> list[DataType] | None:
    """List data types, None for None; one string is one data type. Raises SubscriptionFailed for an unknown name."""
    if names is None:
        return None
    if not isinstance(names, Iterable):
        raise SubscriptionFailed(f"data_types is {names!r}: give a list such as ['QUOTES', 'ORDER_BOOK']")
    return [_member("data type", DataType, name) for name in ([names] if isinstance(names, str) else names)]


def slow_consumer_policy(name: str) -> SlowConsumer:
    """Find a policy by its name, in either case. Raises SubscriptionFailed."""
    return _member("policy for slow consumers", SlowConsumer, name)


def _member(what: str, kinds: type[EnumT], name: object) -> EnumT:
    """Find a member of an enumeration by its name, in either case. Raises SubscriptionFailed, with the nearest."""
    found = kinds.__members__.get(name.upper()) if isinstance(name, str) else None
    if found is None:
        unknown = [name] if isinstance(name, str) else []
        told = describe_unknown(unknown, [str(kind) for kind in kinds]) or repr(name)
        raise SubscriptionFailed(f"unknown {what} {told}: choose among {', '.join(kinds)}").advise(
            instead=meant(unknown, [str(kind) for kind in kinds])
        )
    return found


def waiting_seconds(option: str, seconds: float | None) -> float | None:
    """Check how long a call may wait, in seconds; None is no limit. Raises ArgumentError."""
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, Real) or not seconds >= 0):
        raise ArgumentError(f"{option} is a number of seconds, 0 or above; got {seconds!r}")
    return None if seconds is None else float(seconds)


def message_count(count: int | None) -> int | None:
    """Check a number of messages; None is all. Raises ArgumentError."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, Integral) or count < 0):
        raise ArgumentError(f"count is a whole number of messages, 0 or above; got {count!r}")
    return None if count is None else int(count)


def _seconds(option: str, value: float, most: float, example: str) -> float:
    # bool is an int, and NaN compares with nothing.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= most:
        shorter = {option: f"{value / 1000:g}"} if is_number and most < value <= most * 1000 else {}
        raise ArgumentError(f"{option} is in seconds ({example}), above 0 and at most {most:g}; got {value!r}").advise(
            arguments=shorter
        )
    return value
