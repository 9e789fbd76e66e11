"""The live connection panel as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.connection.view import ConnectionView
from hftlab.widgets.core.interfaces import ConnectedClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop

__all__ = ["ConnectionPanel"]


class ConnectionPanel(LiveWidget):
    """A client's connection, live: state, traffic, what was lost, subscriptions and the newest events of its log.

    At most `rate` updates a second.
    """

    _esm = page_source(ConnectionView.page)

    def __init__(self, client: ConnectedClient, rate: float = 2, *, refresh_loop: RefreshLoop = REFRESH_LOOP) -> None:
        super().__init__(client, {"": ConnectionView(client, rate)}, refresh_loop)

    def __repr__(self) -> str:
        return "ConnectionPanel()"
