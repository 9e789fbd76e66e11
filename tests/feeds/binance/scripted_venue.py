"""A venue over real sockets that speaks as Binance does, for as long as a test lets it, with faults on request."""

from __future__ import annotations

import asyncio
import http
import json
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hftlab.clock import wall_time
from tests.feeds.binance.simulated_venue import Market, exchange_info
from tests.feeds.socket_venue import SocketVenue


class ScriptedVenue(SocketVenue):
    """Venue of some symbols; a context manager. `step()` moves its markets and sends what they bring."""

    def __init__(
        self, symbols: Sequence[str] = ("BTCUSDT", "XYZUSDT"), seed: int = 1, *, futures: bool = False
    ) -> None:
        super().__init__()
        self.markets = {symbol: Market(symbol, seed, futures=futures) for symbol in symbols}
        self.futures = futures
        self.paths: list[str] = []
        self.subscribed: dict[ServerConnection, set[str]] = {}
        self.requests: Counter[str] = Counter()
        self.refusals: deque[tuple[int, str | None]] = deque()
        """Status and Retry-After of the next answers about books."""
        self.late: deque[int] = deque()
        """How many updates ago the next snapshots are of."""
        self.status = 200
        """HTTP status of all answers."""
        self.refused_streams: str | None = None
        """Error, as JSON, with which requests to subscribe are answered."""
        self.snapshot_gate = asyncio.Event()
        """Snapshots are answered while it is set."""
        self.snapshot_gate.set()

    @property
    def addresses(self) -> dict[str, Any]:
        """Arguments for hl.feeds.Binance."""
        return {"ws_url": f"ws://{self.address}", "rest_url": f"http://{self.address}"}

    # --- streams ---

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.subscribed[connection] = set()
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.subscribed[connection].update(parse_qs(urlsplit(connection.request.path).query).get("streams", []))
        try:
            async for text in connection:
                request = json.loads(text)
                assert request["method"] == "SUBSCRIBE"
                if self.refused_streams is not None:
                    await connection.send(f'{{"error":{self.refused_streams},"id":{request["id"]}}}')
                    continue
                self.subscribed[connection].update(request["params"])
                await connection.send(json.dumps({"result": None, "id": request["id"]}))
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            del self.subscribed[connection]

    async def step(
        self, count: int = 1, *, to: Sequence[ServerConnection] | None = None, silently: bool = False
    ) -> None:
        """Move all markets, and send what they bring to those who have subscribed to it, or to nobody."""
        for _ in range(count):
            for market in self.markets.values():
                for message in market.step():
                    stream = json.loads(message.frame)["stream"]
                    for connection in () if silently else list(self.connections if to is None else to):
                        if stream in self.subscribed.get(connection, ()):
                            with suppress(ConnectionClosed):
                                await connection.send(message.frame.decode())

    async def announce_shutdown(self, connection: ServerConnection) -> None:
        """Tell a connection that it will end."""
        await connection.send(json.dumps({"e": "serverShutdown", "E": wall_time() // 10**6}))

    # --- REST ---

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        path = parts.path.rpartition("/")[2]
        if path == "stream":
            if self.refuses_sockets:
                self.refuses_sockets -= 1
                return _response(503, b"")
            return None
        self.requests[path] += 1
        query = parse_qs(parts.query)
        if self.status != 200:
            return _response(self.status, b'{"code":0,"msg":"Service unavailable from a restricted location"}')
        if path == "time":
            return _response(200, json.dumps({"serverTime": wall_time() // 10**6}).encode())
        if path == "exchangeInfo":
            names = json.loads(query["symbols"][0]) if "symbols" in query else list(self.markets)
            if not set(names) <= set(self.markets):
                return _response(400, b'{"code":-1121,"msg":"Invalid symbol."}')
            return _response(200, exchange_info(list(self.markets)))
        if path != "depth":
            return _response(404, b"")
        if self.refusals:
            status, retry_after = self.refusals.popleft()
            return _response(status, b"{}", {} if retry_after is None else {"Retry-After": retry_after})
        await self.snapshot_gate.wait()
        market = self.markets[query["symbol"][0]]
        return _response(200, market.snapshot(self.late.popleft() if self.late else 0), {"X-MBX-USED-WEIGHT-1M": "50"})


def _response(status: int, body: bytes, more: dict[str, str] | None = None) -> Response:
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    headers.update(more or {})
    return Response(status, http.HTTPStatus(status).phrase, headers, body)
