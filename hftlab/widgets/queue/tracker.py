"""Follows an account's resting orders through the messages of the market, and estimates their places in the queues."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, Protocol

from hftlab.clock import from_milliseconds
from hftlab.market.queue_estimate import QueueEstimate
from hftlab.protocol.enums import OrderStatus, OrderType, Side
from hftlab.protocol.market_data import BookDelta, MarketData, MarketDataSymbol
from hftlab.protocol.messages import Gap
from hftlab.protocol.order_messages import OrderUpdate, PortfolioUpdate
from hftlab.trading.order_record import OrderRecord
from hftlab.widgets.core.account import TradingClient
from hftlab.widgets.core.follow import Source, follow
from hftlab.widgets.core.paper import is_paper
from hftlab.widgets.queue.track import Track

__all__ = ["MOST", "FollowedTrader", "QueueTracker", "tracker_of"]

MOST: Final = 8
"""Orders that are shown: the newest open ones, and then the newest that have ended."""
FOLLOWED: Final = 100
"""Open orders that are followed: one beyond these is not, and no other loses its place for it."""
DEPTH: Final = 20
RESTING: Final = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL)


class FollowedTrader(TradingClient, Source, Protocol):
    """A client that is signed in as an account, and whose messages can be followed."""


class QueueTracker:
    """Tracks of the limit orders of an account, oldest first; each begins with the next message of its symbol.

    In a replay that takes orders, and may be paused, an order is shown before that, with the level as it was.
    Stops, icebergs and orders beyond the levels that are known are left out. When a replay has gone back all tracks
    begin anew, those of the orders that stand there at the end of the account's snapshot.
    """

    def __init__(self, client: FollowedTrader) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._tracks: dict[str, Track] = {}
        self._sizes: dict[tuple[str, Side, float], float] = {}
        """Sizes of the levels of each symbol at its newest message, where an order of the account may come to stand."""
        self._trades: dict[str, tuple[float, float, float]] = {}
        self._time: dict[str, int] = {}
        self._is_withdrawn = False
        """True between the news that a replay has gone back and the end of the account's snapshot."""
        self.close = follow(client, "message", self._follow)
        for symbol in client.symbols:
            self._look(symbol, 0, {})

    def tracks(self) -> list[Track]:
        """Return copies of the tracks that are shown, oldest first; called on any thread."""
        with self._lock:
            still_open = [one for one in self._tracks.values() if one.ended is None][-MOST:]
            ended = [one for one in self._tracks.values() if one.ended is not None]
            shown = {id(one) for one in [*still_open, *ended[max(0, len(ended) + len(still_open) - MOST) :]]}
            return [replace(one, points=list(one.points)) for one in self._tracks.values() if id(one) in shown]

    def ahead(self) -> dict[str, float]:
        """Return the estimated size ahead of each open order, by the server's order id; called on any thread."""
        with self._lock:
            return {name: one.estimate.pro_rata for name, one in self._tracks.items() if one.ended is None}

    def _follow(self, message: object) -> None:
        if isinstance(message, MarketData):
            for state in message.symbols:
                self._look(state.symbol, from_milliseconds(state.timestamp), self._traded(state))
        elif isinstance(message, BookDelta):
            self._look(message.symbol, from_milliseconds(message.ts_event), {})
        elif isinstance(message, Gap) and message.withdrawn:
            # The market of that time came before it, when orders that are gone by now seemed to stand in it.
            with self._lock:
                self._tracks.clear()
            self._is_withdrawn = True
        elif self._is_withdrawn and isinstance(message, PortfolioUpdate) and message.snapshot:
            self._is_withdrawn = False
            self._sizes.clear()  # an order that rested before stands somewhere in its level
            for symbol, time in list(self._time.items()):
                self._look(symbol, time, {})
        elif isinstance(message, OrderUpdate) and not self._is_withdrawn and is_paper(self._client):
            newest = self._client.latest(message.symbol)
            shown = 0 if newest is None else from_milliseconds(newest.timestamp)
            self._look(message.symbol, self._time.get(message.symbol) or shown, {}, is_new=False)

    def _traded(self, state: MarketDataSymbol) -> dict[tuple[Side, float], float]:
        """Sum what was traded since the last message, by the side of the resting order and the price."""
        trades, last = state.trades, state.last_trade
        before = self._trades.get(state.symbol)
        if last is not None:
            self._trades[state.symbol] = (last.timestamp, last.price, last.size)
        if trades is None:
            # A message without trades repeats the last one, also of those that came in a list.
            is_new = last is not None and before is not None and before != self._trades[state.symbol]
            trades = [last] if last is not None and is_new else []
        sums: dict[tuple[Side, float], float] = {}
        for trade in trades:
            key = (Side.SELL if trade.side == Side.BUY else Side.BUY, trade.price)
            sums[key] = sums.get(key, 0.0) + trade.size
        return sums

    def _look(self, symbol: str, time: int, traded: dict[tuple[Side, float], float], *, is_new: bool = True) -> None:
        """Take in the orders, and with `is_new` what a message of the market has changed."""
        book = self._client.book(symbol)
        if book is None or book.stale:
            return
        sizes = {(symbol, Side.BUY, price): size for price, size, _ in book.bids(DEPTH)}
        sizes |= {(symbol, Side.SELL, price): size for price, size, _ in book.asks(DEPTH)}
        records = [handle.record for handle in self._client.trading.open_orders]
        is_recorded = is_paper(self._client)
        with self._lock:
            if time < self._time.get(symbol, 0):  # a replay has gone back
                self._tracks = {name: one for name, one in self._tracks.items() if one.record.symbol != symbol}
            self._time[symbol] = time
            self._end(symbol, time, {_name(record) for record in records})
            for record in records:
                if record.symbol == symbol and _rests(record):
                    if is_recorded and _is_known(record, sizes):
                        sizes.setdefault(_level(record), 0.0)
                    if is_new or _name(record) not in self._tracks:
                        self._observe(record, time, sizes, traded, is_recorded=is_recorded, is_new=is_new)
            self._sizes = {key: size for key, size in self._sizes.items() if key[0] != symbol} | sizes
            self._forget()

    def _observe(
        self,
        record: OrderRecord,
        time: int,
        sizes: dict[tuple[str, Side, float], float],
        traded: dict[tuple[Side, float], float],
        *,
        is_recorded: bool,
        is_new: bool,
    ) -> None:
        """Take in what a message says of an order; the levels of a recording are without it."""
        key = _level(record)
        if key not in sizes:
            return
        track = self._tracks.get(_name(record))
        if track is not None and _loses_its_place(track.record, record):
            track.ended = time
            self._tracks[f"{_name(record)} until {time}"] = self._tracks.pop(_name(record))
            track = None
        others = sizes[key] if is_recorded else max(0.0, sizes[key] - record.remaining_quantity)
        if track is None or track.is_provisional:
            if track is None and sum(one.ended is None for one in self._tracks.values()) >= FOLLOWED:
                return
            # Since the message before others may have come, ahead of it or behind it; and this message may be from
            # before the order, whose own size is not in it then.
            track = Track(record, QueueEstimate(sizes[key], self._sizes.get(key, 0.0), others))
            track.is_provisional = not is_new
            self._tracks[_name(record)] = track
        else:
            filled = max(0.0, record.filled_quantity - track.record.filled_quantity)
            track.record = record
            if filled:
                track.estimate.filled()
            track.estimate.observe(others, max(0.0, traded.get(key[1:], 0.0) - filled))
            if not track.is_settled:
                track.points.clear()
                track.is_settled = True
        if time:
            track.add(time)

    def _end(self, symbol: str, time: int, still_open: Iterable[str]) -> None:
        """Take note of the orders that are no longer open."""
        gone = [
            one
            for name, one in self._tracks.items()
            if one.record.symbol == symbol and one.ended is None and name not in set(still_open)
        ]
        if not gone:
            return
        final = {_name(handle.record): handle.record for handle in self._client.trading.orders[-10 * MOST :]}
        for track in gone:
            track.record = final.get(_name(track.record), track.record)
            track.ended = time
            if track.record.status is OrderStatus.FILLED:
                track.estimate.filled()
            track.add(time)

    def _forget(self) -> None:
        ended = [name for name, one in self._tracks.items() if one.ended is not None]
        for name in ended[: max(0, len(ended) - MOST)]:
            del self._tracks[name]


_trackers: Final[weakref.WeakKeyDictionary[Any, weakref.ref[QueueTracker]]] = weakref.WeakKeyDictionary()


def tracker_of(client: FollowedTrader) -> QueueTracker:
    """Return the tracker of a client, the same one for all views that keep it."""
    kept = _trackers.get(client)
    tracker = None if kept is None else kept()
    if tracker is None:
        tracker = QueueTracker(client)
        _trackers[client] = weakref.ref(tracker)
    return tracker


def _name(record: OrderRecord) -> str:
    """The name that stays with an order: a replacement changes the client's."""
    return record.order_id or record.client_order_id


def _rests(record: OrderRecord) -> bool:
    return record.status in RESTING and record.order_type is OrderType.LIMIT and record.price is not None


def _level(record: OrderRecord) -> tuple[str, Side, float]:
    assert record.price is not None
    return record.symbol, record.side, record.price


def _is_known(record: OrderRecord, sizes: dict[tuple[str, Side, float], float]) -> bool:
    """Tell whether the levels reach as far as the order: one that is not among them is empty then."""
    _, side, price = _level(record)
    prices = [one for _, of, one in sizes if of is side]
    return bool(prices) and (price >= min(prices) if side is Side.BUY else price <= max(prices))


def _loses_its_place(before: OrderRecord, after: OrderRecord) -> bool:
    return before.price != after.price or after.quantity > before.quantity
