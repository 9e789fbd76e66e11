"""Views of a client in a notebook, one method each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from hftlab.protocol.symbol_argument import symbol_name
from hftlab.suggesting import Suggesting

if TYPE_CHECKING:
    from hftlab.session import Session
    from hftlab.widgets import (
        Blotter,
        ConnectionPanel,
        DepthChart,
        HeatMap,
        Ladder,
        LatencyPanel,
        QueuePosition,
        TimeAndSales,
        Transport,
        WatchList,
    )
    from hftlab.widgets.dashboard.widget import DashboardClient

__all__ = ["ClientViews"]


class ClientViews(Suggesting):
    """The views of a client, each a widget; imported when they are first asked for."""

    @property
    def _client_of_views(self) -> DashboardClient:
        return cast("DashboardClient", self)

    def ladder(
        self,
        symbol: str,
        depth: int = 10,
        rate: float = 10,
        *,
        tick: float | None = None,
        group: int = 1,
        trading: bool = False,
        size: float = 1,
    ) -> Ladder:
        """Show a live ladder (depth of market): `depth` rows a side, at most `rate` updates a second.

        `tick` is the smallest price step; without one it is learnt from the prices. `group` is the number of ticks in a
        row. With `trading` clicks and keys place orders of `size` and cancel them, once the ladder is armed on its
        page. See hftlab.widgets.Ladder.
        """
        from hftlab.widgets import Ladder

        client = self._client_of_views
        shown = symbol_name(symbol, "client.ladder()")
        return Ladder(client, shown, depth, rate, tick=tick, group=group, trading=trading, size=size)

    def heatmap(self, symbol: str, rate: float = 10) -> HeatMap:
        """Show a live heat map of a book: time by price, coloured by resting size; see hftlab.widgets.HeatMap.

        At most `rate` updates a second. It begins when it is made, and goes on also while no page shows it.
        """
        from hftlab.widgets import HeatMap

        return HeatMap(self._client_of_views, symbol_name(symbol, "client.heatmap()"), rate)

    def latency_panel(self, rate: float = 4) -> LatencyPanel:
        """Show live latency histograms, at most `rate` updates a second; see hftlab.widgets.LatencyPanel."""
        from hftlab.widgets import LatencyPanel

        return LatencyPanel(self._client_of_views, rate)

    def watchlist(self, symbols: Iterable[str] | None = None, rate: float = 10) -> WatchList:
        """Show a live table of symbols, by default of all subscribed to, at most `rate` updates a second.

        A click or Enter on a row points linked views at its symbol. See hftlab.widgets.WatchList.
        """
        from hftlab.widgets import WatchList

        return WatchList(self._client_of_views, symbols, rate)

    def transport(self, symbol: str | None = None, *, session: Session | None = None, rate: float = 10) -> Transport:
        """Show the controls of the replay that the server streams: play, pause, step, speed, loop and a scrubber.

        Under the scrubber is the price of `symbol` (by default the first one), with its volume and gaps, of the
        `session` that is replayed; without one as far as it has been played. See hftlab.widgets.Transport.
        """
        from hftlab.widgets import Transport

        return Transport(self._client_of_views, symbol, session, rate)

    def time_and_sales(self, symbol: str, min_size: float = 0, rate: float = 10) -> TimeAndSales:
        """Show a symbol's trades live, newest on top, those of `min_size` and above; at most `rate` updates a second.

        Every trade is known where the data type TRADES is subscribed to. See hftlab.widgets.TimeAndSales.
        """
        from hftlab.widgets import TimeAndSales

        shown = symbol_name(symbol, "client.time_and_sales()")
        return TimeAndSales(self._client_of_views, shown, min_size, rate)

    def blotter(self, rate: float = 4) -> Blotter:
        """Show the account's orders, fills, positions and portfolio, with buttons that cancel.

        At most `rate` updates a second. See hftlab.widgets.Blotter.
        """
        from hftlab.widgets import Blotter

        return Blotter(self._client_of_views, rate)

    def depth_chart(self, symbol: str, depth: int = 100, rate: float = 10) -> DepthChart:
        """Show the cumulative size of a symbol's book by price, at most `rate` updates a second.

        At most `depth` levels a side. See hftlab.widgets.DepthChart.
        """
        from hftlab.widgets import DepthChart

        return DepthChart(self._client_of_views, symbol_name(symbol, "client.depth_chart()"), depth, rate)

    def connection_panel(self, rate: float = 2) -> ConnectionPanel:
        """Show the connection: state, traffic, losses, subscriptions and events, at most `rate` updates a second.

        See hftlab.widgets.ConnectionPanel.
        """
        from hftlab.widgets import ConnectionPanel

        return ConnectionPanel(self._client_of_views, rate)

    def queue_position(self, rate: float = 2) -> QueuePosition:
        """Show the estimated size ahead of each resting limit order over time, at most `rate` updates a second.

        The estimates begin when it is shown; they are best with the data types ORDER_BOOK and TRADES and a frequency of
        0. See hftlab.widgets.QueuePosition.
        """
        from hftlab.widgets import QueuePosition

        return QueuePosition(self._client_of_views, rate)
