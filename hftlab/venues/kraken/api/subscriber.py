"""One connection to the public channels, as a state machine: requests in, answers and subscriptions out.

Sources: Kraken, "Spot WebSocket v2" (`subscribe`, `unsubscribe`, `ping`, `status`); the texts of its errors are those
that it is known to send.
"""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any, Final, NamedTuple

import msgspec

from hftlab.venues.kraken.api.subscription import PRIVATE, Channel, Subscription, Trigger
from hftlab.venues.kraken.pair_events import DEPTHS
from hftlab.venues.kraken.rfc3339 import to_rfc3339

__all__ = ["HEARTBEAT", "Changed", "Subscriber", "status_message"]

HEARTBEAT: Final = b'{"channel":"heartbeat"}'
_FIELDS: Final = {
    Channel.BOOK: {"channel", "symbol", "depth", "snapshot"},
    Channel.TRADE: {"channel", "symbol", "snapshot"},
    Channel.TICKER: {"channel", "symbol", "snapshot", "event_trigger"},
    Channel.INSTRUMENT: {"channel", "snapshot", "include_tokenized_assets"},
    Channel.OHLC: {"channel", "symbol", "snapshot", "interval"},
}
_WARNINGS: Final = {
    Channel.INSTRUMENT: ["tick_size is deprecated, use price_increment"],
    Channel.OHLC: ["timestamp is deprecated, use interval_begin"],
}
_LARGEST_ID: Final = 2**64


class Changed(NamedTuple):
    """Subscription that was added, with or without a snapshot, or removed."""

    subscription: Subscription
    is_added: bool
    has_snapshot: bool = False


class _Refused(Exception):
    """Answer that says no: the `text` of the error, and the `symbol` that it is about."""

    def __init__(self, text: str, symbol: str | None = None) -> None:
        super().__init__(text)
        self.text, self.symbol = text, symbol


class Subscriber:
    """Subscriptions of one connection. The owner sends what receive() returns, then carries out what has changed.

    `symbols` are the pairs that the server has. Of each channel a pair can be subscribed once.
    """

    def __init__(self, symbols: Container[str]) -> None:
        self.subscriptions: dict[tuple[Channel, str], Subscription] = {}
        self.received = 0
        """Requests of the client."""
        self._symbols = symbols
        self._changed: list[Changed] = []

    @property
    def names(self) -> list[str]:
        """Subscriptions by channel and pair, such as "book BTC/USD"."""
        return [f"{channel.value} {pair}".rstrip() for channel, pair in self.subscriptions]

    def take_changed(self) -> list[Changed]:
        """Return what has changed since the last call, in its order."""
        changed, self._changed = self._changed, []
        return changed

    def receive(self, data: str | bytes, now: int) -> list[bytes]:
        """Answer a message of the client: one answer for each symbol. `now` is in ns."""
        self.received += 1
        try:
            request = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            request = None
        if not isinstance(request, dict) or not _is_id(request.get("req_id")):
            return [_answer(now, {"error": "Malformed request", "success": False})]
        method = request.get("method")
        tail = {"req_id": request["req_id"]} if request.get("req_id") is not None else {}
        if method == "ping":
            return [_answer(now, {"method": "pong"} | tail)]
        if method not in ("subscribe", "unsubscribe"):
            return [_answer(now, {"error": "Malformed request", "success": False} | tail)]
        head = {"method": method} | tail
        answers = []
        for symbol in self._asked(request.get("params")):
            try:
                granted = self._carry_out(method, request.get("params"), symbol)
            except _Refused as refused:
                about = {} if refused.symbol is None else {"symbol": refused.symbol}
                answers.append(_answer(now, {"error": refused.text, "success": False} | head | about))
            else:
                answers.append(_answer(now, head | {"result": granted, "success": True}))
        return answers

    def _asked(self, params: Any) -> list[Any]:
        """Return the symbols of a request, each of which has its own answer; [None] if it is not about symbols."""
        symbols = params.get("symbol") if isinstance(params, dict) else None
        return symbols if isinstance(symbols, list) and symbols else [None]

    def _carry_out(self, method: str, params: Any, symbol: Any) -> dict[str, Any]:
        channel = _channel_of(params)
        unknown = next((field for field in params if field not in _FIELDS[channel]), None)
        if unknown is not None:
            raise _Refused(f"Unsupported field: '{unknown}' for the given msg type: {method}")
        if not isinstance(params.get("snapshot", True), bool):
            raise _Refused("Malformed request")
        if channel is not Channel.INSTRUMENT:
            self._check_symbol(symbol)
        if method == "subscribe":
            return self._subscribe(channel, params, symbol or "")
        return self._unsubscribe(channel, params, symbol or "")

    def _check_symbol(self, symbol: Any) -> None:
        if not isinstance(symbol, str):
            raise _Refused("Pair field must be an array")
        if symbol not in self._symbols:
            raise _Refused(f"Currency pair not supported {symbol}", symbol)

    def _subscribe(self, channel: Channel, params: dict[str, Any], symbol: str) -> dict[str, Any]:
        wanted = Subscription(channel, symbol, _depth(channel, params), _trigger(channel, params))
        if (channel, symbol) in self.subscriptions:
            raise _Refused("Already subscribed", symbol or None)
        has_snapshot = params.get("snapshot", True)
        self.subscriptions[channel, symbol] = wanted
        self._changed.append(Changed(wanted, is_added=True, has_snapshot=has_snapshot))
        result = _result(wanted, params) | {"snapshot": has_snapshot}
        if channel in _WARNINGS:
            result["warnings"] = _WARNINGS[channel]
        return result

    def _unsubscribe(self, channel: Channel, params: dict[str, Any], symbol: str) -> dict[str, Any]:
        had = self.subscriptions.get((channel, symbol))
        is_other_depth = had is not None and "depth" in params and _depth(channel, params) != had.depth
        if had is None or is_other_depth:
            raise _Refused("Subscription Not Found", symbol or None)
        del self.subscriptions[channel, symbol]
        self._changed.append(Changed(had, is_added=False))
        return _result(had, params)


def _channel_of(params: Any) -> Channel:
    if not isinstance(params, dict):
        raise _Refused("Malformed request")
    name = params.get("channel")
    if name in PRIVATE:
        raise _Refused("Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com")
    try:
        return Channel(name)
    except ValueError:
        raise _Refused("Subscription name invalid") from None


def _depth(channel: Channel, params: dict[str, Any]) -> int:
    if channel is not Channel.BOOK:
        return 0
    depth = params.get("depth", DEPTHS[0])
    if type(depth) is not int:
        raise _Refused("Subscription book depth must be an integer")
    if depth not in DEPTHS:
        raise _Refused("Subscription depth not supported")
    return depth


def _trigger(channel: Channel, params: dict[str, Any]) -> Trigger | None:
    if channel is not Channel.TICKER:
        return None
    try:
        return Trigger(params.get("event_trigger", Trigger.TRADES.value))
    except ValueError:
        raise _Refused("Subscription event_trigger not supported") from None


def _result(subscription: Subscription, params: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"channel": subscription.channel.value}
    if subscription.channel is Channel.BOOK:
        result["depth"] = subscription.depth
    if subscription.trigger is not None:
        result["event_trigger"] = subscription.trigger.value
    if subscription.channel is Channel.OHLC:
        result["interval"] = params.get("interval", 1)
    if subscription.pair:
        result["symbol"] = subscription.pair
    return result


def _is_id(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < _LARGEST_ID)


def _answer(now: int, fields: dict[str, Any]) -> bytes:
    time = to_rfc3339(now)
    return json.dumps(fields | {"time_in": time, "time_out": time}, separators=(",", ":")).encode()


def status_message(connection_id: int) -> bytes:
    """Return the message that a connection begins with."""
    state = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": connection_id}
    return json.dumps({"channel": "status", "type": "update", "data": [state]}, separators=(",", ":")).encode()
