"""The ladder's page in a real Chromium: its axis, its columns, its tooltip, and the orders that it asks for."""

from __future__ import annotations

from typing import Any

import pytest

import hftlab as hl
from hftlab.palette import DARK, LIGHT
from hftlab.protocol.enums import OrderStatus
from hftlab.widgets import Ladder
from hftlab.widgets.core import freshness
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.frame import LadderState, pack_ladder, pack_whole_traded
from hftlab.widgets.ladder.own_orders import OwnOrder
from hftlab.widgets.ladder.volume_profile import Traded
from tests.browser.ladder import BID, SETTINGS, ladder_frame, ladder_on
from tests.browser.tab import COUNT, SCHEMES, Tab, text
from tests.waiting import PATIENCE, until

pytestmark = [
    pytest.mark.browser,
]

CAPTIONS, ROW = 17, 20  # px, as in ladder.js


def resting(tab: Tab) -> None:
    """Wait until nothing is painted any more."""
    tab.page.evaluate(
        "new Promise((done) => { let last = -1; const look = () => {"
        "if (window.paints === last) done(); else { last = window.paints; setTimeout(look, 120); } };"
        "look(); })"
    )


def highest(tab: Tab) -> str:
    """The last digits of the highest price."""
    words = tab.written()
    return words[words.index("61,737.") - 1]


def chip(tab: Tab, row: int, colour: str) -> float:
    """The part of the width at which the strong colour of a chip begins in a row."""
    x = tab.page.evaluate(
        """([y, colour]) => {
            const canvas = document.querySelector("canvas");
            const data = canvas.getContext("2d").getImageData(0, y, canvas.width, 1).data;
            const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
            const near = (x) => wanted.every((value, index) => Math.abs(data[4 * x + index] - value) <= 30);
            for (let x = 0; x < canvas.width - 6; x += 1) if (near(x) && near(x + 5)) return x / canvas.width;
            return NaN;
        }""",
        [CAPTIONS + row * ROW + 4, colour],
    )
    return float(x)


def shades(tab: Tab, row: int) -> int:
    """The number of colours in a part of a row's bid cell."""
    box = "[...context.getImageData(0.25 * canvas.width, y, 30, 16).data]"
    return tab.page.evaluate(
        "y => { const canvas = document.querySelector('canvas'), context = canvas.getContext('2d');"
        f"const data = {box}; const colours = new Set();"
        "for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 4).join());"
        "return colours.size; }",
        CAPTIONS + row * ROW + 1,
    )


def place(tab: Tab, row: int, x: float) -> tuple[float, float]:
    """The middle of a row, counted from the top, and a part of the width."""
    box = tab.page.locator("canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + CAPTIONS + (row + 0.5) * ROW


def tip(tab: Tab) -> str:
    return tab.page.locator(".tip").inner_text()


def orders_sent(tab: Tab) -> list[dict[str, Any]]:
    return [message for message in tab.sent() if "place" in message or "cancel" in message]


def arm(tab: Tab) -> None:
    """Arm trading right after a sign of life; the page's clock stands still then, and the test may be slow."""
    tab.page.evaluate("() => { const now = performance.now(); performance.now = () => now; }")
    tab.set("pulse", tab.page.evaluate("({ ...window.model.state.pulse, ages: { '': 0 } })"))
    tab.page.get_by_role("button", name="Arm trading").click()


def hear(tab: Tab, **content: Any) -> None:
    tab.page.evaluate("content => window.model.emit('msg:custom', { panel: '', ...content })", content)


class TestDrawing:
    @pytest.mark.parametrize("tab", SCHEMES, indirect=True, ids=str)
    def test_it_draws(self, tab: Tab) -> None:
        ladder_on(tab)
        words = tab.written()
        assert all(word in tab.header() for word in ("BTC-USD", "+1.25 %", "61,737.64", "0.0 s"))
        assert {"61,737.63", "61,737.64", "0.500", "1.500", "61,737.", "65", "59"} <= set(words)
        assert {"spread 0.01 · 1 tick · 0.0016 bps", "12:00:00.123 UTC", "vol 1,234.50", "▲0.250"} <= set(words)
        dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        colours = DARK if dark else LIGHT
        assert tab.pixels(colours["paper"]) > 50_000
        assert tab.pixels(colours["bid"], 60) > 100
        assert tab.pixels(colours["ask"], 60) > 100

    @pytest.mark.parametrize("tab", [{"scale": 2}], indirect=True)
    def test_it_is_sharp_and_fits_its_cell(self, tab: Tab) -> None:
        ladder_on(tab)
        assert tab.page.evaluate("document.querySelector('canvas').width") == 1040
        tab.page.evaluate("document.getElementById('cell').style.width = '300px'")
        tab.until("document.querySelector('canvas').width === 600")

    @pytest.mark.parametrize(
        ("width", "there", "missing"),
        [
            (260, {"bid", "price", "ask"}, {"sold", "orders", "sum", "yours"}),
            (520, {"sold", "bought"}, {"sum"}),
            (900, {"sold", "bought", "orders", "yours"}, set()),
            (2200, {"sold", "bought", "orders", "yours", "sum"}, set()),
        ],
    )
    def test_columns_drop_out_in_the_order_of_their_importance(self, tab: Tab, width, there, missing) -> None:
        tab.page.set_viewport_size({"width": 2300, "height": 700})
        tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px` }", width)
        traded = [Traded(BID, 3.0, 4.0)]
        ladder_on(tab, ladder_frame(traded=traded, every_trade=True), trading=True)
        words = set(tab.written())
        assert there <= words
        assert not missing & words
        tab.picture(f"ladder-{width}")

    def test_the_page_reads_what_the_kernel_packed(self, tab: Tab) -> None:
        ladder_on(tab)
        orders = [OwnOrder(7, 61737.60, -1, OrderStatus.PENDING_CANCEL, 1.5, True, 340.0)]
        traded = [Traded(BID - 1, 0.5, 0.0), Traded(BID, 0.0, 2.0)]
        frame = ladder_frame(stale=True, last=None, traded=traded, traded_steps=2, orders=orders, every_trade=True)
        state = tab.page.evaluate("frame => window.parsed(frame)", text(frame))
        assert state["bids"][1] == {"ticks": BID - 1, "size": 0.625, "orders": 1}
        assert state["asks"][4] == {"ticks": BID + 5, "size": 2.0, "orders": 4}
        assert (state["stale"], state["priceDecimals"], state["sizeDecimals"], state["tick"]) == (1, 2, 3, 0.01)
        assert state["traded"] == [[BID - 1, 0.5, 0], [BID, 0, 2]]
        order = {"key": 7, "ticks": BID - 3, "sign": -1, "status": "PENDING_CANCEL", "stop": True, "remaining": 1.5}
        assert state["orders"] == [{**order, "ahead": 340}]

    def test_a_new_frame_is_drawn_and_flashes(self, tab: Tab) -> None:
        ladder_on(tab)
        before = tab.page.evaluate("window.paints")
        tab.feed(ladder_frame(size=7.5))
        tab.until_written("7.500")
        # One frame in, several paints: the flash fades, and then the page rests.
        tab.until("before => window.paints > before + 5", before)
        resting(tab)

    def test_many_frames_are_one_paint(self, tab: Tab) -> None:
        ladder_on(tab)
        frames = [text(ladder_frame(size=float(step))) for step in range(1, 51)]
        painted = tab.page.evaluate(
            "frames => new Promise((done) => { const before = window.paints; frames.forEach(window.feed);"
            "requestAnimationFrame(() => requestAnimationFrame(() => done(window.paints - before))); })",
            frames,
        )
        assert 1 <= painted <= 2
        assert "50.000" in tab.written()

    def test_every_frame_is_applied_if_the_page_has_time_to_paint_it(self, tab: Tab) -> None:
        """The market moves all the time: each frame is painted while the axis glides and rows flash."""
        ladder_on(tab)
        frames = [text(ladder_frame(size=float(step), shift=step // 2)) for step in range(1, 41)]
        applied = tab.page.evaluate(
            "async (frames) => { let applied = 0; for (const [index, frame] of frames.entries()) { window.feed(frame);"
            "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"
            "if (window.written.texts.includes(`${index + 1}.000`)) applied += 1; } return applied; }",
            frames,
        )
        assert applied == 40

    @pytest.mark.parametrize(
        ("name", "value", "word"),
        [
            ("status", "RECONNECTING", "the client tries again"),
            ("status", "DISCONNECTED", "DISCONNECTED"),
            ("status", "ERROR", "connect again"),
            ("error", "OSError: no such book", "OSError: no such book"),
        ],
    )
    def test_trouble_is_dimmed_and_named(self, tab: Tab, name: str, value: str, word: str) -> None:
        ladder_on(tab)
        tab.set(name, value)
        tab.until_veiled(word)
        assert tab.page.evaluate("getComputedStyle(document.querySelector('.body')).opacity") == "0.35"

    def test_a_stale_book_is_named(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.feed(ladder_frame(stale=True))
        assert "STALE" in tab.header()

    def test_before_the_first_book(self, tab: Tab) -> None:
        ladder_on(tab, pack_ladder(LadderState(), Scale()))
        assert "no book yet" in tab.written()

    def test_it_has_rows_for_the_depth_that_was_asked_for(self, tab: Tab) -> None:
        height = "document.querySelector('canvas').getBoundingClientRect().height"
        ladder_on(tab, depth=10)
        ten = tab.page.evaluate(height)
        tab.set("settings", {"symbol": "BTC-USD", "depth": 20, "group": 1, "trading": False, "size": 2})
        assert tab.page.evaluate(height) == ten + 2 * 10 * ROW

    def test_jupyterlabs_theme_is_followed(self, tab: Tab) -> None:
        tab.page.evaluate("document.documentElement.style.setProperty('--jp-layout-color0', '#fafafa')")
        ladder_on(tab)
        assert tab.pixels("#fafafa") > 50_000
        tab.page.evaluate(
            "() => { document.documentElement.style.setProperty('--jp-layout-color0', '#111111');"
            "document.body.dataset.jpThemeLight = 'false'; }"
        )
        tab.until(f"() => ({COUNT})(['#111111', 2]) > 50000")
        assert tab.pixels(DARK["bid"], 60) > 100

    def test_what_was_not_received_is_hatched(self, tab: Tab) -> None:
        """Bids from 61,737.63 down to .59 are received, at the rows 11 to 15: those below are unknown, not empty."""
        ladder_on(tab, depth=10)
        resting(tab)
        assert shades(tab, 3) == 1  # above the market there are no bids
        assert shades(tab, 16) > 1
        tab.feed(ladder_frame(bids=[(61737.63, 1.0, 1), (61737.60, 1.0, 1)]))
        resting(tab)
        assert shades(tab, 13) == 1  # between two levels that were received
        assert shades(tab, 15) > 1


class TestTradedVolume:
    def test_is_shown_at_its_price(self, tab: Tab) -> None:
        tab.page.evaluate("document.getElementById('cell').style.width = '600px'")
        ladder_on(tab, ladder_frame(traded=[Traded(BID, 3.25, 4.75)], every_trade=True))
        assert {"3.250", "4.750", "sold", "bought"} <= set(tab.written())

    def test_of_last_trades_only_says_so(self, tab: Tab) -> None:
        ladder_on(tab, ladder_frame(traded=[Traded(BID, 3.25, 4.75)]))
        assert "sold*" in tab.written()

    def test_the_page_asks_for_what_is_far_from_the_market(self, tab: Tab) -> None:
        ladder_on(tab, ladder_frame(traded=[Traded(BID, 1.0, 2.0)], traded_steps=2))
        tab.until("window.model.sent.some((message) => message.traded)")
        whole = pack_whole_traded(0, 1, [Traded(BID - 3, 7.5, 0.0), Traded(BID, 1.0, 2.0)])
        tab.page.evaluate(
            "text => { const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));"
            "window.model.emit('msg:custom', { panel: '', traded: true }, [new DataView(bytes.buffer)]); }",
            text(whole),
        )
        tab.until_written("7.500")

    def test_with_a_finer_tick_it_asks_again(self, tab: Tab) -> None:
        """The numbers of all price steps have changed."""
        ladder_on(tab, ladder_frame(traded=[Traded(BID, 1.0, 2.0)], traded_steps=1))
        finer = {"bids": [(61737.625, 1.0, 1)], "traded": [Traded(2 * BID, 1.0, 2.0)]}
        tab.feed(ladder_frame(**finer, traded_steps=2))
        tab.until("window.model.sent.some((message) => message.traded)")

    def test_a_page_without_a_kernel_has_it(self, tab: Tab) -> None:
        whole = text(pack_whole_traded(0, 1, [Traded(BID - 3, 7.5, 0.0)]))
        source = Ladder._esm.replace('panel.get("kept")', f"window.bytesOf('{whole}')")
        tab.page.evaluate(
            "window.bytesOf = (text) =>"
            " new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer)"
        )
        tab.start(source, ladder_frame(), settings=SETTINGS, offline=True)
        tab.until_written("7.500")


class TestAxis:
    def test_it_stays_while_the_market_moves_in_the_middle(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        assert highest(tab) == "74"
        tab.feed(ladder_frame(shift=2))
        tab.until_written("61,737.66")
        resting(tab)
        assert highest(tab) == "74"

    def test_it_glides_when_the_market_leaves_the_middle(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        before = tab.page.evaluate("window.paints")
        tab.feed(ladder_frame(shift=9))
        resting(tab)
        assert tab.page.evaluate("window.paints") > before + 5
        assert {"61,737.73", "82"} <= set(tab.written())  # its middle row is the market again

    @pytest.mark.parametrize("tab", [{"motion": "reduce"}], indirect=True)
    def test_without_motion_it_jumps(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        before = tab.page.evaluate("window.paints")
        tab.feed(ladder_frame(shift=9, trade=None))
        resting(tab)
        assert tab.page.evaluate("window.paints") <= before + 3
        assert "82" in tab.written()

    def test_the_wheel_scrolls_it_and_space_brings_it_back(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        tab.page.mouse.move(*place(tab, 3, 0.5))
        tab.page.mouse.wheel(0, -330)
        tab.until_written("83")
        resting(tab)
        assert any("scrolled: space returns to the market" in word for word in tab.written())
        tab.feed(ladder_frame(shift=-1))
        resting(tab)
        assert "84" in tab.written()  # where the user has put it
        tab.page.locator(".hftlab-view").press(" ")
        resting(tab)
        assert "84" not in tab.written()
        assert "61,737.62" in tab.written()

    def test_a_drag_moves_it(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        x, y = place(tab, 3, 0.5)
        tab.page.mouse.move(x, y)
        tab.page.mouse.down()
        tab.page.mouse.move(x, y + 5 * ROW, steps=4)
        tab.page.mouse.up()
        resting(tab)
        assert {"79", "78"} <= set(tab.written())

    def test_rows_of_more_ticks(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        for _ in range(3):
            tab.page.locator(".hftlab-view").press("+")
        assert tab.page.locator(".step").inner_text() == "10 ticks"
        assert [message["set"] for message in tab.sent() if "set" in message] == [{"group": g} for g in (2, 5, 10)]
        resting(tab)
        # Bids from 61,737.59 to .63 are in two steps of ten ticks, rounded down.
        assert {"61,737.60", "61,737.70", "1.000"} <= set(tab.written())
        tab.page.get_by_role("button", name="fewer ticks").click()
        assert tab.page.locator(".step").inner_text() == "5 ticks"

    def test_another_symbol_starts_anew(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.set("settings", {"symbol": "ETH-USD", "depth": 5, "group": 1, "trading": False, "size": 2})
        tab.feed(ladder_frame(bids=[(3000.0, 1.0, 1)], asks=[(3000.01, 1.0, 1)], trade=None))
        tab.until_written("3,000.00")
        assert "ETH-USD" in tab.header()


class TestHover:
    def test_says_what_is_there_and_what_it_costs(self, tab: Tab) -> None:
        ladder_on(tab, ladder_frame(traded=[Traded(BID + 3, 0.0, 2.5)], every_trade=True))
        tab.page.mouse.move(*place(tab, 5 - 2, 0.75))  # two rows above the best ask
        words = tip(tab)
        assert "61,737.66" in words
        assert "1.750 in 2 orders" in words
        assert "+2.5 ticks · +0.0040 bps" in words
        # 1.5 at .64, 1.625 at .65 and 1.75 at .66
        cost = 1.5 * 61737.64 + 1.625 * 61737.65 + 1.75 * 61737.66
        assert f"{cost:,.2f}" in words
        assert f"{cost / 4.875:,.4f}" in words
        assert "0 sold, 2.50 bought" in words
        tab.page.mouse.move(2, 2)
        tab.until("document.querySelector('.tip').hidden")

    def test_beyond_the_depth_nothing_is_known(self, tab: Tab) -> None:
        ladder_on(tab, depth=10)
        tab.page.mouse.move(*place(tab, 1, 0.75))
        assert "beyond the depth received" in tip(tab)
        assert "cost" not in tip(tab)

    def test_the_keyboard_reads_it_aloud(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.page.locator(".hftlab-view").press("ArrowUp")
        assert "price 61,737.65" in tab.voice()


OWN = [OwnOrder(3, 61737.61, 1, OrderStatus.NEW, 2.0), OwnOrder(4, 61737.66, -1, OrderStatus.PENDING_NEW, 5.0)]


class TestTrading:
    def armed(self, tab: Tab, **settings: Any) -> Tab:
        ladder_on(tab, trading=True, **settings)
        arm(tab)
        return tab

    def test_a_ladder_without_it_has_nothing_to_arm(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.page.mouse.click(*place(tab, 5, 0.3))
        tab.page.locator(".hftlab-view").press("b")
        assert tab.page.locator(".entry").count() == 0
        assert orders_sent(tab) == []

    def test_a_page_without_a_kernel_has_nothing_to_arm(self, tab: Tab) -> None:
        tab.start(Ladder._esm, ladder_frame(), settings={**SETTINGS, "trading": True}, offline=True)
        assert tab.page.locator(".entry").count() == 0

    def test_nothing_is_sent_unless_it_is_armed(self, tab: Tab) -> None:
        ladder_on(tab, trading=True)
        tab.page.mouse.click(*place(tab, 5, 0.3))
        tab.page.locator(".hftlab-view").press("ArrowUp")
        tab.page.locator(".hftlab-view").press("b")
        tab.until_veiled("arm trading first")
        assert orders_sent(tab) == []

    @pytest.mark.parametrize(("x", "side", "row", "price"), [(0.3, "BUY", 7, 61737.62), (0.7, "SELL", 3, 61737.66)])
    def test_a_click_is_an_order_at_that_price(self, tab: Tab, x: float, side: str, row: int, price: float) -> None:
        self.armed(tab)
        tab.page.mouse.click(*place(tab, row, x))
        (order,) = orders_sent(tab)
        assert order["place"] == {"symbol": "BTC-USD", "side": side, "price": price, "size": 2}
        assert order["stamp"]["pulse"] == 1
        assert 0 <= order["stamp"]["since"] < 60

    def test_a_chip_has_the_estimated_place_in_the_queue(self, tab: Tab) -> None:
        tab.page.evaluate("document.getElementById('cell').style.width = '660px'")
        own = [OwnOrder(3, 61737.61, 1, OrderStatus.NEW, 2.0, ahead=340.0)]
        ladder_on(tab, ladder_frame(orders=own))
        tab.until_written("2 ~340")
        tab.page.mouse.move(*place(tab, 8, 0.5))
        assert "buy 2, ~340 ahead (estimate)" in tip(tab)

    def test_what_was_sent_is_shown_until_the_exchange_has_it(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.mouse.click(*place(tab, 8, 0.3))
        tab.until_written("2…")
        token = orders_sent(tab)[0]["token"]
        hear(tab, placed=3, token=token)
        tab.feed(ladder_frame(orders=OWN))
        tab.until_written("2")
        assert "2…" not in tab.written()
        assert "5…" in tab.written()  # the other one is on its way

    def test_a_refusal_is_said(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.mouse.click(*place(tab, 8, 0.3))
        hear(tab, refused="no buying power", token=orders_sent(tab)[0]["token"])
        tab.until_veiled("no buying power")
        tab.until("!window.written.texts.includes('2…')")

    def test_a_click_on_a_chip_cancels(self, tab: Tab) -> None:
        self.armed(tab)
        tab.feed(ladder_frame(orders=OWN))
        tab.until_written("5…")
        resting(tab)
        tab.page.mouse.click(*place(tab, 8, chip(tab, 8, LIGHT["bid"]) + 0.02))
        assert [message["cancel"] for message in orders_sent(tab)] == [3]
        tab.until_written("2…")

    def test_keys_place_and_cancel(self, tab: Tab) -> None:
        self.armed(tab)
        view = tab.page.locator(".hftlab-view")
        view.press("ArrowDown")
        view.press("ArrowDown")
        view.press("b")
        view.press("s")
        sent = [(message["place"]["side"], message["place"]["price"]) for message in orders_sent(tab)]
        assert sent == [("BUY", 61737.62), ("SELL", 61737.62)]
        tab.feed(ladder_frame(orders=OWN))
        view.press("ArrowDown")
        tab.until_written("5…")
        view.press("Delete")
        assert orders_sent(tab)[-1]["cancel"] == 3

    def test_a_key_that_is_held_down_trades_once(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.locator(".hftlab-view").press("ArrowDown")
        for _ in range(3):
            tab.page.keyboard.down("b")
        tab.page.keyboard.up("b")
        assert len(orders_sent(tab)) == 1

    def test_a_double_click_trades_once(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.mouse.dblclick(*place(tab, 8, 0.3))
        assert len(orders_sent(tab)) == 1

    def test_shortcuts_of_the_browser_do_not_trade(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.locator(".hftlab-view").press("ArrowDown")
        tab.page.locator(".hftlab-view").press("Control+b")
        assert orders_sent(tab) == []

    def test_the_axis_does_not_move_below_the_pointer(self, tab: Tab) -> None:
        self.armed(tab, depth=10)
        tab.page.mouse.move(*place(tab, 3, 0.3))
        before = tab.written()
        tab.feed(ladder_frame(shift=9))
        resting(tab)
        assert ("82" in tab.written()) == ("82" in before)
        tab.page.mouse.move(2, 2)
        tab.feed(ladder_frame(shift=9, size=0.75))
        tab.until_written("82")

    def test_escape_disarms(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.locator(".hftlab-view").press("Escape")
        assert tab.page.get_by_role("button", name="Arm trading").get_attribute("aria-pressed") == "false"

    def test_escape_without_a_use_is_left_to_the_dashboard(self, tab: Tab) -> None:
        ladder_on(tab)
        assert tab.leaves("Escape")
        tab.page.locator(".hftlab-view").press("ArrowUp")
        assert not tab.leaves("Escape")
        assert tab.leaves("Escape")

    def test_without_use_it_disarms(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.evaluate("() => { const now = performance.now(); performance.now = () => now + 30_000; }")
        tab.set("pulse", {"count": 2, "ages": {"": 0.0}})
        tab.page.evaluate("window.beat()")
        assert tab.page.get_by_role("button", name="Arm trading").count() == 1
        tab.until_veiled("disarmed: not used for 30 s")

    def test_late_data_disarms(self, tab: Tab) -> None:
        self.armed(tab)
        tab.set("pulse", {"count": 2, "ages": {"": 1.5}})
        tab.page.evaluate("window.beat()")
        tab.until_veiled("disarmed: the data is late")
        tab.page.get_by_role("button", name="Arm trading").click()
        tab.until_veiled("only while the ladder is live")

    def test_a_replay_takes_orders_while_it_is_paused(self, tab: Tab) -> None:
        """Its data is as old as it may be; at its end there is nothing that could fill an order."""
        ladder_on(tab, trading=True)
        tab.set("replay", "PAUSED")
        tab.set("paper", True)
        tab.set("pulse", {"count": 2, "ages": {"": 60.0}})
        tab.page.get_by_role("button", name="Arm trading").click()
        tab.page.evaluate("window.beat()")
        tab.page.mouse.click(*place(tab, 7, 0.3))
        assert [order["place"]["price"] for order in orders_sent(tab)] == [61737.62]
        assert tab.page.locator(".entry .how").inner_text().startswith("paper fills · click")
        tab.set("replay", "ENDED")
        tab.page.evaluate("window.beat()")
        tab.until_veiled("disarmed: the replay has ended")

    def test_an_order_that_waits_for_the_kernel_says_so(self, tab: Tab) -> None:
        self.armed(tab)
        tab.page.mouse.click(*place(tab, 8, 0.3))
        tab.page.evaluate("() => { const now = performance.now(); performance.now = () => now + 1_500; }")
        tab.page.evaluate("window.beat()")
        tab.until_veiled("the order waits")

    def test_a_size_counts_as_soon_as_it_is_entered(self, tab: Tab) -> None:
        """The click that ends the entry is an order of that size, whenever the kernel hears of it."""
        self.armed(tab, size=100)
        tab.page.get_by_label("size").click()
        tab.page.keyboard.press("Control+A")
        tab.page.keyboard.type("3")
        tab.page.mouse.click(*place(tab, 7, 0.3))
        assert [order["place"]["size"] for order in orders_sent(tab)] == [3]
        tab.set("settings", {**SETTINGS, "trading": True, "size": 3})
        tab.set("settings", {**SETTINGS, "trading": True, "size": 5})
        tab.page.mouse.click(*place(tab, 8, 0.3))
        assert [order["place"]["size"] for order in orders_sent(tab)] == [3, 5]

    def test_a_finer_tick_leaves_the_cursor_at_its_price(self, tab: Tab) -> None:
        self.armed(tab)
        root = tab.page.locator(".hftlab-view")
        root.press("ArrowUp")
        assert "price 61,737.65" in tab.voice()
        tab.feed(ladder_frame(bids=[(61737.625, 1.0, 1)]))
        tab.until_written("61,737.6")  # three decimals: two are small
        root.press("s")
        assert [order["place"]["price"] for order in orders_sent(tab)] == [61737.65]

    def test_keys_do_not_trade_at_a_price_out_of_sight(self, tab: Tab) -> None:
        self.armed(tab)
        root = tab.page.locator(".hftlab-view")
        root.press("ArrowUp")
        for _ in range(3):
            root.press("PageDown")
        for key in ("b", "s", "Delete"):
            root.press(key)
        tab.until_veiled("out of sight")
        assert orders_sent(tab) == []
        root.press("ArrowDown")  # which brings the cursor back into sight
        tab.page.evaluate("performance.now = () => Date.now()")  # so that the axis glides there
        resting(tab)
        root.press("b")
        assert [order["place"]["price"] for order in orders_sent(tab)] == [61737.64]

    def test_another_size(self, tab: Tab) -> None:
        ladder_on(tab, trading=True)
        field = tab.page.get_by_label("size")
        field.fill("7.5")
        field.press("Enter")
        assert [message["set"] for message in tab.sent() if "set" in message] == [{"size": 7.5}]
        field.fill("-1")
        field.press("Enter")
        assert field.input_value() == "7.5"


class TestExchange:
    def test_a_click_on_the_page_is_an_order_at_the_exchange(self, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
        """The whole way: exchange, server, client, frame, page, click, message, order; and the cancellation back."""
        monkeypatch.setattr(freshness, "MAX_AGE", PATIENCE)  # the machine may be busy
        server = hl.serve(hl.simulator.Exchange(seed=7), port=0)
        client = hl.connect(server.url, account="trader")
        client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK", "TRADES"])
        ladder = client.ladder("AAPL", trading=True, size=731)
        tab.start(Ladder._esm, ladder.snapshot(), settings=ladder.settings, pulse=ladder.pulse)
        arm(tab)
        tab.page.mouse.click(*place(tab, 20, 0.3))  # the last row, well below the market
        (sent,) = orders_sent(tab)
        ladder._handle_custom_msg(sent, [])
        until(lambda: [order.status for order in client.trading.open_orders] == ["NEW"])
        (order,) = client.trading.open_orders
        assert (order.side, order.quantity, order.price) == ("BUY", 731.0, sent["place"]["price"])
        hear(tab, placed=1, token=sent["token"])
        tab.feed(ladder.snapshot())
        tab.until_written("731")
        # The axis has not moved: an armed ladder keeps its rows while the pointer is over it.
        tab.page.mouse.click(*place(tab, 20, chip(tab, 20, LIGHT["bid"]) + 0.02))
        ladder._handle_custom_msg(orders_sent(tab)[-1], [])
        until(lambda: order.status == "CANCELED")

        def is_gone() -> bool:
            """From the book as well, which may come later than the order's end."""
            tab.feed(ladder.snapshot())
            return "731" not in tab.written()

        until(is_gone)
        client.close()
        server.stop()
