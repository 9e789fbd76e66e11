"""A gateway's copy of what accounts are told, and the publisher whose accounts they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hftlab.gateway.announcement import Announcement
from hftlab.gateway.jetstream import StreamReader, last_sequence
from hftlab.gateway.market_feed import MarketFeed
from hftlab.gateway.remote_accounts import RemoteAccounts
from hftlab.gateway.subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient
    from nats.aio.msg import Msg

__all__ = ["AccountCopy"]


class AccountCopy:
    """Reads what accounts are told into a gateway's RemoteAccounts, from the start of the newest trading session.

    Of several publishers that take orders it follows the latest; one that is gone gives way to any that lives.
    """

    def __init__(self, subjects: Subjects, feed: MarketFeed, accounts: RemoteAccounts) -> None:
        self.publisher: Announcement | None = None
        """The publisher that takes orders, as far as its accounts can be read; None if there is none."""
        self._subjects, self._feed, self._accounts = subjects, feed, accounts
        self._reader: StreamReader | None = None
        self._goal: int | None = 0
        """Number of the record up to which the copy has to be; None once it is."""
        self._moving = asyncio.Lock()

    @property
    def problem(self) -> str | None:
        """Sentence that says why clients cannot sign in yet; None if they can."""
        if self.publisher is not None:
            return None if self._goal is None else "the accounts' messages are being read"
        return "the accounts' messages cannot be read from JetStream yet" if self.lacks_publisher() else None

    def takes_orders_of(self, run: str) -> bool:
        """Return whether a run is that of the publisher which takes orders."""
        return self.publisher is not None and self.publisher.run == run

    def lacks_publisher(self) -> bool:
        """Return whether there is a publisher that takes orders, and none that lives is followed."""
        if self.publisher is not None and not self._is_gone(self.publisher):
            return False
        silent = {one.run for one in self._feed.silent}
        return any(
            one.session is not None and one is not self.publisher and one.run not in silent and self._feed.owns(one.run)
            for one in self._feed.publishers.values()
        )

    def _is_gone(self, publisher: Announcement) -> bool:
        return any(one.run == publisher.run for one in self._feed.silent) or not self._feed.owns(publisher.run)

    def _is_newer(self, publisher: Announcement) -> bool:
        return self.publisher is None or publisher.is_later_than(self.publisher) or self._is_gone(self.publisher)

    async def follow(self, publisher: Announcement, client: NatsClient) -> None:
        """Go on with the accounts of a publisher, if it is the newest that takes orders; the same session goes on.

        Raises errors of the library, whose types are many, where JetStream cannot be read.
        """
        async with self._moving:
            if publisher.session is None or not self._is_newer(publisher):
                return
            self.publisher = publisher
            try:
                await self._read(publisher.session, client)
            except BaseException:
                self.publisher = None  # and is tried again
                raise

    async def _read(self, session: str, client: NatsClient) -> None:
        if session == self._accounts.session and self._reader is not None:
            return
        self._goal = 0
        self._accounts.begin(session)
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()
        js, stream = client.jetstream(), self._subjects.account_stream
        self._goal = await last_sequence(js, stream)
        reader = StreamReader(js, stream, f"{self._subjects.accounts}.>", self._take, only_new=False)
        self._reader = await reader.start()

    def _take(self, message: Msg) -> None:
        self._accounts.take(message.data)

    async def restart(self) -> None:
        """Go on reading behind a new connection."""
        async with self._moving:
            if self._reader is not None:
                await self._reader.restart()

    def has_caught_up(self) -> bool:
        """Return once that all records of before have been read."""
        if self._goal is None or self._reader is None or self._reader.last < self._goal:
            return False
        self._goal = None
        return True
