"""The live latency panel as a widget of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.latency.view import LatencyView

__all__ = ["LatencyPanel"]


class LatencyPanel(LiveWidget):
    """A client's latencies, live: histogram and course of one component, the percentiles of all, and the traffic.

    At most `rate` updates a second.
    """

    _esm = page_source(LatencyView.page)

    def __init__(
        self,
        client: Client,
        rate: float = 4,
        *,
        timer: Callable[[], float] = time.monotonic,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        super().__init__(client, {"": LatencyView(client, rate, timer=timer)}, refresh_loop)

    def reset(self) -> None:
        """Count from now on, in this panel; the client's own metrics go on."""
        view = self.views[""]
        assert isinstance(view, LatencyView)
        view.reset()

    def __repr__(self) -> str:
        return "LatencyPanel()"
