"""What callers may write, as what the protocol has; mistakes are told as mistakes."""

from __future__ import annotations

from collections.abc import Iterable

from hftlab.errors import SubscriptionFailed
from hftlab.protocol import JSON, MSGPACK, Codec, DataType, SlowConsumer

__all__ = ["codec_named", "data_type", "slow_consumer_policy", "symbol_list"]


def codec_named(encoding: str) -> Codec:
    codecs = {"json": JSON, "msgpack": MSGPACK}
    if encoding not in codecs:
        raise ValueError(f"no encoding is called {encoding!r}; there are json and msgpack")
    return codecs[encoding]


def symbol_list(symbols: Iterable[str]) -> list[str]:
    """A list; one string is taken as one symbol, not as its letters."""
    return [symbols] if isinstance(symbols, str) else list(symbols)


def data_type(name: str) -> DataType:
    try:
        return DataType(name.upper())
    except ValueError:
        known = ", ".join(DataType)
        raise SubscriptionFailed(f"no data type is called {name!r}; there are {known}") from None


def slow_consumer_policy(name: str) -> SlowConsumer:
    try:
        return SlowConsumer(name.upper())
    except ValueError:
        known = ", ".join(SlowConsumer)
        raise SubscriptionFailed(f"no policy for slow consumers is called {name!r}; there are {known}") from None
