from __future__ import annotations

import struct
from collections import deque
from math import isnan, nan
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.widgets import WatchList, watchlist_svg
from hftlab.widgets.core.link import Link
from hftlab.widgets.core.market_tape import SymbolTape
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.watchlist.frame import HEADER, ROW, WatchRow, pack_watchlist
from hftlab.widgets.watchlist.sparkline import LENGTH, UNKNOWN, Sparkline, heights
from hftlab.widgets.watchlist.view import WatchListView
from tests.widgets.market import NOON, Book, quote
from tests.widgets.streaming_market import StreamingMarket

SECOND = 1_000_000_000
SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> list[dict]:
    """Unpack a frame as watchlist.js does."""
    version, count, length = (int(value) for value in struct.unpack_from("<3d", frame))
    assert (version, length) == (1, LENGTH)
    sparks = 8 * (len(HEADER) + count * len(ROW))
    values = struct.unpack_from(f"<{count * len(ROW)}d", frame, 8 * len(HEADER))
    names = frame[sparks + count * length :].decode().split("\n")
    return [
        {
            **dict(zip(ROW, values[place * len(ROW) :], strict=False)),
            "symbol": names[place],
            "spark": frame[sparks + place * length :][:length],
        }
        for place in range(count)
    ]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.fixture
def market() -> StreamingMarket:
    market = StreamingMarket()
    market.send("AAPL", 0, price=175.25, bid=175.25, ask=175.27, bid_size=300, ask_size=100, change_percent=1.5)
    market.send("MSFT", 0, price=402.1, bid=402.05, ask=402.1, bid_size=10, ask_size=30, change_percent=-0.5)
    return market


class TestFrame:
    def test_round_trip(self, market):
        first, second = unpack(WatchListView(market).snapshot())
        assert (first["symbol"], second["symbol"]) == ("AAPL", "MSFT")
        assert [first[name] for name in ROW] == [0, 175.25, 1.5, 175.25, 175.27, 300, 100, 0.01, 2, 0]
        assert (second["tick"], second["changePercent"]) == (0.05, -0.5)

    def test_the_tick_is_that_of_the_book(self, market):
        """Two best prices may be several ticks apart; the levels behind them tell."""
        market.books["MSFT"] = Book("MSFT", [(402.05, 10.0, 1), (402.04, 5.0, 1)], [(402.1, 30.0, 2)])
        assert [row["tick"] for row in unpack(WatchListView(market).snapshot())] == [0.01, 0.01]

    def test_why_a_row_is_empty(self, market):
        market.offered_symbols = ["AAPL", "MSFT", "TSLA"]
        market.books["NVDA"] = Book("NVDA", [], [])
        rows = unpack(WatchListView(market, ["AAPL", "TSLA", "AAPPL", "NVDA"]).snapshot())
        assert [row["state"] for row in rows] == [0, 3, 4, 1]
        assert all(isnan(row["price"]) for row in rows[1:])

    def test_a_stale_book_and_an_empty_side(self, market):
        market.books["AAPL"] = Book("AAPL", [], [], stale=True)
        market.quotes["MSFT"] = quote("MSFT", ask=0.0, ask_size=5.0)
        first, second = unpack(WatchListView(market).snapshot())
        assert first["state"] == 2
        assert isnan(second["ask"])
        assert second["askSize"] == 0

    def test_symbols_subscribed_to_later_appear(self, market):
        view = WatchListView(market, timer=iter(range(10)).__next__)
        view.snapshot()
        market.send("AMZN", 1)
        assert [row["symbol"] for row in unpack(view.snapshot())] == ["AAPL", "AMZN", "MSFT"]

    def test_eight_symbols_are_small_and_many_are_read_less_often(self):
        market, now = StreamingMarket(), 0.0
        for place in range(500):
            market.send(f"S{place}", 0)
        assert len(WatchListView(market, [f"S{place}" for place in range(8)]).snapshot()) < 1_300
        view = WatchListView(market, timer=lambda: now)
        first = view.snapshot()
        market.send("S0", 1, price=1.0)
        now = 0.1
        assert view.snapshot() is first
        now = 2.0
        assert view.snapshot() != first


class TestSettings:
    def test_a_selected_symbol_is_that_of_linked_views(self, market):
        view, other = WatchListView(market), WatchListView(market)
        Link(view, other)
        view.set({"symbol": "MSFT"})
        assert other.settings["symbol"] == "MSFT"

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"symbols": "AAPL"}, r'\["AAPL"\]'),
            ({"symbols": [""]}, "names"),
            ({"sort": "colour"}, "symbol, price, change"),
            ({"symbol": 3}, "a text"),
        ],
    )
    def test_what_is_refused(self, market, changes, word):
        with pytest.raises(ValueError, match=word):
            WatchListView(market).set(changes)

    def test_nothing_subscribed_says_so(self, still_loop):
        widget = WatchList(StreamingMarket(), refresh_loop=still_loop)
        assert "client.subscribe" in widget.notice
        assert "no symbols" in texts(widget.picture().svg)
        widget.close()

    def test_the_widget_has_the_selected_symbol(self, market, still_loop):
        widget = WatchList(market, ["MSFT"], refresh_loop=still_loop)
        widget.symbol = "MSFT"
        assert (widget.symbol, widget.views[""].settings["symbol"], repr(widget)) == (
            "MSFT",
            "MSFT",
            "WatchList(['MSFT'])",
        )
        widget.close()


class TestSparkline:
    def test_the_last_price_of_each_second_is_carried_on(self):
        tape = SymbolTape()
        for seconds, price in ((-100, 9.0), (0, 10.0), (0.5, 11.0), (3, 12.0)):
            tape.take(quote("X", timestamp=NOON / 1e6 + 1000 * seconds, bid=price, ask=price))
        assert list(Sparkline().read(tape, NOON + 5 * SECOND))[-7:] == [9.0, 11.0, 11.0, 11.0, 12.0, 12.0, 12.0]

    @given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 9)), min_size=1, max_size=40), st.data())
    def test_following_the_tape_is_reading_it_once(self, steps, data):
        """What is read second by second, or with pauses, equals what one reading of the whole tape gives."""
        tape, followed, now = SymbolTape(), Sparkline(), NOON
        for wait, price in steps:
            now += wait * 1_000_000
            tape.take(quote("X", timestamp=now / 1e6, bid=float(price), ask=float(price)))
            if data.draw(st.booleans()):
                followed.read(tape, now)
        whole = Sparkline().read(tape, now)
        assert repr(list(followed.read(tape, now))) == repr(list(whole))  # NaN is NaN

    def test_a_replay_that_goes_back_starts_anew(self):
        tape, line = SymbolTape(), Sparkline()
        tape.take(quote("X", timestamp=NOON / 1e6, bid=5.0, ask=5.0))
        line.read(tape, NOON)
        tape.take(quote("X", timestamp=NOON / 1e6 - 60_000, bid=7.0, ask=7.0))
        assert {price for price in line.read(tape, NOON - 60 * SECOND) if not isnan(price)} == {7.0}

    def test_what_a_replay_has_skipped_is_not_known(self):
        tape, line = SymbolTape(), Sparkline()
        tape.take(quote("X", timestamp=NOON / 1e6, bid=5.0, ask=5.0))
        line.read(tape, NOON)
        tape.has_jumped = True
        tape.take(quote("X", timestamp=NOON / 1e6 + 40_000, bid=7.0, ask=7.0))
        for prices in (line.read(tape, NOON + 42 * SECOND), Sparkline().read(tape, NOON + 42 * SECOND)):
            assert [price for price in prices if not isnan(price)] == [7.0, 7.0, 7.0]

    def test_an_empty_side_leaves_the_last_price(self):
        tape = SymbolTape()
        tape.take(quote("X", timestamp=NOON / 1e6, ask=0.0, price=7.0))
        assert Sparkline().read(tape, NOON)[-1] == 7.0

    def test_heights(self):
        assert heights(deque([nan, 1.0, 2.0, 3.0])) == bytes([UNKNOWN, 0, 127, 254])
        assert heights([nan, 5.0, 5.0]) == bytes([UNKNOWN, 127, 127])
        assert heights([nan]) == bytes([UNKNOWN])


class TestPicture:
    def test_numbers_and_order(self, market):
        view = WatchListView(market)
        view.set({"symbol": "MSFT", "sort": "change"})
        words = texts(view.picture().svg)
        assert words.index("MSFT") < words.index("AAPL")
        assert {"175.25", "+1.50 %", "-0.50 %", "2", "1", "2 symbols"} <= set(words)

    @pytest.mark.parametrize(
        ("sort", "first"),
        [
            ("", "AAPL"),
            ("-symbol", "MSFT"),
            ("price", "AAPL"),
            ("-price", "MSFT"),
            ("imbalance", "MSFT"),
            ("spread", "MSFT"),
        ],
    )
    def test_sorting(self, market, sort, first):
        view = WatchListView(market, ["AAPL", "MSFT", "NONE"])
        view.set({"sort": sort})
        words = [word for word in texts(view.picture().svg) if word in ("AAPL", "MSFT", "NONE")]
        assert words[0 if sort != "-symbol" else 1] == first
        assert sort == "-symbol" or words[-1] == "NONE"

    def test_a_hostile_symbol_stays_text(self):
        assert '<script>"&' in texts(watchlist_svg([WatchRow('<script>"&')], {}))


def test_packing_needs_a_scale_for_each_row():
    with pytest.raises(ValueError, match="zip"):
        pack_watchlist([WatchRow("A")], [Scale(), Scale()])
