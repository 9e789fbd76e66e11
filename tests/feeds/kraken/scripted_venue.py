"""A venue over real sockets that speaks as Kraken's WebSocket API v2 does, with faults on request."""

from __future__ import annotations

import http
import json
import random
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.feeds.kraken.simulated_venue import Market, instrument_frame
from tests.feeds.socket_venue import SocketVenue


class Faults:
    """What becomes of a frame on its way, by chance; nothing while `is_on` is False."""

    def __init__(
        self, seed: int, *, drop: float = 0.0, repeat: float = 0.0, alter: float = 0.0, cut: float = 0.0
    ) -> None:
        self.random = random.Random(seed)
        self.drop, self.repeat, self.alter, self.cut = drop, repeat, alter, cut
        self.is_on = True
        self.counts: Counter[str] = Counter()
        self._earlier: deque[bytes] = deque(maxlen=20)

    def on_the_way(self, frame: bytes) -> list[bytes]:
        """The frames that come in place of one."""
        if not self.is_on:
            return [frame]
        self._earlier.append(frame)
        for name in ("drop", "alter", "cut", "repeat"):
            if self.random.random() < getattr(self, name):
                self.counts[name] += 1
                return {
                    "drop": list,
                    "alter": lambda: [self._altered(frame)],
                    "cut": lambda: [frame[: len(frame) // 2]],
                    "repeat": lambda: [frame, self.random.choice(self._earlier)],
                }[name]()
        return [frame]

    def _altered(self, frame: bytes) -> bytes:
        """Change a digit of a quantity or of the checksum."""
        keys = [at for at in range(len(frame)) if frame.startswith((b'"qty":', b'"checksum":'), at)]
        at = frame.index(b":", self.random.choice(keys)) + 1
        return frame[:at] + (b"7" if frame[at : at + 1] != b"7" else b"3") + frame[at + 1 :]


class ScriptedVenue(SocketVenue):
    """Venue of some pairs; a context manager. `step()` moves its markets and sends what they bring."""

    def __init__(
        self, symbols: Sequence[str] = ("BTC/USD", "ETH/USD"), seed: int = 1, *, faults: Faults | None = None
    ) -> None:
        super().__init__()
        self.markets = {symbol: Market(symbol, seed) for symbol in symbols}
        self.faults = faults or Faults(0)
        self.books: dict[ServerConnection, set[str]] = {}
        self.trades: dict[ServerConnection, set[str]] = {}
        self.requests: list[dict[str, Any]] = []
        self.refusals: dict[str, str] = {}
        """By symbol: the error with which its next subscription to a book is answered."""
        self.system = "online"
        self.withheld: set[str] = set()
        """Symbols whose next snapshot is not sent."""
        self.late = 0
        """Steps by which snapshots come late."""
        self._due: list[list[Any]] = []

    @property
    def url(self) -> str:
        return f"ws://{self.address}/v2"

    @property
    def addresses(self) -> dict[str, Any]:
        """Arguments for hl.feeds.Kraken."""
        return {"url": self.url}

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuses_sockets:
            self.refuses_sockets -= 1
            return Response(503, http.HTTPStatus(503).phrase, Headers({"Content-Length": "0", "Connection": "close"}))
        if request.path != "/v2":
            return Response(404, http.HTTPStatus(404).phrase, Headers({"Content-Length": "0", "Connection": "close"}))
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.books[connection], self.trades[connection] = set(), set()
        with suppress(ConnectionClosed):
            await connection.send(self._status())
            async for text in connection:
                request = json.loads(text)
                self.requests.append(request)
                await self._take(connection, request)
        self.connections.remove(connection)
        del self.books[connection], self.trades[connection]

    def _status(self) -> str:
        data = {"api_version": "v2", "connection_id": 7, "system": self.system, "version": "2.0.0"}
        return json.dumps({"channel": "status", "data": [data], "type": "update"})

    async def _take(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        answer = {"method": request["method"], "req_id": request["req_id"], "time_in": now, "time_out": now}
        if request["method"] == "ping":
            await connection.send(json.dumps(answer | {"method": "pong"}))
            return
        parameters = request["params"]
        channel = parameters["channel"]
        if channel == "instrument":
            result = {"channel": channel, "snapshot": True}
            await connection.send(json.dumps(answer | {"result": result, "success": True}))
            await connection.send(instrument_frame(list(self.markets)).decode())
            return
        for symbol in parameters["symbol"]:
            error = self._error(connection, request["method"], channel, symbol)
            if error is not None:
                await connection.send(json.dumps(answer | {"error": error, "success": False, "symbol": symbol}))
                continue
            result = {"channel": channel, "symbol": symbol, "snapshot": True}
            if channel == "book":
                result["depth"] = parameters["depth"]
            await connection.send(json.dumps(answer | {"result": result, "success": True}))
            if request["method"] == "subscribe" and channel == "book":
                self._due.append([self.late, connection, symbol, self.markets[symbol].snapshot()])
                await self._send_snapshots()

    def _error(self, connection: ServerConnection, method: str, channel: str, symbol: str) -> str | None:
        subscribed = (self.books if channel == "book" else self.trades)[connection]
        if method == "unsubscribe":
            if symbol not in subscribed:
                return "Subscription Not Found"
            subscribed.discard(symbol)
            self._due = [one for one in self._due if one[1:3] != [connection, symbol]]
            return None
        if channel == "book" and symbol in self.refusals:
            return self.refusals.pop(symbol)
        if symbol not in self.markets:
            return f"Currency pair not supported {symbol}"
        if symbol in subscribed:
            return "Already subscribed"
        subscribed.add(symbol)
        return None

    async def _send_snapshots(self) -> None:
        due, self._due = [one for one in self._due if one[0] <= 0], [one for one in self._due if one[0] > 0]
        for _, connection, symbol, frame in due:
            if symbol in self.withheld:
                self.withheld.discard(symbol)
                continue
            await self._send(connection, frame)

    async def _send(self, connection: ServerConnection, frame: bytes) -> None:
        for one in self.faults.on_the_way(frame):
            with suppress(ConnectionClosed):
                await connection.send(one.decode())

    async def step(self, count: int = 1, *, silently: bool = False) -> None:
        """Move all markets, and send what they bring to those who have subscribed to it, or to nobody."""
        for _ in range(count):
            for symbol, market in self.markets.items():
                for channel, frame in market.step():
                    for connection in () if silently else list(self.connections):
                        subscribed = self.books if channel == "book" else self.trades
                        # Nothing comes before the snapshot.
                        waits = any(one[1:3] == [connection, symbol] for one in self._due)
                        if symbol in subscribed.get(connection, ()) and not (channel == "book" and waits):
                            await self._send(connection, frame)
            for one in self._due:
                one[0] -= 1
            await self._send_snapshots()

    async def tell_status(self, system: str) -> None:
        """Change the state of the trading engine."""
        self.system = system
        for connection in list(self.connections):
            with suppress(ConnectionClosed):
                await connection.send(self._status())

    def methods(self, symbol: str) -> list[tuple[str, str]]:
        """What was asked for of a symbol: method and channel, in their order."""
        return [
            (one["method"], one["params"]["channel"])
            for one in self.requests
            if symbol in one.get("params", {}).get("symbol", ())
        ]
