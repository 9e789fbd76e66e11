"""The blotter of an account as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.blotter.view import BlotterView
from hftlab.widgets.core.account import TradingClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop

__all__ = ["Blotter"]


class Blotter(LiveWidget):
    """Orders, fills, positions and portfolio of the account that a client is signed in as, with buttons that cancel.

    At most `rate` updates a second.
    """

    _esm = page_source(BlotterView.page)

    def __init__(self, client: TradingClient, rate: float = 4, *, refresh_loop: RefreshLoop = REFRESH_LOOP) -> None:
        super().__init__(client, {"": BlotterView(client, rate)}, refresh_loop)

    def __repr__(self) -> str:
        return "Blotter()"
