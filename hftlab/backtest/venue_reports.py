"""Reports of a fill venue that are on their way to their accounts."""

from __future__ import annotations

import heapq

from hftlab.trading.venue import VenueUpdate

__all__ = ["VenueReports"]


class VenueReports:
    """Updates that accounts have not heard of yet, by the time at which they will; those of an account in their order.

    `due` is when the first of them is heard (ns), None if there are none.
    """

    def __init__(self) -> None:
        self.due: int | None = None
        self._waiting: list[tuple[int, int, VenueUpdate]] = []
        self._count = 0
        self._last: dict[str, int] = {}
        """Account -> when it hears of its latest update."""

    def heard(self, account: str, at: int) -> int:
        """Return when an account hears of its next update, which would reach it at `at`: not before its last one."""
        last = self._last.get(account)
        if last is not None and last > at:
            return last
        self._last[account] = at
        return at

    def add(self, update: VenueUpdate) -> None:
        """Add an update that its account hears of at `update.reported`."""
        self._count += 1
        heard = update.at if update.reported is None else update.reported
        heapq.heappush(self._waiting, (heard, self._count, update))
        self.due = self._waiting[0][0]

    def take(self, until: int) -> list[VenueUpdate]:
        """Return the updates that are heard of up to and including `until`, in their order, and forget them."""
        taken: list[VenueUpdate] = []
        waiting = self._waiting
        while waiting and waiting[0][0] <= until:
            taken.append(heapq.heappop(waiting)[2])
        self.due = waiting[0][0] if waiting else None
        return taken

    def copied(self) -> VenueReports:
        """Copy everything that changes; updates never do."""
        copy = VenueReports()
        copy.due, copy._waiting, copy._count, copy._last = (
            self.due,
            self._waiting.copy(),
            self._count,
            self._last.copy(),
        )
        return copy
