"""The live order-book ladder as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.ladder.view import LadderView

__all__ = ["Ladder"]


class Ladder(LiveWidget):
    """A live price ladder of one symbol of a client.

    `depth` levels a side, at most `rate` updates a second. Without a `tick` it is learnt from the prices. Assigning
    `symbol` or `depth` changes what is shown.
    """

    _esm = page_source(LadderView.page)

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
        super().__init__(client, {"": LadderView(client, symbol, depth, rate, tick=tick)}, refresh_loop)

    @property
    def symbol(self) -> str:
        """The symbol shown."""
        return str(self.views[""].settings["symbol"])

    @symbol.setter
    def symbol(self, value: str) -> None:
        self.views[""].set({"symbol": value})

    @property
    def depth(self) -> int:
        """The levels shown a side."""
        return int(self.views[""].settings["depth"])

    @depth.setter
    def depth(self, value: int) -> None:
        self.views[""].set({"depth": value})

    def __repr__(self) -> str:
        return f"Ladder({self.symbol!r}, depth={self.depth})"
