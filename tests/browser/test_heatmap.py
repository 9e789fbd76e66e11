"""The heat map in a real Chromium, fed by the real view: what it draws, what it asks for, and what the hands do."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.palette import DARK, HEAT_DARK, HEAT_LIGHT, LIGHT
from hftlab.widgets import HeatMap
from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from hftlab.widgets.heatmap.view import HeatMapView
from tests.browser.heatmap import CATCH
from tests.browser.tab import Tab, text
from tests.widgets.conftest import StillLoop
from tests.widgets.heatmap.columns import MS, MovingMarket, unpack
from tests.widgets.market import NOON

pytestmark = [
    pytest.mark.browser,
]

WIDE = [{"scheme": "light"}, {"scheme": "dark"}, {"scheme": "dark", "scale": 2}]


class Hand:
    """A view, its market, and the tab that shows it."""

    def __init__(self, tab: Tab, columns: int = 60, width: int = 620, **state: Any) -> None:
        self.tab = tab
        self.market = MovingMarket()
        self.market.change(0.0)
        self.view = HeatMapView(self.market, "X", refresh_loop=StillLoop(JupyterKernel()))
        self.count = 0
        self.heard = 0
        self.go(columns)
        tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px`; }", width)
        tab.start(HeatMap._esm, self.view.snapshot(), settings=self.view.settings, **state)
        tab.page.evaluate(CATCH)
        self.feed()
        tab.until("window.map")

    def go(self, columns: int) -> None:
        """Let time go on by some columns."""
        for tick in range(self.count, self.count + columns):
            self.market.change(tick / 10, trades=tick % 3)
            self.view._sampler().sample(tick / 10)
        self.count += columns

    def feed(self) -> None:
        self.tab.feed(self.view.snapshot())

    def asked(self) -> list[dict[str, Any]]:
        """What the page has asked for since the last call."""
        sent = self.tab.sent()
        new, self.heard = sent[self.heard :], len(sent)
        return [each for each in new if "columns" in each]

    def answer(self) -> int:
        """Answer what the page asks until it asks no more; the number of answers."""
        count = 0
        while asked := self.asked():
            for question in asked:
                answer, buffers = self.view.receive(question, [])
                content = {"panel": "", "to": question["from"], **answer}
                self.tab.page.evaluate("([c, t]) => window.tell(c, t)", [content, [text(each) for each in buffers]])
                count += 1
        return count

    def whole(self) -> None:
        """Answer, and wait until the newest column is painted and prices have come to rest."""
        self.answer()
        self.painted()
        self.tab.until("!window.map.view.aim")

    def painted(self) -> None:
        """Wait for a paint after everything so far."""
        self.tab.page.evaluate("window.paints = 0; window.map.surface.redraw()")
        self.tab.until("window.paints > 0")

    def get(self, expression: str) -> Any:
        return self.tab.page.evaluate(f"window.map.{expression}")

    def newest(self) -> float:
        """The moment that the view follows, a little left of its edge."""
        return round(self.get("view.time(window.map.view.box.width - 8)"), 3)

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the map on the page."""
        place = self.tab.page.locator("canvas").bounding_box()
        box = self.get("view.box")
        return place["x"] + box["left"], place["y"] + box["top"], box["width"], box["height"]


class TestDrawing:
    @pytest.mark.parametrize("tab", WIDE, indirect=True, ids=str)
    def test_it_draws(self, tab: Tab) -> None:
        hand = Hand(tab)
        hand.whole()
        dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        colours, heat = (DARK, HEAT_DARK) if dark else (LIGHT, HEAT_LIGHT)
        assert sum(tab.pixels(colour, 25) for colour in heat) > 5_000
        assert tab.pixels(colours["bid"], 30) > 200
        assert tab.pixels(colours["ask"], 30) > 200
        words = tab.written()
        assert {"resting", "traded", "bought", "sold", "UTC", "12:00:05"} <= set(words)
        assert "X" in tab.header()
        assert "12:00:06 UTC" in tab.header()
        label = tab.page.locator("canvas").get_attribute("aria-label")
        assert label.startswith("Heat map of X until 12:00:06 UTC: bid ")
        tab.picture(f"heatmap-{'dark' if dark else 'light'}")

    def test_the_page_has_what_the_kernel_packed(self, tab: Tab) -> None:
        hand = Hand(tab)
        hand.whole()
        read = tab.page.evaluate(
            """() => {
                const { columns } = window.map, found = [];
                for (let number = columns.first; number < columns.next; number += 1) {
                  const levels = [], trades = [];
                  columns.each(number, (...level) => levels.push(level));
                  columns.eachTrade(number, (...trade) => trades.push(trade));
                  found.push([columns.time(number), columns.ends(number), columns.best("bids", number),
                    levels, trades]);
                }
                return found;
            }"""
        )
        kept = unpack(hand.view.kept())[1]
        assert len(read) == len(kept) == 60
        for number, (time, ends, bid, levels, trades) in enumerate(read):
            column = kept[number]
            assert (time, ends, bid) == (column.time, column.time + 100, column.bid)
            assert [tuple(level) for level in levels] == column.levels
            assert [tuple(trade) for trade in trades] == [
                (column.time + since, tick, size) for tick, size, since in column.trades
            ]

    def test_it_changes_with_its_book(self, tab: Tab) -> None:
        hand = Hand(tab)
        hand.whole()
        before = tab.page.evaluate("document.querySelector('canvas').toDataURL()")
        hand.go(1)
        hand.feed()
        tab.until("before => document.querySelector('canvas').toDataURL() !== before", before)
        assert hand.newest() == NOON / MS + 6_100

    @pytest.mark.parametrize("width", [260, 2200])
    def test_it_fits_its_cell(self, tab: Tab, width: int) -> None:
        tab.page.set_viewport_size({"width": width + 30, "height": 600})
        hand = Hand(tab, columns=200, width=width)
        hand.whole()
        _, _, wide, _ = hand.box()
        assert tab.page.evaluate("document.querySelector('canvas').clientWidth") == width
        assert wide > 0.6 * width
        assert ("traded" in tab.written()) == (width > 420)
        tab.picture(f"heatmap-{width}")

    def test_without_a_book_it_says_so(self, tab: Tab) -> None:
        market = MovingMarket()
        view = HeatMapView(market, "X", refresh_loop=StillLoop(JupyterKernel()))
        tab.start(HeatMap._esm, view.snapshot(), settings=view.settings)
        tab.until_written("no book yet")

    def test_times_of_which_nothing_is_known_are_hatched(self, tab: Tab) -> None:
        hand = Hand(tab, columns=20)
        hand.market.connection_status = "RECONNECTING"
        hand.go(10)
        hand.market.connection_status = "CONNECTED"
        hand.go(50)
        hand.feed()
        hand.whole()
        assert hand.get("columns.known(20)") is False
        assert "no data" not in tab.written()  # too narrow for words
        hand.get(f"view.span({NOON / MS + 1_000}, {NOON / MS + 4_000})")
        hand.painted()
        tab.until_written("no data")

    def test_a_page_without_a_kernel_shows_all_columns(self, tab: Tab) -> None:
        market = MovingMarket()
        market.change(0.0)
        view = HeatMapView(market, "X", refresh_loop=StillLoop(JupyterKernel()))
        for tick in range(80):
            market.change(tick / 10)
            view._sampler().sample(tick / 10)
        tab.page.evaluate("() => { window.kept = null; }")
        tab.start(HeatMap._esm, view.kept(), settings=view.settings, offline=True)
        tab.page.evaluate(CATCH)
        tab.page.locator(".hftlab-view").press("ArrowLeft")
        tab.until("window.map?.columns.runs[0].stop === 80")
        assert tab.sent() == []


class TestProtocol:
    def test_it_asks_for_what_it_misses_the_newest_first(self, tab: Tab) -> None:
        hand = Hand(tab, columns=1200)
        (first,) = hand.asked()
        assert first["columns"] == [0, 1198]
        hand.heard = 0
        assert hand.answer() == 3
        assert hand.get("columns.missing()") is None
        hand.go(5)
        hand.feed()
        (again,) = hand.asked()
        assert again["columns"] == [1200, 1203]

    def test_another_replay_begins_anew(self, tab: Tab) -> None:
        hand = Hand(tab)
        hand.whole()
        late = hand.view.receive({"columns": [0, 10]}, [])
        hand.count = -300
        hand.go(3)
        hand.feed()
        hand.whole()
        assert hand.get("columns.next") == 3
        hand.tab.page.evaluate("([c, t]) => window.tell(c, t)", [{"panel": "", **late[0]}, [text(late[1][0])]])
        assert hand.get("columns.next") == 3
        assert hand.newest() == NOON / MS - 29_700

    def test_panning_and_zooming_paint_no_cell(self, tab: Tab) -> None:
        """Bitmaps are moved and stretched; a new column paints its own cells only."""
        hand = Hand(tab, columns=600)
        hand.whole()
        hand.painted()
        cells = hand.get("heat.cells")
        for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "+", "-"):
            tab.page.locator(".hftlab-view").press(key)
            hand.painted()
        assert hand.get("heat.cells") == cells
        hand.go(1)
        hand.feed()
        hand.painted()
        assert 0 < hand.get("heat.cells") - cells <= 20


class TestHands:
    def test_a_drag_pans_and_a_double_click_returns(self, tab: Tab) -> None:
        hand = Hand(tab, columns=400)
        hand.whole()
        left, top, *_ = hand.box()
        right, middle = hand.get("view.right"), hand.get("view.middle")
        tab.page.mouse.move(left + 200, top + 100)
        tab.page.mouse.down()
        tab.page.mouse.move(left + 260, top + 130, steps=4)
        tab.page.mouse.up()
        per_ms, per_tick = hand.get("view.perMs"), hand.get("view.perTick")
        assert hand.get("view.right") == pytest.approx(right - 60 / per_ms)
        assert middle < hand.get("view.middle") < middle + 30 / per_tick
        assert hand.get("view.follows") is False
        hand.go(1)
        hand.feed()
        hand.painted()
        assert hand.get("view.right") == pytest.approx(right - 60 / per_ms)
        tab.page.mouse.dblclick(left + 200, top + 100)
        tab.until("window.map.view.follows")
        assert hand.newest() == NOON / MS + 40_100

    def test_the_wheel_zooms_time_and_with_shift_price(self, tab: Tab) -> None:
        hand = Hand(tab, columns=400)
        hand.whole()
        left, top, *_ = hand.box()
        tab.page.locator(".hftlab-view").press("ArrowLeft")
        tab.page.mouse.move(left + 150, top + 100)
        time, per_ms = hand.get(f"view.time({150})"), hand.get("view.perMs")
        tab.page.mouse.wheel(0, -300)
        tab.until("before => window.map.view.perMs > before", per_ms)
        assert hand.get(f"view.time({150})") == pytest.approx(time, abs=1e-3)
        per_tick = hand.get("view.perTick")
        tab.page.keyboard.down("Shift")
        tab.page.mouse.wheel(0, 200)
        tab.until("before => window.map.view.perTick < before", per_tick)
        tab.page.keyboard.up("Shift")

    def test_the_crosshair_tells_the_cell(self, tab: Tab) -> None:
        hand = Hand(tab)
        hand.whole()
        kept = unpack(hand.view.kept())[1][30]
        tick, size, orders = kept.levels[2]
        spot = hand.get(f"view.x({kept.time + 50})"), hand.get(f"view.y({tick})")
        left, top, width, _ = hand.box()
        tab.page.mouse.move(left + spot[0], top + spot[1])
        tip = tab.page.locator(".tip")
        tip.wait_for()
        words = tip.inner_text().split("\n")
        price = (hand.view._sampler().origin + tick) / 100
        assert {f"{price:.2f}", "resting bids", f"{size:,.0f}", "from the best", "2 ticks", str(orders)} <= set(words)
        assert any(word.startswith("12:00:03.0") for word in words)
        tab.until_written(f"{price:.2f}")
        trade, _, since = kept.trades[0] if kept.trades else unpack(hand.view.kept())[1][31].trades[0]
        when = (kept.time if kept.trades else kept.time + 100) + since
        spot = hand.get(f"view.x({when})"), hand.get(f"view.y({trade})")
        tab.page.mouse.move(left + spot[0], top + spot[1])
        tab.until("() => document.querySelector('.tip').innerText.includes('here')")
        tab.page.mouse.move(left + width + 20, top + spot[1])
        tab.until("() => document.querySelector('.tip').innerText.includes('bought')")

    def test_a_click_sets_the_time_for_linked_views(self, tab: Tab) -> None:
        hand = Hand(tab, columns=200)
        hand.whole()
        left, top, *_ = hand.box()
        time = hand.get("view.time(100)")
        tab.page.mouse.click(left + 100, top + 80)
        tab.until("window.model.sent.some((each) => each.set)")
        (sent,) = [each["set"] for each in tab.sent() if "set" in each]
        assert sent["time"] == pytest.approx(time, abs=1)

    def test_a_linked_time_is_shown(self, tab: Tab) -> None:
        hand = Hand(tab, columns=600)
        hand.whole()
        tab.set("settings", {"symbol": "X", "time": NOON / MS + 5_000})
        hand.painted()
        assert hand.get("view.from") < NOON / MS + 5_000 < hand.get("view.right")
        tab.set("settings", {"symbol": "X", "time": None})
        hand.painted()
        assert hand.get("view.follows") is True

    def test_the_keyboard_does_it_all(self, tab: Tab) -> None:
        hand = Hand(tab, columns=600)
        hand.whole()
        root = tab.page.locator(".hftlab-view")
        root.press("Home")
        assert hand.get("view.from") == NOON / MS
        root.press("Space")
        assert hand.get("view.follows") is True
        before = hand.get("view.perTick")
        root.press("PageUp")
        assert hand.get("view.perTick") > before
        root.press("Shift+ArrowLeft")
        tab.page.locator(".tip").wait_for()
        first = hand.get("cursor.time")
        root.press("Shift+ArrowLeft")
        assert hand.get("cursor.time") < first
        assert tab.voice().startswith("price ")
        root.press("Enter")
        tab.until("window.model.sent.some((each) => each.set)")
        root.press("Escape")
        assert hand.get("cursor") is None
        assert tab.leaves("Escape")
        high = hand.get("scale.top")
        root.press("]")
        assert hand.get("scale.top") < high
        root.press("?")
        assert "contrast" in tab.page.locator(".tip").inner_text()
