"""The live depth chart as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.setting import Setting
from hftlab.widgets.depth.view import DepthView

__all__ = ["DepthChart"]


class DepthChart(LiveWidget):
    """The cumulative size of one symbol's book by price, live.

    `depth` levels a side at most, and at most `rate` updates a second. Assigning `symbol` or `depth` changes what is
    shown.
    """

    _esm = page_source(DepthView.page)

    symbol = Setting[str]()
    """The symbol shown."""
    depth = Setting[int]()
    """The levels shown a side, at most."""

    def __init__(
        self,
        client: Client,
        symbol: str,
        depth: int = 100,
        rate: float = 10,
        *,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        super().__init__(client, {"": DepthView(client, symbol, depth, rate)}, refresh_loop)

    def __repr__(self) -> str:
        return f"DepthChart({self.symbol!r}, depth={self.depth})"
