"""The view of a book's depth: cumulative size by price around the mid."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.errors import ArgumentError
from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View, checked_number
from hftlab.widgets.depth.frame import DepthState, pack_depth, read_depth
from hftlab.widgets.depth.picture import depth_svg

__all__ = ["DepthView"]

MOST_LEVELS: Final = 500


class DepthView(View):
    """The resting size of `symbol`, of at most `depth` levels a side."""

    page: ClassVar[Path] = Path(__file__).with_name("depth.js")

    def __init__(self, client: Client, symbol: str, depth: int = 100, rate: float = 10) -> None:
        super().__init__(client, rate, symbol=symbol, depth=depth)
        self.checked("depth", checked_number("depth", depth))
        self._scales: dict[str, Scale] = {}

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        value = super().checked(name, value)
        if name == "depth" and not (value == int(value) and 1 <= value <= MOST_LEVELS):
            raise ArgumentError(f"depth must be 1 to {MOST_LEVELS} levels a side, got {value!r}")
        return value

    def snapshot(self) -> bytes:
        """Pack the current book; see pack_depth."""
        return pack_depth(*self._read())

    def picture(self) -> Picture:
        """Draw the current book as a static picture."""
        state, scale = self._read()
        symbol, status = self.settings["symbol"], str(self.client.connection_status)
        note = "STALE" if state.stale else "" if status == "CONNECTED" else status
        return Picture(depth_svg(symbol, state.bids, state.asks, note=note, scale=scale), f"{symbol}'s depth")

    def _read(self) -> tuple[DepthState, Scale]:
        symbol = self.settings["symbol"]
        state = read_depth(self.client, symbol, int(self.settings["depth"]))
        scale = self._scales.setdefault(symbol, Scale())
        levels = [*state.bids, *state.asks]
        scale.learn((price for price, _ in levels), (size for _, size in levels))
        return state, scale
