"""The view of an order-book ladder: asks above, bids below."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View
from hftlab.widgets.ladder.frame import LadderState, pack_ladder, read_ladder
from hftlab.widgets.ladder.picture import ladder_svg

__all__ = ["LadderView"]

MOST_LEVELS = 100


class LadderView(View):
    """An order book's levels; the settings are `symbol` and `depth`, the levels a side."""

    page: ClassVar[Path] = Path(__file__).with_name("ladder.js")

    def __init__(
        self, client: Client, symbol: str, depth: int = 10, rate: float = 10, *, tick: float | None = None
    ) -> None:
        super().__init__(client, rate, symbol=symbol, depth=depth)
        self.checked("depth", depth)
        self._scales = {symbol: Scale(tick)}

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        value = super().checked(name, value)
        if name == "depth" and not 1 <= value <= MOST_LEVELS:
            raise ValueError(f"depth must be 1 to {MOST_LEVELS} levels a side, got {value!r}")
        return value

    def snapshot(self) -> bytes:
        """Pack the current book; see pack_ladder."""
        state, scale = self._read()
        return pack_ladder(state, scale)

    def picture(self) -> Picture:
        """Draw the current book as a static picture."""
        state, scale = self._read()
        status = str(self.client.connection_status)
        note = "STALE" if state.stale else "" if status == "CONNECTED" else status
        svg = ladder_svg(
            self.settings["symbol"],
            state.bids,
            state.asks,
            last=state.last,
            change_percent=state.change_percent,
            trade=state.trade,
            ts_event=state.ts_event,
            note=note,
            scale=scale,
        )
        return Picture(svg, f"{self.settings['symbol']}'s order book")

    def _read(self) -> tuple[LadderState, Scale]:
        symbol = self.settings["symbol"]
        state = read_ladder(self.client, symbol, self.settings["depth"])
        # A given tick is the first symbol's; a symbol that is shown later learns its own.
        scale = self._scales.setdefault(symbol, Scale())
        seen = [*state.bids, *state.asks, *([state.trade] if state.trade else [])]
        scale.learn((each[0] for each in seen), (each[1] for each in seen))
        return state, scale
