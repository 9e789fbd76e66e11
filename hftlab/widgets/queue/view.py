"""The view of an account's queue positions: how much is estimated to stand ahead of each resting order."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View
from hftlab.widgets.queue.frame import pack_queue
from hftlab.widgets.queue.picture import queue_svg
from hftlab.widgets.queue.track import Track
from hftlab.widgets.queue.tracker import FollowedTrader, tracker_of

__all__ = ["QueueView"]


class QueueView(View):
    """Estimated places of an account's limit orders in the queues of their prices, over time."""

    page: ClassVar[Path] = Path(__file__).with_name("queue.js")

    def __init__(self, client: FollowedTrader, rate: float = 2) -> None:
        super().__init__(client, rate)
        self._tracker = tracker_of(client)
        self._scales: dict[str, Scale] = {}

    def snapshot(self) -> bytes:
        """Pack the current tracks; see pack_queue."""
        return pack_queue(self._read(), self._scales)

    def picture(self) -> Picture:
        """Draw the newest tracks as a static picture."""
        return Picture(queue_svg(self._read(), self._scales), "the queue positions")

    @property
    def ages(self) -> bool:
        """False: an account without orders has nothing new."""
        return False

    def _read(self) -> list[Track]:
        tracks = self._tracker.tracks()
        for track in tracks:
            if (price := track.record.price) is not None:
                self._scales.setdefault(track.record.symbol, Scale()).learn([price], ())
        return tracks
