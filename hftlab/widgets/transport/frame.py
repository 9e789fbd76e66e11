"""The transport's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import inf, isinf
from typing import Final

from hftlab.clock import to_milliseconds

__all__ = ["HEADER", "STATES", "TransportState", "pack_transport"]

HEADER: Final = ("version", "state", "position", "start", "end", "speed", "loop", "busy")
"""The frame's values, as transport.js names them; times in ms since 1970 UTC."""
VERSION: Final = 1
STATES: Final = ("LIVE", "WAITING", "PLAYING", "PAUSED", "ENDED")


@dataclass(frozen=True, slots=True)
class TransportState:
    """State of a transport; times in ns. `state` is one of STATES, and LIVE where there is nothing to control.

    `speed` is infinite at full speed; `busy` while the server has not answered a command yet.
    """

    state: str = "LIVE"
    position: int = 0
    start: int = 0
    end: int = 0
    speed: float = 1.0
    loop: bool = False
    busy: bool = False

    @property
    def speed_text(self) -> str:
        """The speed for display: `10×`, `max`."""
        return "max" if isinf(self.speed) else f"{self.speed:g}\u00d7"


def pack_transport(state: TransportState) -> bytes:
    """Pack the state as little-endian float64; see HEADER."""
    return struct.pack(
        f"<{len(HEADER)}d",
        VERSION,
        STATES.index(state.state),
        to_milliseconds(state.position),
        to_milliseconds(state.start),
        to_milliseconds(state.end),
        inf if isinf(state.speed) else state.speed,
        state.loop,
        state.busy,
    )
