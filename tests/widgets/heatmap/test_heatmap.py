from __future__ import annotations

import base64
import gc
import re
import weakref
from math import isnan
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.widgets import HeatMap
from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from hftlab.widgets.core.link import Link
from hftlab.widgets.heatmap.column import NO_PRICE, Column
from hftlab.widgets.heatmap.picture import UNKNOWN, heat_pixels
from hftlab.widgets.heatmap.view import PIECE, HeatMapView
from tests.widgets.conftest import StillLoop
from tests.widgets.heatmap.columns import MS, MovingMarket, ReadColumn, unpack
from tests.widgets.market import NOON

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def market() -> MovingMarket:
    market = MovingMarket()
    market.change(0.0)
    return market


def run(view: HeatMapView, market: MovingMarket, columns: int, start: int = 0) -> None:
    sampler = view._sampler()
    for tick in range(start, start + columns):
        market.change(tick / 10, trades=tick % 3)
        sampler.sample(tick / 10)


def every(view: HeatMapView) -> dict[int, ReadColumn]:
    return unpack(view.kept())[1]


class TestView:
    def test_a_frame_has_the_newest_columns(self, market, still_loop):
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        header, columns = unpack(view.snapshot())
        assert (header["count"], header["next"], isnan(header["tick"])) == (0, 0, True)
        run(view, market, 20)
        header, columns = unpack(view.snapshot())
        assert list(columns) == [18, 19]
        assert (header["oldest"], header["next"], header["priceDecimals"]) == (0, 20, 2)
        assert header["until"] == NOON / MS + 2_000
        newest = columns[19]
        sampler = view._sampler()
        assert newest.time == NOON / MS + 1_900
        assert newest.levels == market.levels(sampler.origin)
        assert newest.bid == newest.levels[0][0]
        assert [size for _, size, _ in newest.trades] == [
            each.size if each.side == "BUY" else -each.size for each in market.quotes["X"].trades
        ]

    def test_a_page_asks_for_what_it_misses(self, market, still_loop):
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        run(view, market, PIECE + 100)
        answer, (block,) = view.receive({"columns": [0, PIECE + 50]}, [])
        assert answer == {"columns": [0, PIECE + 50]}
        assert list(unpack(block)[1]) == list(range(50, PIECE + 50))
        kept = every(view)
        assert len(kept) == PIECE + 100
        assert unpack(block)[1].items() <= kept.items()

    def test_a_frame_is_small(self, market, still_loop):
        """Below 100 kB/s with ten frames a second, also with all the levels that are read."""
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        market.change(0.1, depth=200)
        view._sampler().sample(0.1)
        market.change(0.2, depth=200)
        view._sampler().sample(0.2)
        assert 8_000 < len(view.snapshot()) < 10_000

    def test_another_symbol_has_columns_of_its_own(self, market, still_loop):
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        run(view, market, 5)
        market.send("Y", 0.5)
        view.set({"symbol": "Y"})
        view._sampler().sample(0.5)
        other, _ = unpack(view.snapshot())
        view.set({"symbol": "X"})
        own, _ = unpack(view.snapshot())
        assert (other["next"], own["next"]) == (1, 5)
        assert other["epoch"] != own["epoch"]

    def test_symbols_that_were_shown_long_ago_are_not_sampled_any_more(self, market, still_loop):
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        for number in range(12):
            view.set({"symbol": f"S{number}"})
            view.snapshot()
        assert len(view._samplers) == 8
        assert view._sampler().symbol == "S11"

    def test_time_is_shared_with_linked_views(self, market, still_loop):
        one, other = (HeatMapView(market, "X", refresh_loop=still_loop) for _ in range(2))
        Link(one, other)
        one.set({"time": NOON / MS})
        assert other.settings["time"] == NOON / MS
        one.set({"time": None})
        assert other.settings["time"] is None

    @pytest.mark.parametrize("time", ["now", True, float("nan"), float("inf"), [1]])
    def test_a_time_is_a_number(self, market, still_loop, time):
        with pytest.raises(ValueError, match="ms since 1970"):
            HeatMapView(market, "X", refresh_loop=still_loop).set({"time": time})

    def test_an_unknown_symbol_is_named(self, market, still_loop):
        assert "Z is not subscribed" in HeatMapView(market, "Z", refresh_loop=still_loop).notice()


class ModelPage:
    """What columns.js does, in a few lines: columns by number, and a question for what is missing."""

    def __init__(self) -> None:
        self.epoch, self.columns, self.header = None, {}, None

    def frame(self, block: bytes) -> None:
        header, columns = unpack(block)
        if header["epoch"] != self.epoch:
            self.epoch, self.columns = header["epoch"], {}
        self.header = header
        self.columns |= columns

    def answer(self, block: bytes) -> None:
        header, columns = unpack(block)
        if header["epoch"] == self.epoch:
            self.columns |= columns

    def missing(self) -> list[int] | None:
        wanted = range(int(self.header["oldest"]), int(self.header["next"]))
        stop = next((number + 1 for number in reversed(wanted) if number not in self.columns), None)
        if stop is None:
            return None
        start = next((n + 1 for n in range(stop - 1, wanted.start - 1, -1) if n in self.columns), wanted.start)
        return [start, stop]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["sample", "sample", "frame", "ask", "late", "lose", "back", "finer"]), max_size=60))
def test_whatever_is_lost_a_page_ends_with_the_same_columns(actions):
    market = MovingMarket()
    market.change(0.0)
    view = HeatMapView(market, "X", refresh_loop=StillLoop(JupyterKernel()))
    page, now, seconds, held = ModelPage(), 0.0, 100.0, None
    page.frame(view.snapshot())
    tick = 0.01
    for action in actions:
        if action == "sample":
            now, seconds = now + 0.1, seconds + 0.1
            market.change(seconds, trades=1, tick=tick)
            view._sampler().sample(now)
        elif action == "back":
            seconds -= 30
        elif action == "finer" and tick == 0.01:
            tick, market.mid = 0.001, market.mid * 10
        elif action == "frame":
            page.frame(view.snapshot())
        elif (missing := page.missing()) is not None:
            _, (block,) = view.receive({"columns": missing}, [])
            if action == "ask":
                page.answer(block)
            elif action == "late":
                held = block
        elif held is not None:
            page.answer(held)
    page.frame(view.snapshot())
    while (missing := page.missing()) is not None:
        page.answer(view.receive({"columns": missing}, [])[1][0])
    kept = every(view)
    assert {number: page.columns[number] for number in kept} == kept


class TestPicture:
    def test_it_has_an_image_for_both_themes_and_is_small(self, market, still_loop):
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        run(view, market, 400)
        svg = view.picture().svg
        assert len(svg) < 60_000
        root = ElementTree.fromstring(svg)
        images = [each.get("href") for each in root.iter(f"{SVG}image")]
        assert len(set(images)) == 2
        assert all(base64.b64decode(each.partition(",")[2]).startswith(b"\x89PNG") for each in images)
        words = {each.text for each in root.iter(f"{SVG}text")}
        assert {"X", "12:00:00.0", "12:00:40.0", "until 12:00:40.000 UTC"} <= words
        assert len(list(root.iter(f"{SVG}polyline"))) == 2

    def test_without_a_book_it_says_so(self, market, still_loop):
        assert "no book yet" in HeatMapView(market, "Z", refresh_loop=still_loop).picture().svg

    def test_a_market_of_quotes_on_one_side_has_a_picture(self, market, still_loop):
        market.books.clear()
        market.send("X", 0.0, ask=0.0)
        view = HeatMapView(market, "X", refresh_loop=still_loop)
        view._sampler().sample(0.0)
        assert len(list(ElementTree.fromstring(view.picture().svg).iter(f"{SVG}polyline"))) == 1

    def test_pixels_are_sums_of_rows(self):
        """Against a loop over every level."""
        rng = np.random.default_rng(3)
        columns = [
            Column(
                time,
                1,
                ticks=rng.choice(60, 20, replace=False).astype(np.int32),
                sizes=rng.integers(1, 500, 20).astype(np.float32),
            )
            for time in range(30)
        ]
        pixels, smallest, largest = heat_pixels(columns, 10, 49, 4)
        assert pixels.shape == (10, 30)
        for place, column in enumerate(columns):
            sums = [0.0] * 10
            for tick, size in zip(column.ticks, column.sizes, strict=True):
                if 10 <= tick <= 49:
                    sums[(tick - 10) // 4] += size
            filled = [row for row, size in enumerate(sums) if size]
            for row, size in enumerate(sums):
                pixel = pixels[9 - row, place]
                if size:
                    share = np.clip(np.log(size / smallest) / np.log(largest / smallest), 0, 1)
                    assert abs(pixel - (2 + share * 62)) <= 0.5
                else:
                    assert pixel == (1 if filled[0] < row < filled[-1] else UNKNOWN)


class TestWidget:
    def test_symbol_and_time(self, market, still_loop):
        widget = HeatMap(market, "X", refresh_loop=still_loop)
        assert (widget.symbol, widget.time, repr(widget)) == ("X", None, "HeatMap('X')")
        widget.symbol, widget.time = "Y", NOON / MS
        assert (widget.symbol, widget.time) == ("Y", NOON / MS)
        widget.close()

    def test_closed_it_keeps_its_picture_and_samples_no_longer(self, market, still_loop):
        widget = HeatMap(market, "X", refresh_loop=still_loop)
        run(widget.views[""], market, 30)
        sampler = weakref.ref(widget.views[""]._sampler())
        before = widget.picture().svg
        widget.close()
        gc.collect()
        assert sampler() is None
        assert widget.picture().svg == before

    def test_a_page_without_a_kernel_has_all_columns(self, market, still_loop):
        widget = HeatMap(market, "X", refresh_loop=still_loop)
        run(widget.views[""], market, 30)
        kept = re.search(r'"kept": "([^"]+)"', widget.to_html())
        assert len(unpack(base64.b64decode(kept[1]))[1]) == 30
        widget.close()


def test_a_column_may_have_an_empty_side():
    column = Column.of_book(0, 1, ([], [(10.0, 5.0, 1)]), [], 0.01, 1000)
    assert (column.bid, column.ask, list(column.ticks)) == (NO_PRICE, 0, [0])
