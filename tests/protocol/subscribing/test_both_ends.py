"""Streams over a bad wire: what the subscriber shows in the end is the truth, or it says that it is not certain."""

from __future__ import annotations

import json
import random

import pytest

from hftlab import protocol
from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, DataType, MarketData, OrderBookLevel
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, market_data, receive, symbol

NOW = 5_000_000_000
SYMBOLS = ["AAPL", "MSFT"]


class Market:
    """Two books that move at random; the truth."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.books = {name: ({}, {}) for name in SYMBOLS}

    def step(self) -> MarketData:
        name = self._chance.choice(SYMBOLS)
        bids, asks = self.books[name]
        for _ in range(self._chance.randint(1, 4)):
            side, base = self._chance.choice([(bids, 100), (asks, 101)])
            price = base + self._chance.randint(0, 12) * (1 if side is asks else -1)
            size = self._chance.randint(0, 5)
            side[float(price)] = size
            if not size:
                del side[float(price)]
        return market_data(symbol(name, bids=self.levels(name, 0), asks=self.levels(name, 1)))

    def levels(self, name: str, side: int) -> list[OrderBookLevel]:
        prices = sorted(self.books[name][side].items(), reverse=not side)
        return [OrderBookLevel(price=price, size=float(size), orders=1) for price, size in prices]

    def top(self, name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        bids, asks = ([(level.price, level.size) for level in self.levels(name, side)[:10]] for side in (0, 1))
        return bids, asks


class Wire:
    """From server to client, with faults; a request that the client sends arrives."""

    def __init__(self, chance: random.Random, faults: dict[str, float]) -> None:
        self._chance, self._faults = chance, faults
        self._held: list[bytes] = []

    def carry(self, payloads: list[bytes]) -> list[bytes]:
        arrived: list[bytes] = []
        for payload in payloads:
            fault = next((name for name, odds in self._faults.items() if self._chance.random() < odds), None)
            match fault:
                case "drop":
                    continue
                case "duplicate":
                    arrived += [payload, payload]
                case "reorder":
                    self._held.append(payload)
                    continue
                case "corrupt":
                    arrived.append(self._corrupted(payload))
                case _:
                    arrived.append(payload)
            if self._held and self._chance.random() < 0.5:
                arrived.append(self._held.pop())
        return arrived

    def _corrupted(self, payload: bytes) -> bytes:
        place = self._chance.randrange(len(payload))
        return payload[:place] + bytes([payload[place] ^ (1 << self._chance.randrange(7))]) + payload[place + 1 :]


def run(seed: int, kind: DataType, faults: dict[str, float]) -> tuple[int, int]:
    """One stream; returns how many books were right in the end and how many stale."""
    chance = random.Random(seed)
    publisher: Publisher[str] = Publisher(session="s", limits=LIMITS)
    subscriber, market, wire = Subscriber(), Market(chance), Wire(chance, faults)
    publisher.join("a", JSON, NOW)

    def ask(fields: dict[str, object]) -> list[bytes]:
        return receive(publisher, "a", json.dumps({"timestamp": 1} | fields).encode(), NOW)

    def hear(payloads: list[bytes]) -> None:
        for payload in payloads:
            try:
                subscriber.receive(protocol.decode(payload))
            except MessageParseError:
                continue

    subscriber.wanted.add(SYMBOLS, [kind], 0)
    for name in SYMBOLS:
        publisher.publish(market_data(symbol(name, bids=[], asks=[])), 0)
    list(publisher.poll(0, NOW))
    # The conversation's beginning is whole: a client without an acknowledgement has no subscription.
    hear(ask({"type": "SUBSCRIBE", "symbols": SYMBOLS, "dataTypes": [kind], "frequency": 0}))
    for step in range(30):
        publisher.publish(market.step(), 0)
        hear(wire.carry([payload for payload, _, readers, _ in publisher.poll(0, NOW) if "a" in readers]))
        if step % 7 == 0:
            for request in subscriber.requests():
                hear(wire.carry(receive(publisher, "a", JSON.encode(_sent(request)), NOW)))
    hear(ask({"type": "HEARTBEAT"}))
    right = stale = 0
    for name in SYMBOLS:
        book = subscriber.book(name)
        assert book is not None
        if book.stale:
            stale += 1
            continue
        shown = [[(price, size) for price, size, _ in side] for side in (book.bids(), book.asks())]
        assert tuple(shown) == market.top(name), f"seed {seed}: silently wrong"
        right += 1
    return right, stale


def _sent(request: protocol.Subscribe) -> protocol.Subscribe:
    request.timestamp = 1.0
    return request


DROPS = {"drop": 0.05, "duplicate": 0.05, "reorder": 0.05}


@pytest.mark.parametrize("kind", [DataType.ORDER_BOOK, DataType.BOOK_DELTA])
def test_a_good_wire_shows_the_truth(kind: DataType) -> None:
    assert [run(seed, kind, {}) for seed in range(50)] == [(2, 0)] * 50


@pytest.mark.no_cover
@pytest.mark.parametrize("seeds", [300, pytest.param(3334, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("kind", "faults"),
    [(DataType.ORDER_BOOK, DROPS), (DataType.BOOK_DELTA, DROPS), (DataType.BOOK_DELTA, DROPS | {"corrupt": 0.1})],
    ids=["state", "deltas", "corrupted deltas"],
)
def test_a_bad_wire_is_never_silently_wrong(kind: DataType, faults: dict[str, float], seeds: int) -> None:
    """Most books end right, by resynchronisation, and some end stale."""
    results = [run(seed, kind, faults) for seed in range(seeds)]
    right, stale = (sum(column) for column in zip(*results, strict=True))
    assert right > stale > 0
