from __future__ import annotations

import struct
from math import isnan
from xml.etree import ElementTree

import pytest

from hftlab.widgets import Ladder, ladder_svg
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.frame import HEADER, LadderState, pack_ladder, read_ladder
from tests.widgets.market import NOON, Market, bitcoin, quote

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as ladder.js does."""
    values = struct.unpack(f"<{len(frame) // 8}d", frame)
    head = dict(zip(HEADER, values, strict=False))
    levels = [tuple(values[at : at + 3]) for at in range(len(HEADER), len(values), 3)]
    bids = int(head["bidCount"])
    assert len(levels) == bids + head["askCount"]
    return {**head, "bids": levels[:bids], "asks": levels[bids:]}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


class TestFrame:
    def test_round_trip(self):
        market = Market({"BTC-USD": bitcoin()}, {"BTC-USD": quote("BTC-USD")})
        ladder = Ladder(market, "BTC-USD")
        frame = unpack(ladder.frame)
        ladder.close()
        assert frame["bids"] == bitcoin().buys
        assert frame["asks"] == bitcoin().sells
        assert (frame["last"], frame["changePercent"], frame["volume"]) == (61737.64, 1.25, 1234.5)
        assert (frame["tradePrice"], frame["tradeSize"], frame["tradeSide"]) == (61737.64, 0.00456, -1)
        assert (frame["priceDecimals"], frame["sizeDecimals"], frame["tick"]) == (2, 5, 0.01)
        assert (frame["stale"], frame["tsEvent"]) == (0, NOON / 1e6)

    def test_the_unknown_is_nan(self):
        frame = unpack(pack_ladder(LadderState(), Scale()))
        assert all(isnan(frame[name]) for name in ("last", "changePercent", "volume", "tick", "tradePrice"))
        assert frame["bids"] == frame["asks"] == []

    def test_depth_is_what_was_asked_for(self):
        state = read_ladder(Market({"BTC-USD": bitcoin()}), "BTC-USD", depth=1)
        assert (len(state.bids), len(state.asks)) == (1, 1)

    def test_a_stale_book_says_so(self):
        book = bitcoin()
        book.stale = True
        assert read_ladder(Market({"BTC-USD": book}), "BTC-USD", 10).stale

    def test_without_a_book_the_quote_is_shown(self):
        state = read_ladder(Market(quotes={"BTC-USD": quote("BTC-USD", ask=0.0, ask_size=0.0)}), "BTC-USD", 10)
        assert (state.bids, state.asks) == ([(61737.63, 0.00123, 0)], [])

    def test_a_given_tick_is_used(self):
        ladder = Ladder(Market({"BTC-USD": bitcoin()}), "BTC-USD", tick=0.005)
        frame = unpack(ladder.frame)
        ladder.close()
        assert (frame["tick"], frame["priceDecimals"]) == (0.005, 3)


class TestPicture:
    def test_numbers_and_order(self):
        svg = ladder_svg(
            "BTC-USD",
            bitcoin().buys,
            bitcoin().sells,
            last=61737.64,
            change_percent=-1.25,
            trade=(61737.64, 0.00456, "SELL"),
            ts_event=NOON + 123_000_000,
        )
        words = texts(svg)
        prices = [word for word in words if word.startswith("61,73")]
        assert prices[1:] == ["61,738.10", "61,737.64", "61,737.63", "61,737.60"]  # after the last price
        assert "spread 0.01 · 1 tick · 0.0016 bps" in words
        assert "-1.25 %" in words
        assert "▼ 61,737.64 × 0.00456" in words
        assert "12:00:00.123 UTC" in words

    def test_a_hostile_symbol_stays_text(self):
        svg = ladder_svg('<script>"&\x00', [(1.0, 2.0, 3)], [])
        assert texts(svg)[0] == '<script>"&\ufffd'

    @pytest.mark.parametrize(
        ("bids", "asks", "word"),
        [
            ([], [], "no book yet"),
            ([(1.0, 1.0, 1)], [], "one-sided"),
            ([(0.0, 0.0, 0)], [(0.0, 0.0, 0)], "spread 0.00"),
        ],
    )
    def test_books_that_lack_something(self, bids, asks, word):
        assert any(text.startswith(word) for text in texts(ladder_svg("X", bids, asks)))

    def test_the_note_is_shown(self):
        assert "STALE" in texts(ladder_svg("X", [], [], note="STALE"))

    def test_it_is_small_enough_for_a_notebook(self):
        levels = [(100.0 + step, 123.0, 4) for step in range(10)]
        assert len(ladder_svg("X", levels, levels)) < 16_000
