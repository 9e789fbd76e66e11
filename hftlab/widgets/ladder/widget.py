"""The live order-book ladder: asks above, bids below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.live_widget import LiveWidget, page_source
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.ladder.frame import LadderState, pack_ladder, read_ladder
from hftlab.widgets.ladder.picture import ladder_svg

__all__ = ["Ladder"]


class Ladder(LiveWidget):
    """A live price ladder of one symbol of a client.

    `depth` levels a side, at most `rate` updates a second. Without a `tick` it is learnt from the prices. Assigning
    `symbol` or `depth` changes what is shown.
    """

    _esm = page_source(Path(__file__).with_name("ladder.js"))

    symbol = traitlets.Unicode().tag(sync=True)
    depth = traitlets.Int(10, min=1, max=100).tag(sync=True)

    def __init__(
        self,
        client: Client,
        symbol: str,
        depth: int = 10,
        rate: float = 10,
        *,
        tick: float | None = None,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        self._client = client
        self._scales = {symbol: Scale(tick)}
        self.symbol, self.depth = symbol, depth
        super().__init__(rate, refresh_loop)

    def snapshot(self) -> bytes:
        """Pack the current book; see pack_ladder."""
        state, scale = self._read()
        return pack_ladder(state, scale)

    def connection_status(self) -> str:
        """The client's connection status."""
        return str(self._client.connection_status)

    def picture(self) -> Picture:
        """Draw the current book as a static picture."""
        state, scale = self._read()
        status = self.connection_status()
        note = "STALE" if state.stale else "" if status == "CONNECTED" else status
        svg = ladder_svg(
            self.symbol,
            state.bids,
            state.asks,
            last=state.last,
            change_percent=state.change_percent,
            trade=state.trade,
            ts_event=state.ts_event,
            note=note,
            scale=scale,
        )
        return Picture(svg, f"{self.symbol}'s order book")

    def _read(self) -> tuple[LadderState, Scale]:
        with self._guard:
            symbol = self.symbol
            state = read_ladder(self._client, symbol, self.depth)
            # A given tick is the first symbol's; a symbol that is shown later learns its own.
            scale = self._scales.setdefault(symbol, Scale())
            seen = [*state.bids, *state.asks, *([state.trade] if state.trade else [])]
            scale.learn((each[0] for each in seen), (each[1] for each in seen))
            return state, scale

    @traitlets.observe("symbol", "depth")
    def _shows_another(self, _: Any) -> None:
        if self.comm is not None:
            self.refresh_now()

    def __repr__(self) -> str:
        return f"Ladder({self.symbol!r}, depth={self.depth})"
