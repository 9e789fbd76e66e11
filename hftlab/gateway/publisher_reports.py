"""Problems of the publishers of a cluster, as a gateway knows them."""

from __future__ import annotations

from typing import Final

from hftlab.gateway.announcement import WIRE, Announcement, Beat
from hftlab.gateway.market_feed import SILENCE, MarketFeed
from hftlab.version import __version__

__all__ = ["PublisherReports"]

_RECENT: Final = 5.0
"""Seconds for which something that could not be read counts as a problem."""


class PublisherReports:
    """Problems of publishers: those that they tell, and those of what they send. `now` is as in MarketFeed.

    Those of publishers that have no symbols any more are left out.
    """

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self._told: dict[str, str] = {}
        self._untold: dict[str, str] = {}
        self._unreadable: dict[str, tuple[float, str]] = {}
        """By run when a message could not be read, and why."""
        self._foreign: dict[str, tuple[float, Announcement]] = {}
        """Publishers of another version, by their run, and when they were heard."""

    def take(self, beat: Beat) -> None:
        """Take in what a publisher says of itself."""
        for reports, report in ((self._told, beat.problem), (self._untold, beat.untold)):
            if report is None:
                reports.pop(beat.run, None)
            else:
                reports[beat.run] = report

    def untold(self, run: str) -> str | None:
        """Return why a publisher can tell accounts nothing; None if it can."""
        return self._untold.get(run)

    def is_foreign(self, publisher: Announcement, now: float) -> bool:
        """Return whether a publisher is of a version whose messages cannot be read here, and note that it is."""
        if publisher.wire == WIRE:
            return False
        self._foreign[publisher.run] = now, publisher
        return True

    def hears_foreign(self, run: str, now: float) -> bool:
        """Take in a sign of life; returns whether it is of a publisher of another version."""
        known = self._foreign.get(run)
        if known is not None:
            self._foreign[run] = now, known[1]
        return known is not None

    def cannot_read(self, header: str, error: Exception, now: float) -> None:
        """Note that a message cannot be read; one under the name of no publisher is left out."""
        run = header.partition(" ")[0]
        if self._feed.knows(run):
            self._unreadable[run] = now, str(error)

    def foreign(self, now: float) -> list[str]:
        """Return a sentence for each publisher of another version that is heard."""
        return [
            f"the publisher of {one.source!r} (hftlab {one.version or 'without a version'}) sends version {one.wire} "
            f"of a cluster's messages, and this gateway (hftlab {__version__}) reads version {WIRE}: install the same "
            "hftlab for both"
            for heard, one in self._foreign.values()
            if now - heard <= SILENCE
        ]

    def problems(self, now: float) -> list[str]:
        """Return all that is wrong, a sentence each."""
        feed = self._feed
        silent = [f"the publisher of {one.source!r} is not heard" for one in feed.silent]
        told = [said for run, said in self._told.items() if feed.owns(run)]
        unreadable = [
            f"messages of the publisher of {feed.publishers[run].source!r} cannot be read ({why}): is it of another "
            f"version than hftlab {__version__}, or does somebody else write on its subjects?"
            for run, (at, why) in self._unreadable.items()
            if now - at <= _RECENT and feed.owns(run)
        ]
        return [*silent, *told, *self.foreign(now), *unreadable]
