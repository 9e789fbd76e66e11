"""`book`: price-level updates with the best bid and offer after each, against the order-book C extension.

The updates are the same for both: about 200 levels a side, most changes near the touch, sizes and removals, and a price
that wanders. Both must end with the same best. The extension has no orders (L3); their figure is reported without a
ratio.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hftlab.bench.result import Result
from hftlab.book import BookSet
from hftlab.errors import HftlabError
from hftlab.events import ADD, ASK, BID, CANCEL, F_LAST, F_MBP, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument

__all__ = ["run"]

_MUST: Final = 8.0
_ROUNDS: Final = 7
_UPDATES: Final = 200_000
_BATCH: Final = 10_000
_LEVELS: Final = 200
_LIVE: Final = 5_000
_INSTRUMENT: Final = Instrument("BENCH", NASDAQ, tick=UNIT // 100, lot=UNIT, currency="USD")


def run() -> Result:
    levels, orders = _level_updates(7), _order_updates(7)
    peer = _Peer(levels)
    work: dict[str, Callable[[], Any]] = {
        "order_book": peer.run,
        "levels": lambda: _trace(levels),
        "orders": lambda: _apply(orders),
    }
    # The first round loads what is compiled. Rounds alternate: a machine that changes its speed does so for all.
    times: dict[str, list[float]] = {name: [] for name in work}
    ends = {}
    for number in range(_ROUNDS + 1):
        for name, call in work.items():
            start = time.process_time()
            ends[name] = call()
            if number:
                times[name].append((time.process_time() - start) / _UPDATES * 1e9)
    if ends["order_book"] != ends["levels"]:
        raise HftlabError(f"the books differ at the end: {ends['order_book']} there and {ends['levels']} here")
    ratio = statistics.median(a / b for a, b in zip(times["order_book"], times["levels"], strict=True))
    figures = {f"{name}_ns": statistics.median(values) for name, values in times.items()}
    figures |= {"updates": _UPDATES, "levels_a_side": min(ends["levels"][2:]), "live_orders": _LIVE}
    return Result("book", ratio, _MUST, ratio >= _MUST, figures | {"order_book_version": peer.version})


class _Peer:
    """The C extension, fed with prepared Python integers."""

    def __init__(self, batch: EventBatch) -> None:
        try:
            import order_book
        except ImportError as error:
            raise HftlabError(
                "the benchmark compares with the C extension order-book, which is not installed: "
                "pip install 'order-book>=0.6'"
            ) from error
        self._new = order_book.OrderBook
        self.version = importlib.metadata.version("order-book")
        lots = np.where(batch.action == CANCEL, 0, batch.size)
        ticks = batch.price // _INSTRUMENT.tick
        self._updates = list(zip((batch.side == BID).tolist(), ticks.tolist(), lots.tolist(), strict=True))

    def run(self) -> tuple[Any, ...]:
        book = self._new()
        bids, asks = book.bids, book.asks
        bid = ask = None
        for is_bid, ticks, lots in self._updates:
            side = bids if is_bid else asks
            if lots:
                side[ticks] = lots
            else:
                del side[ticks]
            bid = bids.index(0) if len(bids) else None
            ask = asks.index(0) if len(asks) else None
        return bid, ask, len(bids), len(asks)


def _trace(batch: EventBatch) -> tuple[Any, ...]:
    books = BookSet()
    for start in range(0, len(batch), _BATCH):
        tops = books.trace(batch[start : start + _BATCH], 1)
    bid = int(tops.bid_ticks[-1, 0]), int(tops.bid_lots[-1, 0])
    ask = int(tops.ask_ticks[-1, 0]), int(tops.ask_lots[-1, 0])
    return bid, ask, *books["BENCH"].levels


def _apply(batch: EventBatch) -> None:
    books = BookSet()
    for start in range(0, len(batch), _BATCH):
        books.apply(batch[start : start + _BATCH])
    if books.anomalies:
        raise HftlabError(f"the orders did not fit: {dict(books.anomalies)}")


def _level_updates(seed: int) -> EventBatch:
    """Generate sizes and removals near the touch of a market that moves by a tick when its best level goes."""
    random = np.random.default_rng(seed)
    distances = np.minimum(random.geometric(0.12, _UPDATES), _LEVELS) - 1
    are_asks, removals = random.integers(0, 2, _UPDATES).tolist(), (random.random(_UPDATES) < 0.25).tolist()
    sizes = random.integers(1, 1000, _UPDATES).tolist()
    best = {0: 100_000, 1: 100_001}
    there: dict[int, set[int]] = {0: set(), 1: set()}
    rows = []
    for number, distance in enumerate(distances.tolist()):
        if number < 2 * _LEVELS:
            is_ask, distance, remove = number % 2, number // 2, False
        else:
            is_ask, remove = are_asks[number], removals[number]
        sign = 1 if is_ask else -1
        ticks = best[is_ask] + sign * distance
        remove = remove and ticks in there[is_ask]
        rows.append((CANCEL if remove else ADD, ASK if is_ask else BID, ticks, 0 if remove else sizes[number]))
        if remove:
            there[is_ask].remove(ticks)
        else:
            there[is_ask].add(ticks)
        # A level gone at the best lets the other side come nearer, as long as they do not cross.
        if remove and distance == 0:
            best[is_ask] += sign
        elif distance == 0 and best[1] - best[0] > 2:
            best[is_ask] -= sign
    return _batch(rows, np.zeros(len(rows), np.uint64), F_LAST | F_MBP)


def _order_updates(seed: int) -> EventBatch:
    """Generate orders near the touch, and cancels of random ones, some of them in two parts."""
    random = np.random.default_rng(seed)
    distances = np.minimum(random.geometric(0.12, _UPDATES), _LEVELS).tolist()
    picks, kinds = random.random(_UPDATES).tolist(), random.random(_UPDATES).tolist()
    live: list[tuple[int, int, int, int]] = []
    rows, ids = [], []
    for number, distance in enumerate(distances):
        if not live or kinds[number] < (0.6 if len(live) < _LIVE else 0.45):
            side, ticks = (BID, 100_000 - distance) if number % 2 else (ASK, 100_000 + distance)
            live.append((number + 1, side, ticks, 200))
            rows.append((ADD, side, ticks, 200))
            ids.append(number + 1)
            continue
        place = int(picks[number] * len(live))
        order_id, side, ticks, lots = live[place]
        gone = lots if kinds[number] < 0.9 else (lots + 1) // 2
        rows.append((CANCEL, side, ticks, gone))
        ids.append(order_id)
        live[place] = (order_id, side, ticks, lots - gone) if gone < lots else live[-1]
        if gone == lots:
            live.pop()
    return _batch(rows, np.array(ids, np.uint64), F_LAST)


def _batch(rows: list[tuple[int, int, int, int]], order_id: Any, flags: int) -> EventBatch:
    action, side, ticks, lots = np.array(rows, np.int64).T
    times = np.arange(len(rows), dtype=np.int64)
    return EventBatch(
        ts_event=times,
        ts_recv=times,
        sequence=times,
        instrument_id=np.zeros(len(rows), np.int32),
        order_id=order_id,
        action=action,
        side=side,
        price=ticks * _INSTRUMENT.tick,
        size=lots,
        flags=np.full(len(rows), flags, np.uint8),
        instruments=(_INSTRUMENT,),
    )
