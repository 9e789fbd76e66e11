"""The depth chart's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hftlab.palette import LIGHT
from hftlab.widgets import DepthChart
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.depth.frame import DepthState, pack_depth
from tests.browser.tab import Tab, text

pytestmark = [
    pytest.mark.browser,
]

BIDS = [(175.24 - step / 100, 100.0 * (1 + step)) for step in range(10)]
ASKS = [(175.26 + step / 50, 50.0 * (1 + step)) for step in range(10)]


def frame(bids: Any = BIDS, asks: Any = ASKS, **changes: Any) -> bytes:
    scale = Scale(0.01)
    scale.learn((), (size for _, size in (*bids, *asks)))
    return pack_depth(DepthState(bids, asks, **changes), scale)


def start(tab: Tab, data: bytes | None = None) -> Tab:
    return tab.start(DepthChart._esm, frame() if data is None else data, settings={"symbol": "AAPL", "depth": 100})


def point(tab: Tab, share: float) -> dict[str, str]:
    """Put the pointer at that part of the chart's width; returns the rows of the tooltip."""
    box = tab.page.locator("canvas").bounding_box()
    tab.page.mouse.move(box["x"] + share * box["width"], box["y"] + 100)
    cells = tab.page.locator(".tip span").all_inner_texts()
    return dict(zip(cells[::2], cells[1::2], strict=True))


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark", "scale": 2}], indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    start(tab)
    assert {"spread 0.02 · 2 ticks", "2,000", "4,000", "175.20", "175.30", "not known"} <= set(tab.written())
    assert "mid 175.250" in tab.header()
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    if not dark:
        assert tab.pixels(LIGHT["bid"], 40) > 200
        assert tab.pixels(LIGHT["ask"], 40) > 200
    point(tab, 0.7)
    tab.picture(f"depth-{'dark' if dark else 'light'}")


def test_the_tooltip_says_what_a_price_costs(tab: Tab) -> None:
    start(tab)
    rows = point(tab, 0.74)
    price = float(rows["buy up to"])
    inside = np.array([level for level in ASKS if level[0] <= price + 1e-9])
    size, cost = inside[:, 1].sum(), (inside[:, 0] * inside[:, 1]).sum()
    assert rows["size"] == f"{size:,.0f}"
    assert rows["costs"] == f"{cost:,.0f}"
    assert rows["average price"] == f"{cost / size:,.3f}"
    assert rows["slippage"] == f"{1e4 * (cost / size / 175.25 - 1):,.1f} bps"


def test_beyond_the_last_known_level_it_is_a_least(tab: Tab) -> None:
    start(tab)
    rows = point(tab, 0.1)
    assert rows["size"] == "≥ 5,500"
    assert rows["not known"] == "beyond this depth"
    tab.page.mouse.move(600, 650)
    tab.until("document.querySelector('.tip').hidden")


@pytest.mark.parametrize(
    ("price", "sign"), [(175.26, 1), (175.31, 1), (175.9, 1), (175.25, 1), (175.2, -1), (170.0, -1)]
)
def test_reaching_a_price_is_the_sum_of_the_levels_before(tab: Tab, price: float, sign: int) -> None:
    start(tab)
    found = tab.page.evaluate(
        "([frame, price, sign]) => { const state = window.parsed(frame);"
        "return window.module.toReach(sign > 0 ? state.asks : state.bids, price, sign); }",
        [text(frame()), price, sign],
    )
    levels = ASKS if sign > 0 else BIDS
    inside = [level for level in levels if sign * (price - level[0]) >= -1e-9]
    assert found["size"] == sum(size for _, size in inside)
    assert found["cost"] == pytest.approx(sum(size * price for price, size in inside))
    assert found["known"] == (sign * (price - levels[-1][0]) <= 1e-9)


def test_the_wheel_and_the_keyboard_zoom(tab: Tab) -> None:
    start(tab)
    box = tab.page.locator("canvas").bounding_box()
    tab.page.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.page.mouse.wheel(0, -800)
    tab.until("window.written.texts.includes('175.22') && !window.written.texts.includes('not known')")
    assert tab.page.get_by_role("button", name="reset").is_visible()
    tab.page.mouse.move(600, 650)
    tab.page.locator(".hftlab-view").focus()
    tab.page.keyboard.press("0")
    tab.until_written("not known")
    tab.page.keyboard.press("+")
    tab.until("!window.written.texts.includes('not known')")
    tab.page.keyboard.press("ArrowRight")
    tab.until("document.querySelector('.tip').innerText.includes('buy up to')")
    assert "175.26" in tab.page.locator(".tip").inner_text()
    assert "buy up to 175.26" in tab.voice()
    tab.page.keyboard.press("Escape")
    tab.until("document.querySelector('.tip').hidden")


def test_zoomed_out_the_wheel_scrolls_the_page(tab: Tab) -> None:
    tab.page.evaluate("document.body.style.paddingBottom = '3000px'")
    start(tab)
    box = tab.page.locator("canvas").bounding_box()
    tab.page.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.page.mouse.wheel(0, 200)
    tab.until("window.scrollY > 0")


def test_levels_far_away_do_not_squeeze_the_others(tab: Tab) -> None:
    start(tab, frame(bids=[*BIDS, (0.01, 1e6)], asks=[*ASKS, (199_999.0, 1.0)]))
    assert "175.20" in tab.written()
    assert "1.00 M" not in tab.written()


def test_books_that_lack_something(tab: Tab) -> None:
    start(tab, frame([], []))
    assert "no book yet" in tab.written()
    tab.feed(frame(asks=[]))
    tab.until_written("one-sided")
    assert "best bid 175.24" in tab.header()  # and not a mid, which there is none of
    rows = point(tab, 0.9)
    assert (rows["size"], rows["average price"]) == ("0", "–")  # an empty side is known to be empty
    assert "from the best bid" in rows
    tab.feed(frame(stale=True, is_cut=True))
    tab.until_written("not shown")
    assert "STALE" in tab.header()


def test_a_moving_market_is_followed_and_rests(tab: Tab) -> None:
    start(tab)
    tab.feed(frame([(price + 0.2, size) for price, size in BIDS], [(price + 0.2, size) for price, size in ASKS]))
    tab.until_written("175.50")
    before = tab.page.evaluate("window.paints")
    tab.page.evaluate(
        "window.rested = new Promise((done) => { let last = -1; const look = () => {"
        "if (window.paints === last) done(true); else { last = window.paints; setTimeout(look, 120); } };"
        "look(); })"
    )
    assert tab.page.evaluate("window.rested")
    assert tab.page.evaluate("window.paints") < before + 60


def test_narrow(tab: Tab) -> None:
    start(tab)
    tab.page.evaluate("document.getElementById('cell').style.width = '260px'")
    tab.until("document.querySelector('canvas').width === 260")
    tab.picture("depth-narrow")
