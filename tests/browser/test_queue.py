"""The queue positions' page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.market.queue_estimate import QueueEstimate
from hftlab.palette import DARK, LIGHT
from hftlab.protocol.enums import OrderStatus, Side
from hftlab.widgets import QueuePosition
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.queue.frame import pack_queue
from hftlab.widgets.queue.track import Track
from tests.browser.tab import Tab, text
from tests.widgets.account import order
from tests.widgets.market import NOON

pytestmark = [pytest.mark.browser]

SECOND = 1_000_000_000


def track(number: int, length: int = 60, **changes: Any) -> Track:
    made = Track(order(number, **changes), QueueEstimate(800, 500))
    level = 1500.0
    for step in range(length):
        level -= 17 + step * number % 9
        made.estimate.observe(max(0.0, level), traded=4.0)
        made.add(NOON + (10 * number + step) * SECOND)
    return made


def frame() -> bytes:
    filled = track(2, 30, side=Side.SELL, price=176.5, status=OrderStatus.FILLED)
    cancelled = track(3, 40, status=OrderStatus.CANCELED)
    filled.ended = cancelled.ended = NOON + 50 * SECOND
    filled.estimate.filled()
    filled.add(NOON + 50 * SECOND)
    return pack_queue([track(1), filled, cancelled], {"AAPL": Scale(0.01)})


def on(tab: Tab, packed: bytes | None = None) -> Tab:
    return tab.start(QueuePosition._esm, frame() if packed is None else packed)


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark"}], indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    on(tab)
    assert "estimate · 1 resting · size ahead, pro rata" in tab.header()
    words = tab.written()
    assert {"buy 100 AAPL at 175.25", "sell 100 AAPL at 176.50", "filled", "canceled"} <= set(words)
    assert any("ahead (" in word for word in words)
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colours = DARK if dark else LIGHT
    assert tab.pixels(colours["bid"], 40) > 100
    assert tab.pixels(colours["ask"], 40) > 50
    tab.picture(f"queue-{'dark' if dark else 'light'}")


def test_the_page_reads_what_the_kernel_packed(tab: Tab) -> None:
    on(tab)
    newest, _, oldest = tab.page.evaluate("frame => window.parsed(frame)", text(frame()))
    assert (newest["outcome"], newest["filled"], oldest["id"]) == ("canceled", False, "order-1")
    point = oldest["points"][1]
    assert (point["time"], point["own"]) == (NOON / 1e6 + 11_000, 100)
    assert point["least"] <= point["likely"] <= point["most"]


def test_a_tooltip(tab: Tab) -> None:
    on(tab)
    box = tab.page.locator("canvas").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)
    tip = tab.page.locator(".tip").inner_text()
    assert all(word in tip for word in ("order-3", "ahead, pro rata", "risk-averse", "optimistic", "own, open"))
    tab.page.mouse.move(box["x"] + 14, box["y"] + 40)
    assert "not placed yet" in tab.page.locator(".tip").inner_text()
    tab.page.mouse.move(2, 690)
    assert tab.page.locator(".tip").is_hidden()


def test_it_grows_with_its_orders(tab: Tab) -> None:
    on(tab, pack_queue([], {}))
    assert "no resting limit orders yet" in tab.written()
    height = "document.querySelector('canvas').getBoundingClientRect().height"
    before = tab.page.evaluate(height)
    tab.feed(frame())
    tab.until(f"before => {height} > before", before)
    tab.until("document.querySelector('canvas').getAttribute('aria-label').includes('sell 100 AAPL at 176.5: filled')")


@pytest.mark.parametrize("width", [260, 2200])
def test_it_fits_its_cell(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width + 24, "height": 500})
    tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px`; }", width)
    on(tab)
    assert tab.page.evaluate("document.querySelector('.hftlab-view').scrollWidth") <= width
    assert "buy 100 AAPL at 175.25" in tab.written()
    tab.picture(f"queue-{width}")
