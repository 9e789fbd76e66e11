from __future__ import annotations

import struct
from math import isnan
from xml.etree import ElementTree

import pytest

from hftlab.widgets import DepthChart, depth_svg
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.depth.frame import HEADER, DepthState, pack_depth, reach, read_depth
from hftlab.widgets.depth.picture import round_step
from hftlab.widgets.depth.view import DepthView
from tests.widgets.market import NOON, Book, Market, bitcoin, quote

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as depth.js does."""
    values = struct.unpack(f"<{len(frame) // 8}d", frame)
    head = dict(zip(HEADER, values, strict=False))
    levels = list(struct.iter_unpack("<2d", frame[8 * len(HEADER) :]))
    bids = int(head["bidCount"])
    assert len(levels) == bids + head["askCount"]
    return {**head, "bids": levels[:bids], "asks": levels[bids:]}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


class TestFrame:
    def test_round_trip(self):
        frame = unpack(DepthView(Market({"BTC-USD": bitcoin()}), "BTC-USD").snapshot())
        assert frame["bids"] == [(61737.63, 0.00123), (61737.60, 1.5)]
        assert frame["asks"] == [(61737.64, 0.25), (61738.10, 3.0)]
        assert (frame["tick"], frame["priceDecimals"], frame["sizeDecimals"]) == (0.01, 2, 5)
        assert (frame["tsEvent"], frame["stale"], frame["isCut"]) == (NOON / 1e6, 0, 0)

    def test_before_the_first_book(self):
        frame = unpack(pack_depth(DepthState(), Scale()))
        assert isnan(frame["tick"])
        assert frame["bids"] == frame["asks"] == []
        assert read_depth(Market(), "X", 10) == DepthState()

    def test_a_book_with_more_levels_is_cut(self):
        state = read_depth(Market({"BTC-USD": bitcoin()}), "BTC-USD", 1)
        assert (len(state.bids), len(state.asks), state.is_cut) == (1, 1, True)

    def test_without_a_book_the_best_prices(self):
        state = read_depth(Market(quotes={"X": quote("X", ask=0.0)}), "X", 10)
        assert (state.bids, state.asks, state.is_cut) == ([(61737.63, 0.00123)], [], False)

    def test_ten_levels_are_small(self):
        levels = [(100.0 + step / 100, 5.0, 1) for step in range(10)]
        assert len(DepthView(Market({"X": Book("X", levels, levels)}), "X").snapshot()) < 400


class TestReach:
    def test_a_side_is_shown_to_its_last_level(self):
        assert reach([(99.0, 1.0), (98.0, 1.0), (97.0, 1.0), (96.0, 1.0)], 100.0) == 4.0
        assert reach([], 100.0) == 0.0

    def test_a_few_levels_far_away_do_not_squeeze_the_others(self):
        assert reach([(99.0, 1.0), (98.0, 1.0), (97.0, 1.0), (0.01, 1.0)], 100.0) == 9.0


class TestSettings:
    def test_the_widget(self, still_loop):
        widget = DepthChart(Market({"BTC-USD": bitcoin()}), "BTC-USD", refresh_loop=still_loop)
        widget.depth = 1
        assert unpack(widget.frame)["bidCount"] == 2  # until the next refresh
        assert (widget.symbol, repr(widget)) == ("BTC-USD", "DepthChart('BTC-USD', depth=1)")
        widget.symbol = "ETH-USD"
        assert widget.views[""].notice().startswith("ETH-USD is not subscribed")
        widget.close()

    @pytest.mark.parametrize("depth", [0, 501])
    def test_depth_is_checked(self, depth):
        with pytest.raises(ValueError, match="1 to 500"):
            DepthView(Market(), "X", depth)


class TestPicture:
    def test_numbers(self):
        words = texts(DepthView(Market({"BTC-USD": bitcoin()}), "BTC-USD").picture().svg)
        assert words[:2] == ["BTC-USD", "1.50123 bid · 3.25000 offered · 2 levels"]
        assert "mid 61,737.635" in words

    def test_a_stale_book_says_so(self):
        book = bitcoin()
        book.stale = True
        assert "STALE" in texts(DepthView(Market({"BTC-USD": book}), "BTC-USD").picture().svg)

    @pytest.mark.parametrize("sides", [([], []), ([(10.0, 1.0)], []), ([], [(10.0, 0.0)])])
    def test_books_that_lack_something(self, sides):
        words = texts(depth_svg("X", *sides))
        assert ("no book yet" in words) == (sides == ([], []))
        assert not any(word.startswith("mid") for word in words)

    @pytest.mark.parametrize(("least", "step"), [(1, 1), (1.1, 2), (2.2, 2.5), (0.003, 0.005), (60, 100)])
    def test_round_steps(self, least, step):
        assert round_step(least) == pytest.approx(step)
