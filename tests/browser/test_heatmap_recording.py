"""The heat map of a recorded session in a real Chromium: all of it, and finer columns where one looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.widgets import HeatMap
from hftlab.widgets.core.recorded_client import RecordedClient
from hftlab.widgets.heatmap.frame import pack_columns
from hftlab.widgets.heatmap.recorded_view import RecordedHeatMapView
from tests.browser.heatmap import CATCH
from tests.browser.tab import Tab, text

pytestmark = [
    pytest.mark.browser,
]

FLASH = Path(__file__).parents[2] / "data" / "flash"
START = 1_767_364_200_000


def show(tab: Tab) -> tuple[RecordedHeatMapView, Callable[[], int]]:
    session = hl.open_session(FLASH)
    view = RecordedHeatMapView(RecordedClient(session), session, "AAPL")
    heard = 0

    def answer() -> int:
        """Answer what was asked for since the last call, as a kernel does; the number of questions."""
        nonlocal heard
        sent = tab.sent()
        asked, heard = [each for each in sent[heard:] if "tile" in each], len(sent)
        for question in asked:
            content, buffers = view.receive(question, [])
            if not content["tile"]:
                tab.page.evaluate("([c, t]) => window.tell(c, t)", [{"panel": "", **content}, []])
                assert view._commands.wait(20)
                content, buffers = {"ready": True}, []
            tab.page.evaluate("([c, t]) => window.tell(c, t)", [{"panel": "", **content}, [text(b) for b in buffers]])
        return len(asked)

    tab.page.evaluate("() => { document.getElementById('cell').style.width = '620px'; }")
    tab.start(HeatMap._esm, view.snapshot(), settings=view.settings, pulse={"count": 1, "ages": {"": None}})
    tab.page.evaluate(CATCH)
    tab.feed(view.snapshot())
    tab.until("window.map")
    return view, answer


def test_all_of_it_is_seen_at_first(tab: Tab) -> None:
    show(tab)
    assert "2026-01-02" in tab.header()
    assert "14:30:00 – 14:33:59 UTC" in tab.header()
    assert tab.page.locator("button").first.inner_text() == "all"
    assert tab.page.locator(".dot").get_attribute("title") == "recorded"
    begin, end = tab.page.evaluate("[window.map.view.from, window.map.view.right]")
    assert (begin, end) == pytest.approx((START, START + 239_892), abs=2)
    assert {"14:31", "14:32"} <= set(tab.written())
    tab.picture("heatmap-recording")


def test_all_of_it_stays_in_sight_when_the_view_becomes_narrower_or_wider(tab: Tab) -> None:
    show(tab)
    everything = pytest.approx((START, START + 239_892), abs=2)
    every = tab.page.get_by_role("button", name="all")
    for width in (400, 660):
        tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px`; }", width)
        tab.until("width => window.map.view.box.width > width - 200 && window.map.view.box.width < width", width)
        assert tab.page.evaluate("[window.map.view.from, window.map.view.right]") == everything
    assert every.get_attribute("aria-pressed") == "true"
    tab.page.locator(".hftlab-view").press("+")
    zoomed = tab.page.evaluate("window.map.view.right - window.map.view.from")
    assert every.get_attribute("aria-pressed") == "false"
    tab.page.evaluate("document.getElementById('cell').style.width = '500px'")
    tab.until("before => window.map.view.right - window.map.view.from < before", zoomed)


def test_finer_columns_come_where_one_looks(tab: Tab) -> None:
    _, answer = show(tab)
    coarse = tab.page.evaluate("window.map.columns.runs[0].step")
    tab.page.evaluate(f"window.map.view.span({START + 115_000}, {START + 135_000}); window.map.controls.moved()")
    tab.until("window.model.sent.some((each) => each.tile)")
    assert answer() == 1
    tab.until("window.model.sent.filter((each) => each.tile).length === 2")  # it was told that the tile is ready
    assert answer() == 1
    tab.until("window.map.layer !== window.map.base")
    assert tab.page.evaluate("window.map.columns.runs[0].step") < coarse
    tab.until_written("14:32:00")
    tab.picture("heatmap-recording-zoom")
    cells = tab.page.evaluate("window.map.heat.cells")
    tab.page.locator(".hftlab-view").press("ArrowLeft")
    tab.until("before => window.map.view.right < before", START + 135_000)
    assert answer() == 0
    assert tab.page.evaluate("window.map.heat.cells") == cells
    tab.page.locator(".hftlab-view").press("Space")
    tab.until("window.map.layer === window.map.base")


def test_a_tile_of_another_symbol_is_of_no_use(tab: Tab) -> None:
    view, _ = show(tab)
    tile = pack_columns(replace(view._shown["AAPL"].terms, epoch=-5), 0, view._shown["AAPL"].columns)
    tab.page.evaluate("([c, t]) => window.tell(c, t)", [{"panel": "", "tile": True}, [text(tile)]])
    assert tab.page.evaluate("window.map.recording.detail") is None


def test_while_another_symbol_is_read_it_says_so(tab: Tab) -> None:
    view, _ = show(tab)
    view.set({"symbol": "MSFT"})
    tab.feed(view.snapshot())
    tab.until_written("reading the recording …")
    assert view._commands.wait(20)
    tab.feed(view.snapshot())
    tab.until("!window.map.base.columns.empty")
