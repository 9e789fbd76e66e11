"""Connections that replace each other while both go on: nothing is missing, and nothing comes twice."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

import pytest

from hftlab.events import TRADE, EventBatch
from hftlab.feeds.arrivals import Frame
from hftlab.feeds.binance.handover import Handover
from hftlab.feeds.binance.live_market import LiveMarket
from hftlab.instruments import BINANCE, BINANCE_USDM
from hftlab.protocol import Gap
from hftlab.venues.binance.exchange_info import decode_exchange_info, listed_instruments
from hftlab.venues.binance.live_decoder import LiveDecoder
from tests.feeds.binance.simulated_venue import MS, Market, exchange_info

START = MS * 10**6


class TestHandover:
    def test_one_leads_and_the_others_wait(self) -> None:
        handover: Handover[str] = Handover()
        assert handover.receive("a", b"1", 10) == [Frame(10, b"1")]
        assert handover.receive("b", b"1", 8) == []
        assert handover.receive("b", b"2", 11) == []
        assert handover.receive("a", b"2", 12) == [Frame(12, b"2")]
        assert handover.retire("a") == [Frame(12, b"1"), Frame(12, b"2")]
        assert handover.receive("b", b"3", 13) == [Frame(13, b"3")]
        assert handover.retire("b") == []
        assert handover.receive("c", b"4", 14) == [Frame(14, b"4")]

    def test_one_that_ends_while_it_waits_is_forgotten(self) -> None:
        handover: Handover[str] = Handover()
        handover.receive("a", b"1", 10)
        handover.receive("b", b"1", 10)
        assert handover.retire("b") == []
        assert handover.retire("a") == []


def arrivals(market: Market, chance: random.Random, steps: int) -> Iterator[bytes]:
    """Frames in the order of the handover, of connections that are each some steps behind the venue.

    The next connection begins so long before one is retired, that what that one had on its way then has come.
    """
    handover: Handover[int] = Handover()
    connections: dict[int, tuple[int, int, deque[tuple[int, bytes]]]] = {}  # lag, end, what is on its way
    renewal = 0
    for number in range(steps):
        if number == renewal:
            renewal, lag = number + chance.randrange(8, 14), chance.randrange(0, 4)
            handover.begin(number)
            connections[number] = lag, renewal + lag + chance.randrange(1, 4), deque()
        for message in market.step():
            for lag, _, waiting in connections.values():
                waiting.append((number + lag, message.frame))
        for name, (_, end, waiting) in sorted(connections.items(), key=lambda _: chance.random()):
            while waiting and waiting[0][0] <= number:
                yield from (payload for _, payload in handover.receive(name, waiting.popleft()[1], START + number))
            if number + 1 == end:
                yield from (payload for _, payload in handover.retire(name))
                del connections[name]
    for name, (_, _, waiting) in connections.items():
        for _, frame in waiting:
            yield from (payload for _, payload in handover.receive(name, frame, START + steps))
    for name in connections:
        yield from (payload for _, payload in handover.retire(name))


@pytest.mark.parametrize("futures", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_no_symbol_is_flagged(seed: int, futures: bool) -> None:
    """Each trade is passed on once, no update is missing, and the book ends as the venue's."""
    chance = random.Random(seed)
    market = Market("XYZUSDT", seed, futures=futures)
    venue = BINANCE_USDM if futures else BINANCE
    info = decode_exchange_info(exchange_info(["XYZUSDT"]))
    decoder = LiveDecoder(listed_instruments(info, ["XYZUSDT"], venue))
    live = LiveMarket([decoder.books["XYZUSDT"].instrument], 10)
    decoder.subscribed(["XYZUSDT"])
    decoder.snapshot("XYZUSDT", market.snapshot(), START)
    items, at = live.process(decoder.take()), START
    for frame in arrivals(market, chance, 100):
        at += 1000
        decoder.frame(frame, at)
        if chance.random() < 0.5:
            items += live.process(decoder.take())
            live.compare(decoder.tickers(), at)
    items += live.process(decoder.take())
    assert not live.wrong
    assert not any(isinstance(item.message, Gap) for item in items)
    assert decoder.books["XYZUSDT"].repeated > 5
    whole = EventBatch.concat(live.batches)
    numbers = range(market.trade_id - market.trades_sent + 1, market.trade_id + 1)
    assert whole.sequence[whole.action == TRADE].tolist() == list(numbers)
    assert decoder.books["XYZUSDT"].last_update_id == market.last
