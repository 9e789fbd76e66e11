"""A recording in Binance's wire: markets by their paths, streams by WebSocket and requests by HTTP."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from websockets.http11 import Request, Response

from hftlab.errors import HftlabError
from hftlab.instruments import Instrument
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import Framer
from hftlab.server.http.answers import answer
from hftlab.server.native.binance_connections import BinanceConnections
from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.message_events import events_of
from hftlab.server.native.native_feed import NativeFeed
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.native.native_urls import NativeUrls
from hftlab.server.native.native_wire import NativeWire, position_of, session_of
from hftlab.server.native.parts_ahead import PartsAhead
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.binance.api.api_errors import no_book, unknown_path
from hftlab.venues.binance.api.markets import MARKETS, SPOT, Market, market_named
from hftlab.venues.binance.api.requests_in import MarketRequests
from hftlab.venues.binance.api.stream_names import Route
from hftlab.venues.binance.api.stream_set import StreamSet
from hftlab.venues.market_state.recorded_market import RecordedMarket

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["BinanceWire"]

_JSON: Final = "application/json;charset=UTF-8"
_REQUESTS: Final = re.compile(r"/[a-z]*api/v\d")
"""Requests of all kinds, also of those that a recording does not serve."""
_STREAMS: Final = re.compile(r"(?P<path>/(?:ws|stream)(?:[/?].*)?)")
_ROUTE: Final = re.compile(r"/(?P<route>public|market|private)(?P<rest>/.*)")
_MARKET: Final = re.compile(r"/(?P<market>spot|usdm|coinm)(?P<rest>/.*)")
_HOST: Final = re.compile(r"/(?P<host>[a-z-]+)\d?\.binance\.(?:com|vision)(?::\d+)?(?P<rest>/.*)")
_HOSTS: Final = {
    "stream": "spot",
    "data-stream": "spot",
    "api": "spot",
    "data-api": "spot",
    "fstream": "usdm",
    "fapi": "usdm",
    "dstream": "coinm",
    "dapi": "coinm",
}
"""Markets by the names of Binance's hosts."""
_NOT_IN_SYMBOL: Final = re.compile(r"[^A-Z0-9_]")


class _Served(NamedTuple):
    """One market."""

    streams: StreamSet[ServerSocket]
    requests: MarketRequests


class BinanceWire(NativeWire):
    """Binance's wire of a session that a stream replays: its paths, sockets and requests.

    The paths `/ws` and `/stream` are those of the first market that the session has (spot, usdm, coinm); each market is
    also below its name, `/usdm/ws`, and below the names of its hosts, `/fstream.binance.com/ws`, so that an address of
    Binance behind the server's is one of ours. USDⓈ-M has `/public`, `/market` and `/private` as well. With `market`
    all symbols are of that one, whatever their venue.
    """

    connections: BinanceConnections

    def __init__(
        self,
        stream: Stream,
        market: str | None,
        framer: Framer,
        limits: ServerLimits,
        native: NativeLimits | None = None,
    ) -> None:
        native, self._stream = native or NativeLimits(), stream
        events = PartsAhead(events_of(session_of(stream.playback.source, "binance")))
        chosen = _markets(events.instruments, market)
        self.connections = BinanceConnections(stream, framer, limits, native)
        self._served: dict[str, _Served] = {}
        for one in [*chosen, *(market for market in MARKETS.values() if market not in chosen)]:
            streams: StreamSet[ServerSocket] = StreamSet(one, RecordedMarket(chosen.get(one, {})))
            requests = MarketRequests(streams, position_of(stream), native.of(one).weight)
            self._served[one.name] = _Served(streams, requests)
        self._filled = [one.name for one in chosen]
        """Markets with symbols, the first of which is at the root. The others answer that they have none."""
        sets = [self._served[name].streams for name in self._filled]
        cursor = EventCursor(events, [streams.recorded for streams in sets])
        self.feed = NativeFeed(cursor, sets, self.connections)
        self.connections.before_change = self.feed.catch_up
        stream.follow(self.feed)

    def urls(self, url: str) -> list[NativeUrls]:
        """Return the addresses of the markets, for a server at `url`; the first is at the root."""
        first, *others = self._filled
        places = [(first, ""), *((name, f"/{name}") for name in others)]
        return [NativeUrls.of(name, url, path) for name, path in places]

    def answer(self, request: Request, address: str) -> Response | None:
        """Answer a request by HTTP for market data; None for any other."""
        market, target = self._market_of(request.path)
        if not _REQUESTS.match(target):
            return None
        if self._stream.is_moving:
            return answer(no_book().status, no_book().body, _JSON, Retry_After="1")
        self.feed.catch_up()
        for served in self._served.values() if market is None else [self._served[market]]:
            given = served.requests.answer(target, address, time.time())
            if given is not None:
                more = {"X_MBX_USED_WEIGHT": str(given.used_weight), "X_MBX_USED_WEIGHT_1M": str(given.used_weight)}
                if given.retry_after is not None:
                    more["Retry_After"] = str(given.retry_after)
                return answer(given.status, given.body, _JSON, **more)
        return answer(unknown_path().status, unknown_path().body, _JSON)

    def has(self, path: str) -> bool:
        """Tell whether a path is one of streams."""
        return self._place(path) is not None

    async def serve(self, socket: ServerSocket, path: str) -> None:
        """Serve a WebSocket on one of the paths of streams."""
        place = self._place(path)
        assert place is not None
        served, route, rest = place
        await self.connections.serve(socket, served.streams, route, rest)

    def _market_of(self, path: str) -> tuple[str | None, str]:
        named, of_host = _MARKET.fullmatch(path), _HOST.fullmatch(path)
        if named is not None:
            return named["market"], named["rest"]
        if of_host is not None and of_host["host"] in _HOSTS:
            return _HOSTS[of_host["host"]], of_host["rest"]
        return None, path

    def _place(self, path: str) -> tuple[_Served, Route, str] | None:
        market, rest = self._market_of(path)
        route = Route.NONE
        routed = _ROUTE.fullmatch(rest)
        if routed is not None and market in (None, "usdm"):
            market, route, rest = "usdm", Route(routed["route"]), routed["rest"]
        return (self._served[market or self._filled[0]], route, rest) if _STREAMS.fullmatch(rest) else None


def _markets(instruments: tuple[Instrument, ...], market: str | None) -> dict[Market, dict[str, Instrument]]:
    """Return the markets to serve, each with the instruments of its symbols."""
    if market is not None:
        return {market_named(market): _by_symbol(instruments)}
    found = {
        one: own
        for one in MARKETS.values()
        if (own := [instrument for instrument in instruments if instrument.venue.name == one.venue.name])
    }
    return {one: _by_symbol(own) for one, own in found.items()} if found else {SPOT: _by_symbol(instruments)}


def _by_symbol(instruments: tuple[Instrument, ...] | list[Instrument]) -> dict[str, Instrument]:
    """Name instruments as Binance would: in capitals and digits alone."""
    named: dict[str, Instrument] = {}
    for instrument in instruments:
        symbol = _NOT_IN_SYMBOL.sub("", instrument.wire_symbol.upper())
        if not symbol or symbol in named:
            raise HftlabError(
                f"{instrument.wire_symbol} has no name of its own in Binance's wire: {symbol or 'nothing'} is taken"
            )
        named[symbol] = instrument
    return named
