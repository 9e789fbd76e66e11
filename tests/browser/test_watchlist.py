"""The watch list's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from hftlab.widgets import WatchList
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.watchlist.frame import WatchRow, pack_watchlist
from tests.browser.tab import Tab, text

pytestmark = [
    pytest.mark.browser,
]

RISING = bytes([255] * 10 + list(range(50)))


def frame(price: float = 175.25, others: int = 2) -> bytes:
    rows = [
        WatchRow("AAPL", 0, price, 1.5, 175.25, 175.27, 300, 100, RISING),
        WatchRow("MSFT", 0, 402.1, -0.5, 402.05, 402.1, 10, 30, RISING[:10] + RISING[:9:-1]),
        WatchRow("AAPPL", 4, nan),
        *(WatchRow(f"S{place:03}", 0, 10.0 + place, 0.01 * place, 10, 10.02, 5, 5, RISING) for place in range(others)),
    ]
    scale = Scale()
    scale.learn((175.25, 175.27), (1,))
    return pack_watchlist(rows, [scale] * len(rows))


def shown(tab: Tab) -> list[str]:
    return tab.page.evaluate("[...document.querySelectorAll('tr.row:not([hidden])')].map((row) => row.dataset.symbol)")


def start(tab: Tab, *, others: int = 2, **settings: Any) -> Tab:
    whole = {"symbol": "AAPL", "symbols": None, "sort": "", **settings}
    tab.start(WatchList._esm, frame(others=others), paints=False, settings=whole)
    tab.until("document.querySelectorAll('tr.row').length > 4")
    return tab


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark", "scale": 2}], indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    start(tab)
    row = tab.page.locator("tr.row").first
    assert row.inner_text().split("\t")[:4] == ["AAPL", "175.25", "+1.50 %", "2"]
    assert row.get_attribute("aria-current") == "true"
    assert row.locator("i").evaluate("bar => [bar.style.left, bar.style.width]") == ["50%", "25%"]
    assert row.locator("svg").get_attribute("class") == "trend bid"
    assert "unknown" in tab.page.locator("tr.row").nth(2).inner_text()
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    tab.picture(f"watchlist-{'dark' if dark else 'light'}")


def test_a_click_and_enter_point_linked_views_at_a_symbol(tab: Tab) -> None:
    start(tab)
    tab.page.locator("tr.row").nth(1).click()
    assert tab.sent()[-1]["set"] == {"symbol": "MSFT"}
    assert tab.page.locator("tr.selected").inner_text().startswith("MSFT")  # before the kernel has answered
    tab.page.locator(".hftlab-view").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "Enter"):
        tab.page.keyboard.press(key)
    assert tab.sent()[-1]["set"] == {"symbol": "AAPPL"}


def test_linked_views_move_the_selection(tab: Tab) -> None:
    start(tab)
    tab.set("settings", {"symbol": "MSFT", "symbols": None, "sort": ""})
    assert tab.page.locator("tr.selected").inner_text().startswith("MSFT")


def test_columns_sort(tab: Tab) -> None:
    start(tab)
    change = tab.page.get_by_role("button", name="change")
    change.click()
    assert shown(tab)[:2] == ["AAPL", "S001"]
    assert tab.sent()[-1]["set"] == {"sort": "-change"}
    change.click()
    assert shown(tab) == ["MSFT", "S000", "S001", "AAPL", "AAPPL"]  # the unknown last
    assert tab.page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    change.click()
    assert shown(tab)[:2] == ["AAPL", "MSFT"]


def test_a_price_that_changes_flashes_alone(tab: Tab) -> None:
    start(tab)
    tab.feed(frame(176.0))
    flashing = (
        "[...document.querySelectorAll('td')].filter((cell) => cell.getAnimations().length)"
        ".map((cell) => cell.innerText)"
    )
    assert tab.page.evaluate(flashing) == ["176.00"]


def test_only_rows_in_sight_are_in_the_page(tab: Tab) -> None:
    start(tab, others=500)
    assert len(shown(tab)) < 30
    assert tab.page.locator("table").get_attribute("aria-rowcount") == "504"
    tab.page.locator(".hftlab-view").focus()
    tab.page.keyboard.press("End")
    tab.until("[...document.querySelectorAll('tr.row:not([hidden])')].some((row) => row.dataset.symbol === 'S499')")
    assert tab.page.locator("tr.active").inner_text().startswith("S499")


def test_narrow_cells_keep_the_most_important_columns(tab: Tab) -> None:
    start(tab)
    tab.page.evaluate("document.getElementById('cell').style.width = '260px'")
    tab.until("[...document.querySelectorAll('th[scope=col]')].filter((head) => !head.hidden).length === 4")
    assert tab.page.evaluate("document.querySelector('.scroll').scrollWidth") <= 260
    tab.picture("watchlist-narrow")


def test_the_page_reads_what_the_kernel_packed(tab: Tab) -> None:
    start(tab)
    rows = tab.page.evaluate("frame => window.parsed(frame)", text(frame()))
    assert [row["symbol"] for row in rows] == ["AAPL", "MSFT", "AAPPL", "S000", "S001"]
    assert (rows[0]["price"], rows[1]["changePercent"], rows[1]["imbalance"], rows[0]["ticks"]) == (
        175.25,
        -0.5,
        -0.5,
        2,
    )
    assert rows[0]["spark"] == list(RISING)


def test_what_the_keyboard_moves_to_is_read_aloud(tab: Tab) -> None:
    start(tab)
    assert tab.page.get_by_role("group", name="Watch list").is_visible()
    tab.page.locator(".hftlab-view").press("ArrowDown")
    assert tab.voice() == "MSFT, price 402.10, change -0.50 %"
