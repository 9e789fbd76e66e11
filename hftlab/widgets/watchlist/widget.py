"""The live watch list as a widget of its own."""

from __future__ import annotations

from collections.abc import Iterable

from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.watchlist.view import WatchListView

__all__ = ["WatchList"]


class WatchList(LiveWidget):
    """A live table of symbols: price, change, spread, imbalance and the course of the last minute.

    `symbols` are those to show; None stands for all that the client subscribes to, also later ones. At most `rate`
    updates a second.
    """

    _esm = page_source(WatchListView.page)

    def __init__(
        self,
        client: StreamingClient,
        symbols: Iterable[str] | None = None,
        rate: float = 10,
        *,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        super().__init__(client, {"": WatchListView(client, symbols, rate)}, refresh_loop)

    @property
    def symbol(self) -> str:
        """The selected symbol; empty while none is."""
        return str(self.views[""].settings["symbol"])

    @symbol.setter
    def symbol(self, value: str) -> None:
        self.views[""].set({"symbol": value})

    def __repr__(self) -> str:
        symbols = self.views[""].settings["symbols"]
        return f"WatchList({'all' if symbols is None else symbols})"
