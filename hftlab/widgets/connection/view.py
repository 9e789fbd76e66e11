"""The view of a client's connection: its state, what it has counted, its subscriptions and its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hftlab.clock import wall_time
from hftlab.widgets.connection.frame import ConnectionFrame, pack_connection, read_connection
from hftlab.widgets.connection.picture import connection_svg
from hftlab.widgets.core.interfaces import ConnectedClient
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View
from hftlab.widgets.latency.rate_meter import RateMeter

__all__ = ["ConnectionView"]


class ConnectionView(View):
    """The connection of a client; it has no settings."""

    page: ClassVar[Path] = Path(__file__).with_name("connection.js")

    def __init__(
        self,
        client: ConnectedClient,
        rate: float = 2,
        *,
        timer: Callable[[], float] = time.monotonic,
        clock: Callable[[], int] = wall_time,
    ) -> None:
        super().__init__(client, rate)
        self._connected = client
        self._timer, self._clock = timer, clock
        self._meter = RateMeter()
        self._received = client.metrics.messages_received
        self._heard: float | None = None

    @property
    def ages(self) -> bool:
        """False: a connection without traffic has lost nothing."""
        return False

    def snapshot(self) -> bytes:
        """Pack the current state; see pack_connection."""
        return pack_connection(self._read())

    def picture(self) -> Picture:
        """Draw the current state as a static picture."""
        return Picture(connection_svg(self._read()), "a connection")

    def _read(self) -> ConnectionFrame:
        now, metrics = self._timer(), self._connected.metrics
        if metrics.messages_received != self._received:
            self._received, self._heard = metrics.messages_received, now
        silence = None if self._heard is None else now - self._heard
        return read_connection(self._connected, self._meter.read(now, metrics), silence, self._clock())
