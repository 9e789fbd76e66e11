"""Messages of a live market: what is withheld, what is flagged, and what comes late."""

from __future__ import annotations

import json
from typing import Any

from hftlab.feeds.binance.live_market import LiveMarket
from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.protocol import Gap, MarketData
from hftlab.source import Timed
from hftlab.venues.binance.live_decoder import LiveDecoder
from tests.venues.captures import START, SYMBOL, snapshot, ticker, trade, update

NOW = START * UNIT
OTHER = "ETHUSDT"


class Feed:
    """A decoder and a market, as hl.feeds.Binance has them, one message at a time."""

    def __init__(self) -> None:
        instruments = [Instrument(one, BINANCE, UNIT // 100, UNIT // 10**6, "USDT") for one in (SYMBOL, OTHER)]
        self.decoder, self.market = LiveDecoder(instruments), LiveMarket(instruments, 10)
        self.now = NOW
        self.decoder.subscribed([SYMBOL, OTHER])

    def take(self, *messages: dict[str, Any]) -> list[Timed[Any]]:
        for message in messages:
            self.now += 1
            if "lastUpdateId" in message:
                self.decoder.snapshot(SYMBOL, json.dumps(message).encode(), self.now)
            else:
                self.decoder.frame(json.dumps(message).encode(), self.now)
        return self.settled()

    def settled(self) -> list[Timed[Any]]:
        items = self.market.process(self.decoder.take())
        self.market.compare(self.decoder.tickers(), self.now)
        while self.market.wrong:
            wrong, self.market.wrong = self.market.wrong, []
            for one in wrong:
                self.decoder.distrust(one.symbol, self.now, one.reason)
            items += self.market.process(self.decoder.take())
        return items


BOOK = snapshot(10, {"100.01": "2"}, {"100.02": "1.5"})


def kinds(items: list[Timed[Any]]) -> list[str]:
    return [type(item.message).__name__ for item in items]


class TestLiveMarket:
    def test_nothing_comes_before_the_snapshot_and_trades_come_with_it(self) -> None:
        feed = Feed()
        assert feed.take(trade(1, "100.00", "1", buyer_is_maker=True), update(9, 10, {}, {})) == []
        (item,) = feed.take(BOOK)
        assert isinstance(item.message, MarketData)
        (symbol,) = item.message.symbols
        assert (symbol.bid, symbol.ask) == (100.01, 100.02)
        assert [one.price for one in symbol.trades or ()] == [100.0]
        assert (feed.market.gaps, feed.market.resyncs) == (0, 1)

    def test_a_gap_empties_the_book_and_says_so(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        emptied, gap = feed.take(update(13, 14, {"100.00": "1"}, {}))
        assert emptied.message.symbols[0].bids == []
        assert isinstance(gap.message, Gap)
        assert gap.message.symbols == [SYMBOL]
        assert gap.message.reason == "depth updates before 13 are missing"
        assert feed.market.unreliable == {SYMBOL, OTHER}
        assert feed.take(trade(2, "100.00", "1", buyer_is_maker=True)) == []

    def test_a_crossed_book_is_never_sent(self) -> None:
        """Its symbol is flagged at once, and later messages of the same batch are withheld."""
        feed = Feed()
        feed.take(BOOK)
        items = feed.take(update(11, 11, {"100.02": "1"}, {}), update(12, 12, {"99.00": "1"}, {}))
        assert kinds(items) == ["MarketData", "Gap"]
        assert items[0].message.symbols[0].bids == []
        assert items[1].message.reason == "the book is crossed: bid 100.02, ask 100.02"
        feed.take(snapshot(12, {"100.00": "1"}, {"100.02": "1.5"}))
        assert feed.market.unreliable == {OTHER}

    def test_a_best_price_that_differs_from_the_venues_is_flagged(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        assert kinds(feed.take(ticker(11, ("100.01", "2"), ("100.02", "1.5")), update(11, 11, {}, {}))) == [
            "MarketData"
        ]
        items = feed.take(ticker(12, ("100.01", "2"), ("100.02", "7")), update(12, 12, {}, {}))
        assert kinds(items) == ["MarketData", "MarketData", "Gap"]
        assert items[2].message.reason == ("the best ask after update 12 is 100.02 × 7, and the book has 100.02 × 1.5")
        assert feed.decoder.books[SYMBOL].checked == 2

    def test_an_update_that_cannot_be_read_flags_its_symbol(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        bad = update(11, 11, {}, {})
        bad["data"]["b"] = 7
        items = feed.take(bad)
        assert kinds(items) == ["MarketData", "Gap"]
        assert "cannot be read" in items[1].message.reason
        assert feed.decoder.undecoded == 1

    def test_a_trade_that_cannot_be_read_leaves_a_doubt(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        bad = trade(1, "100.00", "1", buyer_is_maker=True)
        bad["data"]["p"] = None
        (gap,) = feed.take(bad)
        assert "a trade cannot be read" in gap.message.reason
        assert kinds(feed.take(update(11, 11, {}, {}))) == ["MarketData"]

    def test_dropped_frames_leave_every_symbol_in_doubt(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        feed.decoder.doubt(feed.now, "frames were dropped")
        (gap,) = feed.settled()
        assert gap.message.symbols == [SYMBOL]

    def test_what_is_not_known_is_counted(self) -> None:
        feed = Feed()
        assert feed.decoder.frame(b"nonsense", NOW) is None
        assert feed.decoder.frame(b'{"stream":"xyz@depth","data":{}}', NOW) is None
        assert feed.decoder.frame(b'{"stream":"btcusdt@kline_1m","data":{}}', NOW) is None
        assert feed.decoder.frame(json.dumps(trade(1, "1", "1", buyer_is_maker=True)["data"]).encode(), NOW) == SYMBOL
        feed.decoder.snapshot(SYMBOL, b"<html>", NOW)
        assert (feed.decoder.undecoded, feed.decoder.unknown.total()) == (2, 2)

    def test_a_long_absence_drops_the_oldest_trades(self) -> None:
        feed = Feed()
        feed.take(BOOK)
        feed.take(update(13, 14, {}, {}))
        feed.take(*(trade(number, "100.00", "1", buyer_is_maker=True) for number in range(10_005)))
        assert feed.market.trades_dropped == 5
