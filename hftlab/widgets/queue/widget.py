"""The queue positions of an account as a widget of its own."""

from __future__ import annotations

from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.queue.tracker import FollowedTrader
from hftlab.widgets.queue.view import QueueView

__all__ = ["QueuePosition"]


class QueuePosition(LiveWidget):
    """Estimated size ahead of each resting limit order of an account, from when it was placed to its end.

    Estimates begin when the widget is made. At most `rate` updates a second.
    """

    _esm = page_source(QueueView.page)

    def __init__(self, client: FollowedTrader, rate: float = 2, *, refresh_loop: RefreshLoop = REFRESH_LOOP) -> None:
        super().__init__(client, {"": QueueView(client, rate)}, refresh_loop)

    def __repr__(self) -> str:
        return "QueuePosition()"
