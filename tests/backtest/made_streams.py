"""Random recorded rows and requests for markets in which own orders stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from hftlab.backtest.core import Entry
from hftlab.book.matching.entries import EntryType, InForce, Prevention
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, FILL, MODIFY, NO_SIDE, NONE, TRADE
from tests.backtest.listed_rows import Row

_RANGE: Final = 4
"""Ticks on each side of 0: prices below 0 are prices too."""


@dataclass
class _Known:
    """Recorded orders that are there, in the order of their entry."""

    orders: dict[int, list[int]] = field(default_factory=dict)
    """By id: side, price, lots."""

    def best(self, side: int) -> int | None:
        prices = [price for at, price, _ in self.orders.values() if at == side]
        return None if not prices else max(prices) if side == BID else min(prices)


class _Stream:
    def __init__(self, random: Random, instruments: int) -> None:
        self.random = random
        self.known = [_Known() for _ in range(instruments)]
        self.time = 0
        self.ids = 0
        self.events: list[list[Row]] = []

    def event(self, *rows: Row) -> None:
        """Add rows of one time, of which the last ends the event."""
        if rows:
            flagged = [row._replace(time=self.time, flags=row.flags & ~F_LAST) for row in rows]
            self.events.append([*flagged[:-1], flagged[-1]._replace(flags=flagged[-1].flags | F_LAST)])
            self.time += self.random.randrange(3)

    def price(self) -> int:
        return self.random.randint(-_RANGE, _RANGE)

    def lots(self) -> int:
        return self.random.choice([0, 1, 1, 2, 3, 5, 8, 13, 30])

    def side(self) -> int:
        return self.random.choice([BID, ASK])


def made_orders(seed: int, steps: int, instruments: int = 1) -> list[list[Row]]:
    """Make events of order-level rows, most of which a venue could send, and some of which none should."""
    stream = _Stream(Random(seed), instruments)
    random = stream.random
    for _ in range(steps):
        number = random.randrange(instruments)
        known = stream.known[number].orders
        kind = random.random()
        if kind < 0.45 or not known:
            stream.event(_added(stream, number))
        elif kind < 0.55:
            order = random.choice(list(known))
            stream.event(*_cancelled(stream, number, order, random.choice([1, known[order][2]])))
        elif kind < 0.65:
            stream.event(*_modified(stream, number))
        elif kind < 0.83:
            stream.event(*_executed(stream, number))
        elif kind < 0.90:
            letter = random.choice([BID, ASK, NO_SIDE])
            off = random.choice([0, 0, 0, 1])
            stream.event(Row(0, TRADE, letter, stream.price(), stream.lots(), 0, number, 0, off))
        elif kind < 0.93:
            stream.event(*_cleared(stream, number))
        else:
            stream.event(_nonsense(stream, number))
    return stream.events


def _added(stream: _Stream, number: int, flags: int = 0) -> Row:
    known, random = stream.known[number], stream.random
    side, price, lots = stream.side(), stream.price(), max(stream.lots(), 1)
    other = known.best(ASK if side == BID else BID)
    if other is not None and random.random() < 0.9:  # else it crosses what is there
        price = min(price, other - 1) if side == BID else max(price, other + 1)
    stream.ids += 1
    known.orders[stream.ids] = [side, price, lots]
    return Row(0, ADD, side, price, lots, stream.ids, number, flags)


def _cancelled(stream: _Stream, number: int, order: int, lots: int) -> list[Row]:
    known = stream.known[number].orders
    side, price, left = known[order]
    lots = min(lots, left)
    known[order][2] -= lots
    if known[order][2] == 0:
        del known[order]
    return [Row(0, CANCEL, side, price, lots, order, number, 0)]


def _modified(stream: _Stream, number: int) -> list[Row]:
    known, random = stream.known[number].orders, stream.random
    order = random.choice(list(known))
    side, price, left = known[order]
    price = random.choice([price, price, stream.price()])
    lots = random.choice([stream.lots(), left, left + 2, max(left - 1, 0)])
    known[order] = [side, price, lots]
    if lots == 0:
        del known[order]
    return [Row(0, MODIFY, side, price, lots, order, number, 0)]


def _executed(stream: _Stream, number: int) -> list[Row]:
    """An order comes and trades: a print for all, or for each of the orders that it meets."""
    known, random = stream.known[number], stream.random
    side = stream.side()
    best = known.best(side)
    if best is None:
        return []
    at_best = [one for one, (letter, price, _) in known.orders.items() if letter == side and price == best]
    if random.random() < 0.15:
        at_best.reverse()  # not at the front
    taker, left = ASK if side == BID else BID, max(stream.lots(), 1)
    parts = []
    for order in at_best:
        part = min(left, known.orders[order][2])
        if part > 0:
            parts.append((order, part))
            left -= part
    hidden = random.choice([0, 0, 1, 4])
    prints = [Row(0, TRADE, taker, best, lots, 0, number, 0) for _, lots in parts]
    fills = [Row(0, FILL, side, best, lots, order, number, 0) for order, lots in parts]
    shape = random.randrange(5)
    after = [row for order, lots in parts for row in _taken_off(stream, number, order, lots)]
    whole = Row(0, TRADE, taker, best, sum(lots for _, lots in parts) + hidden, 0, number, 0)
    if shape == 0:
        return [whole, *fills, *after]
    if shape == 1:  # fills without a print, as in an auction
        return [*fills, *after]
    if shape == 2:  # a print for all, each fill with what it leaves
        return [whole, *(row for pair in zip(fills, after, strict=True) for row in pair)]
    if shape == 3:
        return [*prints, *after]
    return [row for three in zip(prints, fills, after, strict=True) for row in three]


def _taken_off(stream: _Stream, number: int, order: int, lots: int) -> list[Row]:
    known, random = stream.known[number].orders, stream.random
    if known[order][2] == lots and random.random() < 0.3:  # an iceberg shows its next part
        known[order][2] = random.choice([lots, 3])
        return [Row(0, MODIFY, *known[order], order, number, 0)]
    return _cancelled(stream, number, order, lots)


def _cleared(stream: _Stream, number: int) -> list[Row]:
    stream.known[number].orders.clear()
    rows = [Row(0, CLEAR, NO_SIDE, 0, 0, 0, number, 0)]
    return rows + [_added(stream, number, F_SNAPSHOT) for _ in range(stream.random.randrange(4))]


def _nonsense(stream: _Stream, number: int) -> Row:
    """A row that does not fit what is there."""
    random = stream.random
    return Row(
        0,
        random.choice([ADD, CANCEL, MODIFY, FILL, TRADE, NONE]),
        random.choice([BID, ASK, NO_SIDE]),
        stream.price(),
        stream.lots(),
        random.choice([0, random.randint(1, stream.ids + 1), 2**64 - 1]),
        number,
        0,
        random.choice([0, 1]),
    )


def made_levels(seed: int, steps: int, instruments: int = 1) -> list[list[Row]]:
    """Make events of rows that tell levels' totals, and prints."""
    stream = _Stream(Random(seed), instruments)
    random = stream.random
    middle = [0] * instruments
    for _ in range(steps):
        number = random.randrange(instruments)
        middle[number] = max(-_RANGE, min(_RANGE, middle[number] + random.choice([-1, 0, 0, 0, 1])))
        kind, side = random.random(), stream.side()
        away = random.randint(0, 3) if random.random() < 0.9 else -2
        price = middle[number] - away if side == BID else middle[number] + 1 + away
        off = random.choice([0] * 20 + [1])
        if kind < 0.7:
            action = random.choice([ADD, MODIFY, MODIFY, MODIFY, CANCEL])
            stream.event(Row(0, action, side, price, stream.lots(), 0, number, F_MBP, off))
        elif kind < 0.97:
            letter = random.choice([BID, ASK, BID, ASK, NO_SIDE])
            trade = Row(0, TRADE, letter, price, stream.lots(), 0, number, 0, off)
            followed = [Row(0, MODIFY, side, price, stream.lots(), 0, number, F_MBP)] if random.random() < 0.5 else []
            stream.event(trade, *followed)
        else:
            stream.event(Row(0, CLEAR, NO_SIDE, 0, 0, 0, number, 0))
    return stream.events


def in_blocks(events: list[list[Row]], seed: int, count: int) -> list[list[Row]]:
    """Divide events into so many blocks at most."""
    random = Random(seed)
    cuts = sorted(random.randrange(len(events) + 1) for _ in range(count - 1))
    bounds = zip([0, *cuts], [*cuts, len(events)], strict=True)
    return [[row for event in events[start:end] for row in event] for start, end in bounds]


@dataclass(frozen=True)
class Ask:
    """Request of an own order at a time."""

    at: int
    entry: Entry | None = None
    number: int = 0
    lots: int = 0
    price: int = 0
    is_cancel: bool = False


def made_requests(seed: int, count: int, last: int, instruments: int = 1) -> list[Ask]:
    """Make requests between the times 0 and `last`."""
    random = Random(seed)
    times = sorted(random.randint(0, last) for _ in range(count))
    requests: list[Ask] = []
    numbers = 0
    for at in times:
        kind = random.random()
        if kind < 0.7 or numbers == 0:
            numbers += 1
            requests.append(Ask(at, entry=_entry(random, numbers, instruments)))
        elif kind < 0.85:
            requests.append(Ask(at, number=random.randint(1, numbers + 1), is_cancel=True))
        else:
            lots, price = random.choice([0, 1, 4, 9, 20]), random.randint(-_RANGE, _RANGE)
            requests.append(Ask(at, number=random.randint(1, numbers), lots=lots, price=price))
    return requests


def _entry(random: Random, number: int, instruments: int) -> Entry:
    is_market = random.random() < 0.1
    display = random.choice([0, 0, 0, 1, 3])
    side, price = random.choice([BID, ASK]), random.randint(-_RANGE, _RANGE)
    if random.random() < 0.7:  # more of those that rest
        price = -abs(price) if side == BID else abs(price)
    return Entry(
        number=number,
        instrument=random.randrange(instruments),
        owner=random.randint(1, 2),
        side=side,
        type=int(EntryType.MARKET if is_market else EntryType.LIMIT),
        in_force=int(random.choice([InForce.DAY] * 6 + [InForce.IOC, InForce.FOK])),
        price=0 if is_market else price,
        lots=random.choice([0, 1, 2, 3, 5, 8, 20, 20]),
        display=0 if is_market else display,
        post_only=0 if is_market else int(random.random() < 0.15),
        prevention=int(random.choice(list(Prevention))),
    )
