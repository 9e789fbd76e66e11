"""Source of a gateway: what has come over NATS, in its order, on the wall's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from hftlab.clock import Clock, wall_time
from hftlab.gateway.market_feed import MarketFeed
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.messages import Message
from hftlab.source import Timed
from hftlab.trading.remote_broker import RemoteBroker

__all__ = ["GatewaySource"]

Due: TypeAlias = Timed[Any] | Callable[[], None]


class GatewaySource:
    """Source that is fed by a gateway, on the loop of its server. MARKET_DATA comes as EncodedMarketData.

    `put()` adds messages, `call()` a function that is called when all messages before it have been sent and none behind
    it has. `remote_broker` takes the orders of the server's clients.
    """

    recorded = False
    control_advice = (
        "its publisher's source is played for all gateways: use `hftlab serve` or `hftlab replay` for one that clients "
        "control"
    )

    def __init__(self, name: str, feed: MarketFeed, remote_broker: RemoteBroker) -> None:
        self.name = name
        self.clock = Clock(timer=wall_time)
        self.remote_broker = remote_broker
        self._feed = feed
        self._due: deque[Due] = deque()
        self._at = 0
        """Time at which the newest has come; never goes back."""
        self._wake: Callable[[], None] | None = None
        self._has_told = False

    @property
    def symbols(self) -> list[str]:
        """Symbols of all publishers that are known."""
        return self._feed.symbols

    # --- in ---

    def put(self, messages: Iterable[EncodedMarketData | Message], account: str | None = None) -> None:
        """Add messages that have come now; private ones with their account."""
        at = self._now()
        self._due.extend([Timed(at, message, account) for message in messages])
        self._tell()

    def call(self, function: Callable[[], None]) -> None:
        """Call a function between the messages before and behind it."""
        self._now()
        self._due.append(function)
        self._tell()

    def _now(self) -> int:
        self._at = max(self._at, wall_time())
        return self._at

    def _tell(self) -> None:
        if self._due and not self._has_told and self._wake is not None:
            self._has_told = True
            self._wake()

    # --- the source ---

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when something has come while there was nothing; see hftlab.source.Live."""
        self._wake = callback
        self._tell()

        def unwatch() -> None:
            self._wake = None

        return unwatch

    def next_time(self) -> int | None:
        """Return when the newest of what has come did; None if nothing waits."""
        return min(self._at, self.clock.now()) if self._due else None

    def advance(self, until: int) -> list[Timed[Any]]:  # noqa: ARG002 - all of it has come before now
        """Return the messages up to the next function, after calling those that are first."""
        self._has_told = False
        due, items = self._due, []
        while due and not isinstance(due[0], Timed):
            due.popleft()()  # type: ignore[operator]
        while due and isinstance(item := due[0], Timed):
            items.append(item)
            due.popleft()
        return items

    def __repr__(self) -> str:
        return f"GatewaySource({self.name!r}, symbols: {len(self.symbols)})"
