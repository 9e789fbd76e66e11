"""Live time and sales as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.setting import Setting
from hftlab.widgets.time_and_sales.view import TimeAndSalesView

__all__ = ["TimeAndSales"]


class TimeAndSales(LiveWidget):
    """The trades of one symbol, live, newest on top.

    Only trades of `min_size` and above are shown; at most `rate` updates a second. Assigning `symbol` or `min_size`
    changes what is shown.
    """

    _esm = page_source(TimeAndSalesView.page)

    symbol = Setting[str]()
    """The symbol shown."""
    min_size = Setting[float]()
    """The smallest size shown."""

    def __init__(
        self,
        client: StreamingClient,
        symbol: str,
        min_size: float = 0,
        rate: float = 10,
        *,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        super().__init__(client, {"": TimeAndSalesView(client, symbol, min_size, rate)}, refresh_loop)

    def __repr__(self) -> str:
        return f"TimeAndSales({self.symbol!r})"
