"""One connection to the market streams, as a state machine: messages in, answers and subscriptions out.

Sources: Binance Spot API, "WebSocket Streams" ("Live Subscribing/Unsubscribing to streams", "WebSocket Limits",
"Error Messages"); USDⓈ-M Futures API, "Live Subscribing Unsubscribing to streams".
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Container, Iterable
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from hftlab.venues.binance.api.api_errors import StreamError
from hftlab.venues.binance.api.markets import Market
from hftlab.venues.binance.api.stream_names import MICROSECOND, MILLISECOND, Route, StreamName, parse_stream

__all__ = ["POLICY", "Subscriber"]

POLICY: Final = 1008
"""Close code: policy violation (RFC 6455, section 7.4.1)."""
_METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,36}")
_SECOND: Final = 1.0
_MICROSECOND_NAMES: Final = ("MICROSECOND", "microsecond")


class Subscriber:
    """Subscriptions of one connection. The owner sends what receive() returns, and closes if `close` is set.

    `path` is that of the opening request behind the market's and the route's part: `/ws`, `/ws/<stream>/...` or
    `/stream?streams=...`. Streams that it names and that the market does not have are left out. With
    `timeUnit=MICROSECOND` in it the times in messages of spot are in µs.
    """

    def __init__(self, market: Market, route: Route, symbols: Container[str], path: str, *, most: int) -> None:
        self.market, self.route = market, route
        self.streams: dict[str, StreamName] = {}
        self.close: tuple[int, str] | None = None
        self.changed: list[StreamName] = []
        """Streams that were added or removed, or that are to come in another form, since take_changed()."""
        self.received = 0
        """Messages of the client, without pings and pongs."""
        self._symbols, self._most = symbols, most
        self._recent: deque[float] = deque()
        split = urlsplit(path)
        self.combined = split.path.rstrip("/") == "/stream"
        is_fine = not market.is_futures and parse_qs(split.query).get("timeUnit", [""])[0] in _MICROSECOND_NAMES
        self._time_unit = MICROSECOND if is_fine else MILLISECOND
        for name in _named(split.path, split.query):
            stream = self._parsed(name)
            if stream is not None and len(self.streams) < market.streams:
                self.streams[name] = stream
                self.changed.append(stream)

    def _parsed(self, name: str) -> StreamName | None:
        stream = parse_stream(name, self.market, self._symbols)
        return None if stream is None else stream._replace(time_unit=self._time_unit)

    @property
    def names(self) -> list[str]:
        """Names of the streams."""
        return list(self.streams)

    def take_changed(self) -> list[StreamName]:
        """Return the streams whose subscription has changed: those in `streams` are had, others not any more."""
        changed, self.changed = self.changed, []
        return changed

    def shutdown_notice(self, now: int) -> bytes | None:
        """Return the event that says that the server is about to end, at source time `now` (ns); spot alone has it."""
        if self.market.is_futures:
            return None
        return b'{"e":"serverShutdown","E":%d}' % (now // self._time_unit)

    def count(self, now: float) -> bool:
        """Count a message, a ping or a pong of the client; returns False if there are more in a second than may be."""
        while self._recent and self._recent[0] <= now - _SECOND:
            self._recent.popleft()
        self._recent.append(now)
        if len(self._recent) > self._most and self.close is None:
            self.close = POLICY, "Too many requests"
        return self.close is None

    def receive(self, data: str | bytes, now: float) -> bytes | None:
        """Answer a message of the client; None if the connection is to be closed instead."""
        self.received += 1
        if not self.count(now):
            return None
        request: Any = None
        try:
            request = _decoded(data)
            return json.dumps({"result": self._answer(request), "id": _id_of(request)}).encode()
        except StreamError as error:
            answer: dict[str, Any] = {"error": {"code": error.code, "msg": error.text}}
            if isinstance(request, dict) and _is_id(request.get("id")):
                answer["id"] = request.get("id")
            return json.dumps(answer).encode()

    def _answer(self, request: dict[str, Any]) -> Any:
        if "method" not in request:
            raise StreamError(2, "Invalid request: missing field `method`")
        method = request["method"]
        if method not in _METHODS:
            expected = ", ".join(f"`{one}`" for one in _METHODS)
            raise StreamError(2, f"Invalid request: unknown variant `{method}`, expected one of {expected}")
        if "id" in request and not _is_id(request["id"]):
            raise StreamError(2, "Invalid request: request ID must be an unsigned integer")
        params = request.get("params")
        match method:
            case "SUBSCRIBE":
                self._subscribe(_names(params))
            case "UNSUBSCRIBE":
                self._unsubscribe(_names(params))
            case "LIST_SUBSCRIPTIONS":
                return list(self.streams)
            case "SET_PROPERTY":
                self._set_property(params)
            case "GET_PROPERTY":
                _check_property(params, 1)
                return self.combined
        return None

    def _subscribe(self, names: list[str]) -> None:
        added: dict[str, StreamName] = {}
        for name in names:
            stream = self._parsed(name)
            if stream is None:
                raise StreamError(2, f"Invalid request: invalid stream {name}")
            if name not in self.streams:
                added[name] = stream
        if len(self.streams) + len(added) > self.market.streams:
            raise StreamError(2, f"Invalid request: too many streams, a connection takes {self.market.streams}")
        self.streams |= added
        self.changed += added.values()

    def _unsubscribe(self, names: list[str]) -> None:
        self.changed += [self.streams.pop(name) for name in names if name in self.streams]

    def _set_property(self, params: Any) -> None:
        _check_property(params, 2)
        if not isinstance(params[1], bool):
            raise StreamError(1, "Invalid value type: expected Boolean")
        if self.combined is not params[1]:
            self.combined = params[1]
            self.changed += self.streams.values()


def _named(path: str, query: str) -> Iterable[str]:
    parts = [unquote(part) for part in path.removeprefix("/ws").split("/") if part] if path.startswith("/ws") else []
    streams = [name for value in parse_qs(query).get("streams", []) for name in value.split("/") if name]
    return dict.fromkeys([*parts, *streams])


def _decoded(data: str | bytes) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise StreamError(3, f"Invalid JSON: {error}") from None
    if not isinstance(request, dict):
        raise StreamError(3, "Invalid JSON: expected an object")
    return request


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None
    return value is None or (type(value) is int and -(2**63) <= value < 2**63)


def _id_of(request: dict[str, Any]) -> Any:
    return request.get("id")


def _names(params: Any) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise StreamError(2, "Invalid request: params must be an array of stream names")
    return params


def _check_property(params: Any, count: int) -> None:
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise StreamError(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise StreamError(0, "Unknown property")
    if len(params) > count:
        raise StreamError(2, "Invalid request: too many parameters")
    if len(params) < count:
        raise StreamError(1, "Invalid value type: expected Boolean")
