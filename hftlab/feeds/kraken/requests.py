"""Requests to Kraken's WebSocket API v2, and what a feed reads of the frames that it sends.

Source: Kraken, "Spot WebSocket v2": subscribe, unsubscribe, ping, and the channels status and heartbeat. A request for
several symbols is answered for each of them, with the same `req_id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

__all__ = ["Head", "batches", "decode_head", "decode_system", "ping", "subscribe", "unsubscribe"]

_PER_REQUEST: Final = 50
"""Symbols that one request names."""


class _Result(msgspec.Struct):
    channel: str = ""
    symbol: str | None = None


class Head(msgspec.Struct):
    """Kind of a frame: a message of a channel, or the answer to a request."""

    channel: str = ""
    type: str = ""
    method: str = ""
    req_id: int | None = None
    success: bool = True
    error: str | None = None
    symbol: str | None = None
    result: _Result | None = None
    time_in: str | None = None
    time_out: str | None = None

    @property
    def answered(self) -> str | None:
        """Symbol that an answer is about."""
        return self.symbol if self.symbol is not None or self.result is None else self.result.symbol


class _System(msgspec.Struct):
    system: str = ""


class _Status(msgspec.Struct):
    data: list[_System] = []


_head: Final = msgspec.json.Decoder(Head)
_status: Final = msgspec.json.Decoder(_Status)


def decode_head(payload: bytes) -> Head | None:
    """Return what a frame is; None for one that cannot be read."""
    try:
        return _head.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_system(payload: bytes) -> str | None:
    """Return the state of the trading engine that a frame of the channel `status` tells; None if it tells none."""
    try:
        data = _status.decode(payload).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return data[0].system or None if data else None


def batches(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide symbols into those of one request each."""
    for at in range(0, len(symbols), _PER_REQUEST):
        yield symbols[at : at + _PER_REQUEST]


def subscribe(number: int, channel: str, symbols: Sequence[str] | None = None, **parameters: Any) -> bytes:
    """Return a request for a channel of some symbols."""
    return _request("subscribe", number, channel, symbols, parameters)


def unsubscribe(number: int, channel: str, symbols: Sequence[str] | None = None, **parameters: Any) -> bytes:
    """Return a request that ends a subscription."""
    return _request("unsubscribe", number, channel, symbols, parameters)


def ping(number: int) -> bytes:
    """Return a request whose answer has the venue's time."""
    return msgspec.json.encode({"method": "ping", "req_id": number})


def _request(
    method: str, number: int, channel: str, symbols: Sequence[str] | None, parameters: dict[str, Any]
) -> bytes:
    named = {} if symbols is None else {"symbol": list(symbols)}
    return msgspec.json.encode(
        {"method": method, "params": {"channel": channel} | named | parameters, "req_id": number}
    )
