"""Ladders on a tab: frames from the Python packer."""

from __future__ import annotations

from typing import Any

from hftlab.widgets import Ladder
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.frame import LadderState, pack_ladder
from tests.browser.tab import Tab

__all__ = ["BID", "SETTINGS", "ladder_frame", "ladder_on"]

BID = 6_173_763
"""The best bid's tick."""
SETTINGS = {"symbol": "BTC-USD", "depth": 5, "group": 1, "trading": False, "size": 2}


def ladder_frame(size: float = 0.5, shift: int = 0, **changes: Any) -> bytes:
    """A book of five levels a side, a tick apart, `shift` ticks above 61,737.63 and 61,737.64."""
    bid, ask = BID + shift, BID + 1 + shift
    state = {
        "bids": [((bid - step) / 100, size + step / 8, step) for step in range(5)],
        "asks": [((ask + step) / 100, 1.5 + step / 8, step) for step in range(5)],
        "ts_event": 43_200_123_000_000,
        "last": 61737.64,
        "change_percent": 1.25,
        "volume": 1234.5,
        "trade": (ask / 100, 0.25, "BUY"),
        **changes,
    }
    scale = Scale()
    levels = [*state["bids"], *state["asks"]]
    scale.learn((level[0] for level in levels), (level[1] for level in levels))
    return pack_ladder(LadderState(**state), scale)


def ladder_on(tab: Tab, frame: bytes | None = None, **settings: Any) -> Tab:
    return tab.start(Ladder._esm, ladder_frame() if frame is None else frame, settings={**SETTINGS, **settings})
