"""The heat map as a widget of its own."""

from __future__ import annotations

from hftlab.session import Session
from hftlab.widgets.core.interfaces import Client, StreamingClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.recorded_client import RecordedClient
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.setting import Setting
from hftlab.widgets.core.view import View
from hftlab.widgets.heatmap.recorded_view import RecordedHeatMapView
from hftlab.widgets.heatmap.view import HeatMapView

__all__ = ["HeatMap"]


class HeatMap(LiveWidget):
    """A heat map of one symbol's book: time by price, coloured by the resting size.

    `of` is a client, whose books are sampled from now on, or a recorded session, of which all is shown. At most `rate`
    updates a second. Assigning `symbol` changes what is shown, and `time` (ms since 1970 UTC, None for
    none) where the cursor is.
    """

    _esm = page_source(HeatMapView.page)

    symbol = Setting[str]()
    """The symbol shown."""
    time = Setting[float | None]()
    """Time of the cursor, in ms since 1970 UTC; None for none."""

    def __init__(
        self, of: StreamingClient | Session, symbol: str, rate: float = 10, *, refresh_loop: RefreshLoop = REFRESH_LOOP
    ) -> None:
        client: Client
        if isinstance(of, Session):
            client = RecordedClient(of)
            view: View = RecordedHeatMapView(client, of, symbol, rate)
        else:
            client, view = of, HeatMapView(of, symbol, rate, refresh_loop=refresh_loop)
        super().__init__(client, {"": view}, refresh_loop)

    def __repr__(self) -> str:
        return f"HeatMap({self.symbol!r})"
