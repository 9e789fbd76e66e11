"""The live order-book ladder as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.setting import Setting
from hftlab.widgets.ladder.view import LadderClient, LadderView

__all__ = ["Ladder"]


class Ladder(LiveWidget):
    """A live ladder (depth of market) of one symbol of a client: a row for each price step on a fixed axis.

    `depth` rows a side, at most `rate` updates a second. Without a `tick` it is learnt from the prices. `group` is the
    number of ticks in a row. With `trading` the page can place orders of `size` and cancel them, once it is armed.
    Assigning `symbol`, `depth`, `group` or `size` changes what is shown.
    """

    _esm = page_source(LadderView.page)

    symbol = Setting[str]()
    """The symbol shown."""
    depth = Setting[int]()
    """The rows shown a side."""
    group = Setting[int]()
    """The ticks in a row."""
    size = Setting[float]()
    """The size of the orders that the page places."""

    def __init__(
        self,
        client: LadderClient,
        symbol: str,
        depth: int = 10,
        rate: float = 10,
        *,
        tick: float | None = None,
        group: int = 1,
        trading: bool = False,
        size: float = 1,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        view = LadderView(client, symbol, depth, rate, tick=tick, group=group, trading=trading, size=size)
        super().__init__(client, {"": view}, refresh_loop)

    def __repr__(self) -> str:
        return f"Ladder({self.symbol!r}, depth={self.depth})"
