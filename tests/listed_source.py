"""Sources of messages that a test lists, with and without the means to be sought in, and messages for them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hftlab.clock import Clock
from hftlab.protocol import BookDelta, MarketDataSymbol, Message, OrderBookLevel, Trade
from hftlab.protocol.latest_state import LatestState
from hftlab.simulator.stream_state import StreamState
from hftlab.source import Timed, timed
from tests.protocol.conftest import level, market_data, symbol, trade

__all__ = ["ListedSource", "SeekableListedSource", "market_messages", "state_of"]

Item = Message | Timed[Message]


class ListedSource:
    """Yields (time, item) pairs, the items as they are: bare messages, or Timed with account and payload."""

    name, recorded = "listed", True
    symbols: tuple[str, ...] = ("AAPL", "AAPL:NYSE", "MSFT")

    def __init__(self, items: Sequence[tuple[int, Item]]) -> None:
        self.clock = Clock(0, paused=True)
        self.items = list(items)
        self.next = 0

    def next_time(self) -> int | None:
        return self.items[self.next][0] if self.next < len(self.items) else None

    def advance(self, until: int) -> list[Item]:
        start, self.next = self.next, max(self.next, bisect_right([at for at, _ in self.items], until))
        return [item for _, item in self.items[start : self.next]]


class SeekableListedSource(ListedSource):
    @property
    def span(self) -> tuple[int, int] | None:
        return (self.items[0][0], self.items[-1][0]) if self.items else None

    def seek(self, position: int) -> list[Message]:
        self.next = bisect_right([at for at, _ in self.items], position)
        state = StreamState()
        for at, item in self.items[: self.next]:
            state.add(timed([item], at)[0].message)
        return state.messages()

    def take(self, count: int) -> list[Timed[Message]]:
        start, self.next = self.next, min(len(self.items), self.next + max(count, 0))
        return [timed([item], at)[0] for at, item in self.items[start : self.next]]


NAMES = ["AAPL", "MSFT", "TSLA"]


def state_of(messages: Iterable[Message]) -> dict[str, MarketDataSymbol]:
    """One message after the other, as a server takes them in."""
    state = LatestState()
    for message in messages:
        state.take_in(message)
    return state.latest


def symbols() -> SearchStrategy[MarketDataSymbol]:
    """With and without what a message may leave out."""
    prices = st.integers(2, 50).map(float)
    sides: SearchStrategy[list[OrderBookLevel] | None] = st.none() | st.lists(prices.map(level), max_size=3)
    trades: SearchStrategy[Trade | None] = st.none() | prices.map(trade)
    return st.builds(
        lambda name, price, bids, asks, last: symbol(name, price, bids=bids, asks=asks, last_trade=last),
        st.sampled_from(NAMES),
        prices,
        sides,
        sides,
        trades,
    )


def deltas() -> SearchStrategy[BookDelta]:
    levels = st.lists(st.builds(level, st.integers(2, 9).map(float), st.sampled_from([0.0, 1.0, 2.0])), max_size=3)
    return st.builds(
        lambda name, bids, asks, is_snapshot: BookDelta(
            timestamp=1.0,
            symbol=name,
            exchange='"snapshot":true',
            bids=bids,
            asks=asks,
            checksum=0,
            ts_event=2.0,
            snapshot=is_snapshot,
        ),
        st.sampled_from([*NAMES, "ONLY_BOOKS"]),
        levels,
        levels,
        st.booleans(),
    )


def market_messages() -> SearchStrategy[Message]:
    data = st.lists(symbols(), max_size=3).map(lambda some: market_data(*some))
    return st.one_of(data, data, deltas())
