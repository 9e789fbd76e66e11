"""The dashboard: all views of a client in one widget, so that one message a refresh carries everything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

from hftlab.session import Session
from hftlab.widgets.blotter.view import BlotterView
from hftlab.widgets.connection.view import ConnectionView
from hftlab.widgets.core.interfaces import ConnectedClient
from hftlab.widgets.core.link import Link
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.view import View
from hftlab.widgets.dashboard.picture import dashboard_svg
from hftlab.widgets.depth.view import DepthView
from hftlab.widgets.heatmap.view import HeatMapView
from hftlab.widgets.ladder.view import LadderClient, LadderView
from hftlab.widgets.latency.view import LatencyView
from hftlab.widgets.queue.view import QueueView
from hftlab.widgets.time_and_sales.view import TimeAndSalesView
from hftlab.widgets.transport.view import TransportView
from hftlab.widgets.watchlist.view import WatchListView

__all__ = ["Dashboard"]

COLUMNS: Final = (
    (380, ("watchlist", "time_and_sales", "connection")),
    (560, ("transport", "heatmap", "depth_chart", "blotter")),
    (420, ("ladder", "queue_position", "latency")),
)
"""The columns of the picture: width in px, and the views from the top down."""
SLOW: Final = 2
"""Updates a second of what a person reads rather than watches."""


class DashboardClient(LadderClient, ConnectedClient, Protocol):
    """A client with market data, messages that can be followed, an account, and what its connection has seen."""


class Dashboard(LiveWidget):
    """All views of a client on one grid, linked by symbol and time.

    `symbol` is what is shown first; `rate` in updates a second. The controls of a replay are shown if the client
    watches one, over the price of its `session` if that is given. With `trading` the ladder places orders of `size`
    once a person has armed it. The views are in `.views` by name.
    """

    _esm = page_source(Path(__file__).with_name("dashboard.js"))

    def __init__(
        self,
        client: DashboardClient,
        symbol: str,
        rate: float = 10,
        *,
        session: Session | None = None,
        trading: bool = False,
        size: float = 1,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        self._endings = ExitStack()  # first: close() needs it, also where the arguments are refused
        views: dict[str, View] = {
            "watchlist": WatchListView(client, rate=min(rate, 5), symbol=symbol),
            "heatmap": HeatMapView(client, symbol, rate, refresh_loop=refresh_loop),
            "ladder": LadderView(client, symbol, rate=rate, trading=trading, size=size),
            "depth_chart": DepthView(client, symbol, rate=min(rate, 5)),
            "time_and_sales": TimeAndSalesView(client, symbol, rate=rate),
            "latency": LatencyView(client, min(rate, SLOW)),
            "blotter": BlotterView(client, min(rate, 5)),
            "queue_position": QueueView(client, min(rate, SLOW)),
            "connection": ConnectionView(client, min(rate, SLOW)),
        }
        if session is not None or client.replay.status is not None:
            views["transport"] = TransportView(client, symbol, session, rate)
        self.link = Link(*views.values())
        super().__init__(client, views, refresh_loop)

    @property
    def symbol(self) -> str:
        """The symbol that the views show."""
        return str(self.views["ladder"].settings["symbol"])

    @symbol.setter
    def symbol(self, value: str) -> None:
        self.views["ladder"].set({"symbol": value})

    def on_close(self, *endings: Callable[[], object]) -> None:
        """Call functions when the dashboard is closed, in the order given."""
        for ending in reversed(endings):
            self._endings.callback(ending)

    def close(self) -> None:
        """Stop refreshing and end what the dashboard has started; the picture stays."""
        super().close()
        self._endings.close()

    def picture(self) -> Picture:
        """Draw the views as they are, side by side."""
        with self._guard:
            views = self.views
            columns = [
                (width, [views[name].picture().svg for name in names if name in views]) for width, names in COLUMNS
            ]
        return Picture(dashboard_svg(columns), f"the dashboard of {self.symbol}")

    def __repr__(self) -> str:
        return f"Dashboard({self.symbol!r}, {len(self.views)} views)"
