"""Makes the wire of a venue that a server is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hftlab.errors import ArgumentError
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import Framer
from hftlab.server.native.binance_wire import BinanceWire
from hftlab.server.native.kraken_wire import KrakenWire
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.native.native_wire import NativeWire
from hftlab.server.native.wires import Wire

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["make_wire"]


def make_wire(
    wire: Wire, stream: Stream, framer: Framer, limits: ServerLimits, market: str | None, native: NativeLimits | None
) -> NativeWire:
    """Make a wire of the session that a stream replays.

    Raises HftlabError for a source that is not the replay of a session, and ArgumentError for options of another wire.
    """
    if wire == "binance":
        return BinanceWire(stream, market, framer, limits, native)
    for name, value in (("market", market), ("native_limits", native)):
        if value is not None:
            raise ArgumentError(f"{name}={value!r} is for wire='binance': leave it out with wire={wire!r}")
    return KrakenWire(stream, framer, limits)
