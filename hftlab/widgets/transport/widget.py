"""The controls of a replay as a widget of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from hftlab.session import Session
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.live_widget import LiveWidget
from hftlab.widgets.core.page_code import page_source
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.transport.view import TransportView

__all__ = ["Transport"]


class Transport(LiveWidget):
    """The controls of the replay that a client watches: play, pause, step, speed, loop, and a scrubber.

    Under the scrubber is the price of `symbol` (by default the first one), from `session` where the recording is at
    hand, else as far as it has been played. At most `rate` updates a second.
    """

    _esm = page_source(TransportView.page)

    def __init__(
        self,
        client: StreamingClient,
        symbol: str | None = None,
        session: Session | None = None,
        rate: float = 10,
        *,
        timer: Callable[[], float] = time.monotonic,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        super().__init__(client, {"": TransportView(client, symbol, session, rate, timer=timer)}, refresh_loop)

    @property
    def symbol(self) -> str:
        """The symbol whose price is drawn."""
        return str(self.views[""].settings["symbol"])

    @symbol.setter
    def symbol(self, value: str) -> None:
        self.views[""].set({"symbol": value})

    def __repr__(self) -> str:
        return f"Transport({self.symbol!r})"
