"""A recording in Kraken's wire: its channels by WebSocket, API v2, and its requests by HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from websockets.http11 import Request, Response

from hftlab.instruments import Instrument
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import Framer
from hftlab.server.http.answers import answer
from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.kraken_connections import KrakenConnections
from hftlab.server.native.message_events import events_of
from hftlab.server.native.native_feed import NativeFeed
from hftlab.server.native.native_urls import NativeUrls
from hftlab.server.native.native_wire import NativeWire, position_of, session_of
from hftlab.server.native.parts_ahead import PartsAhead
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.api.channel_set import ChannelSet
from hftlab.venues.kraken.api.requests_in import MarketRequests
from hftlab.venues.kraken.pair_name import pairs_of

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["KrakenWire"]

_JSON: Final = "application/json;charset=UTF-8"
_HOST: Final = re.compile(r"/(?:(?:beta-)?ws(?:-auth)?|api)\.kraken\.com(?::\d+)?(?P<rest>/.*)")
_STREAMS: Final = re.compile(r"/v2/?(?:\?.*)?")


class KrakenWire(NativeWire):
    """Kraken's wire of a session that a stream replays: its paths, sockets and requests.

    Its channels are at `/v2`, its requests below `/0/public/`. Both are also below the names of Kraken's hosts,
    `/ws.kraken.com/v2`, so that an address of Kraken behind the server's is one of ours. Of a session with pairs of
    Kraken's only these are served, of any other all symbols (hftlab.venues.kraken.pair_name).
    """

    connections: KrakenConnections

    def __init__(self, stream: Stream, framer: Framer, limits: ServerLimits) -> None:
        self._stream = stream
        events = PartsAhead(events_of(session_of(stream.playback.source, "kraken")))
        channels: ChannelSet[ServerSocket] = ChannelSet(pairs_of(_chosen(events.instruments)))
        self.connections = KrakenConnections(stream, framer, limits, channels)
        self._requests = MarketRequests(channels, position_of(stream))
        cursor = EventCursor(events, [channels.recorded])
        self.feed = NativeFeed(cursor, [channels], self.connections, has_ids=False)
        self.connections.before_change = self.feed.catch_up
        stream.follow(self.feed)

    def urls(self, url: str) -> list[NativeUrls]:
        """Return the addresses, for a server at `url`."""
        return [NativeUrls.of("kraken", url)]

    def answer(self, request: Request, address: str) -> Response | None:  # noqa: ARG002 - as other wires
        """Answer a request by HTTP for market data; None for any other."""
        path = _behind_host(request.path)
        if not path.startswith("/0/"):
            return None
        if self._stream.is_moving:
            return answer(200, b'{"error":["EService:Busy"]}', _JSON)
        self.feed.catch_up()
        body = self._requests.answer(path)
        return None if body is None else answer(200, body, _JSON)

    def has(self, path: str) -> bool:
        """Tell whether a path is that of the channels."""
        return _STREAMS.fullmatch(_behind_host(path)) is not None

    async def serve(self, socket: ServerSocket, path: str) -> None:  # noqa: ARG002 - as other wires
        """Serve a WebSocket on the path of the channels."""
        await self.connections.serve(socket)


def _behind_host(path: str) -> str:
    found = _HOST.fullmatch(path)
    return path if found is None else found["rest"]


def _chosen(instruments: tuple[Instrument, ...]) -> list[Instrument]:
    own = [instrument for instrument in instruments if instrument.venue.name == KRAKEN.name]
    return own or list(instruments)
