"""Log of the requests that a broker has taken, by which they can be done once more."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from operator import attrgetter
from typing import NamedTuple

from hftlab.trading.broker import OrderRequest

__all__ = ["LoggedRequest", "RequestLog"]


class LoggedRequest(NamedTuple):
    """Request of an account at a time of the venue (ns).

    Without a `request` it is the end of the connection `entered_by`, at which its orders are cancelled.
    """

    at: int
    account: str | None
    request: OrderRequest | None
    entered_by: Hashable | None = None


class RequestLog:
    """Requests in the order in which they were taken, which is that of their times: `entries`."""

    def __init__(self) -> None:
        self.entries: list[LoggedRequest] = []

    def add(self, entry: LoggedRequest) -> None:
        """Append a request; its time is not before the last one's."""
        self.entries.append(entry)

    def since(self, count: int) -> list[LoggedRequest]:
        """Return the requests behind the first `count`."""
        return self.entries[count:]

    def forget_after(self, at: int) -> None:
        """Forget the requests after a time (ns)."""
        del self.entries[bisect_right(self.entries, at, key=attrgetter("at")) :]
