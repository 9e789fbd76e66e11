"""The blotter's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.protocol.enums import OrderStatus, Side
from hftlab.widgets import Blotter
from hftlab.widgets.blotter.view import BlotterView
from tests.browser.tab import Tab
from tests.widgets.account import Account, Trader, fill, order, portfolio, position

pytestmark = [pytest.mark.browser]

NO_REFUSAL = {"refused": {"count": 0, "text": ""}}


def frame(**changes: Any) -> bytes:
    reason = "buying power: the order needs 175,760,000,000.00 USD of 963,708.37 USD"
    whole: dict[str, Any] = {
        "records": [
            order(1),
            order(2, side=Side.SELL, symbol="MSFT", price=335.5, status=OrderStatus.FILLED, filled_quantity=100.0),
            order(3, status=OrderStatus.REJECTED, reason=reason, quantity=1e9),
            order(4, price=174.0, status=OrderStatus.PARTIALLY_FILLED, filled_quantity=40.0, average_price=174.0),
        ],
        "fills": [fill(4, price=174.0), fill(2, symbol="MSFT", side=Side.SELL, price=335.5, quantity=100.0)],
        "positions": {"AAPL": position(quantity=40.0), "MSFT": position("MSFT", -100.0, unrealized_pnl=-3.0)},
        "portfolio": portfolio(),
    }
    return BlotterView(Trader(trading=Account(**{**whole, **changes}))).snapshot()


def on(tab: Tab, packed: bytes | None = None) -> Tab:
    return tab.start(Blotter._esm, frame() if packed is None else packed, paints=False, settings=NO_REFUSAL)


def rows(tab: Tab) -> list[list[str]]:
    return tab.page.evaluate(
        "() => [...document.querySelectorAll('tbody tr.row')].filter((row) => !row.hidden)"
        ".map((row) => [...row.cells].filter((cell) => !cell.hidden).map((cell) => cell.innerText))"
    )


def commands(tab: Tab) -> list[dict[str, Any]]:
    return [sent for sent in tab.sent() if "cancel" in sent or "cancel_all" in sent]


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark"}], indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    on(tab)
    assert "2 open" in tab.header()
    page = tab.page.locator("#cell").inner_text()
    assert "value1,000,062.16 USD" in page.replace("\n", "").replace(" 1,000", "1,000")
    assert [row[0] for row in rows(tab)] == ["AAPL", "AAPL", "MSFT", "AAPL"]  # the newest first
    assert rows(tab)[0][1:] == ["12:00:04.000", "buy", "174.00", "100", "40", "part filled", "✕"]
    assert rows(tab)[1][-2:] == ["rejected", ""]
    tab.picture(f"blotter-{tab.page.evaluate('getComputedStyle(document.body).colorScheme')}")


def test_tabs(tab: Tab) -> None:
    on(tab)
    tab.page.get_by_role("tab", name="fills 2").click()
    assert [row[0] for row in rows(tab)] == ["MSFT", "AAPL"]
    tab.page.locator(".hftlab-view").focus()
    tab.page.keyboard.press("3")
    assert [row[:2] for row in rows(tab)] == [["AAPL", "40"], ["MSFT", "−100"]]
    assert tab.page.get_by_role("tab", name="positions 2").get_attribute("aria-selected") == "true"
    assert tab.page.get_by_role("tabpanel", name="positions").is_visible()
    tab.page.get_by_role("tab", name="positions 2").press("ArrowRight")
    tab.page.keyboard.press("ArrowLeft")
    tab.page.keyboard.press("ArrowLeft")
    assert [row[0] for row in rows(tab)] == ["MSFT", "AAPL"]
    assert tab.page.evaluate("document.activeElement.innerText") == "fills 2"


def test_sorting(tab: Tab) -> None:
    on(tab)
    tab.page.get_by_role("button", name="price").click()
    assert [row[3] for row in rows(tab)] == ["335.50", "175.25", "175.25", "174.00"]
    tab.page.get_by_role("button", name="price").click()
    assert rows(tab)[0][3] == "174.00"
    tab.page.get_by_role("button", name="price").click()
    assert rows(tab)[0][1] == "12:00:04.000"


def test_an_order_is_cancelled_once(tab: Tab) -> None:
    on(tab)
    cancel = tab.page.get_by_role("button", name="cancel order-4")
    cancel.click()
    (asked,) = commands(tab)
    assert (asked["cancel"], asked["number"]) == ("order-4", 1)
    assert cancel.is_disabled()
    assert cancel.inner_text() == "…"
    tab.feed(frame(records=[order(1), order(4, status=OrderStatus.CANCELED)]))
    assert rows(tab)[0][-2:] == ["canceled", ""]


def test_a_click_does_not_cancel_an_order_that_came_below_the_pointer(tab: Tab) -> None:
    on(tab)
    tab.page.get_by_role("button", name="cancel order-4").hover()
    tab.page.mouse.down()
    tab.feed(frame(records=[order(number) for number in (1, 4, 5)]))
    assert tab.page.get_by_role("button", name="cancel order-5").count() == 1
    tab.page.mouse.up()
    tab.until_veiled("the row has moved")
    assert commands(tab) == []
    tab.page.get_by_role("button", name="cancel order-5").click()
    assert [sent["cancel"] for sent in commands(tab)] == ["order-5"]
    tab.page.get_by_role("button", name="cancel order-4").evaluate(
        "button => button.click()"
    )  # as a screen reader does
    assert [sent["cancel"] for sent in commands(tab)] == ["order-5", "order-4"]


def test_the_keyboard_cancels(tab: Tab) -> None:
    on(tab)
    tab.page.locator(".hftlab-view").focus()
    for key in ("Delete", "ArrowUp", "Delete", "Delete", "ArrowUp", "Delete"):
        tab.page.keyboard.press(key)
    assert [each["cancel"] for each in commands(tab)] == ["order-1"]  # the last; the one above it is filled
    assert tab.voice().startswith("order order-2, sell 100 MSFT")


def test_all_are_cancelled_after_a_question(tab: Tab) -> None:
    on(tab)
    yes = tab.page.get_by_role("button", name="yes")
    assert yes.is_hidden()
    tab.page.get_by_role("button", name="cancel all").click()
    assert "cancel 2 orders?" in tab.header()
    tab.page.keyboard.press("Escape")
    assert yes.is_hidden()
    tab.page.get_by_role("button", name="cancel all").click()
    tab.page.get_by_role("button", name="no", exact=True).click()
    assert commands(tab) == []
    tab.page.get_by_role("button", name="cancel all").click()
    tab.picture("blotter-cancel-all")
    yes.click()
    (asked,) = commands(tab)
    assert (asked["cancel_all"], asked["stamp"]["pulse"]) == (True, 1)
    tab.feed(frame(records=[order(4, status=OrderStatus.CANCELED)]))
    assert tab.page.get_by_role("button", name="cancel all").is_disabled()


def test_what_is_refused_is_said(tab: Tab) -> None:
    on(tab)
    tab.page.get_by_role("button", name="cancel order-4").click()
    sender = commands(tab)[0]["from"]
    refused = {"panel": "", "to": sender, "refused": "the orders were not cancelled: too late"}
    tab.page.evaluate("refused => window.model.emit('msg:custom', refused)", refused)
    tab.until_veiled("too late")
    assert tab.page.get_by_role("button", name="cancel order-4").is_enabled()
    tab.set("settings", {"refused": {"count": 1, "text": "the venue does not know it"}})
    tab.until_veiled("the venue does not know it")


def test_a_tooltip_has_the_whole_reason(tab: Tab) -> None:
    on(tab)
    tab.page.locator("tbody tr.row").nth(1).hover(position={"x": 30, "y": 8})
    words = " ".join(tab.page.locator(".tip").inner_text().split())
    assert "buying power: the order needs 175,760,000,000.00 USD of 963,708.37 USD" in words
    assert "order-3" in words
    assert tab.page.evaluate("document.querySelector('.tip').getBoundingClientRect().right <= 532")


def test_a_click_points_linked_views_at_the_symbol(tab: Tab) -> None:
    on(tab)
    tab.page.locator("tbody tr.row").nth(2).click(position={"x": 30, "y": 8})
    assert {"symbol": "MSFT"} in [sent.get("set") for sent in tab.sent()]


def test_an_empty_account(tab: Tab) -> None:
    on(tab, frame(records=[], fills=[], positions={}, portfolio=None))
    assert "no orders yet" in tab.page.locator("#cell").inner_text()
    assert tab.page.locator(".portfolio").is_hidden()
    assert tab.page.get_by_role("button", name="cancel all").is_disabled()


@pytest.mark.parametrize(("width", "columns"), [(260, 5), (2200, 11)])
def test_it_fits_its_cell(tab: Tab, width: int, columns: int) -> None:
    tab.page.set_viewport_size({"width": width + 24, "height": 500})
    tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px`; }", width)
    on(tab)
    tab.until(
        "count => [...document.querySelectorAll('thead th')].filter((each) => !each.hidden).length === count", columns
    )
    assert tab.page.evaluate("document.querySelector('.scroll').scrollWidth") <= width
    tab.picture(f"blotter-{width}")
