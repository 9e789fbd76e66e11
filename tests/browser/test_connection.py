"""The connection panel's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.widgets import ConnectionPanel
from hftlab.widgets.connection.frame import ConnectionFrame, Event, Fact, Subscription, pack_connection
from tests.browser.tab import Tab, text

pytestmark = [
    pytest.mark.browser,
]

NAMES = ("reconnects", "gaps", "lost", "resyncing", "conflated", "dropped", "duplicates", "errors")


def frame(status: str = "CONNECTED", events: int = 3, **changes: Any) -> bytes:
    whole: dict[str, Any] = {
        "facts": [
            Fact("server", "ws://127.0.0.1:8081"),
            Fact("last message", "0.1 s ago", "the newest of any kind"),
            Fact("rate", "80 messages/s, 44.1 kB/s"),
            Fact("received", "12,345 messages, 5.06 MB"),
            Fact("sent", "6 messages, 1.23 kB"),
            Fact("clock offset", "+12 µs"),
        ],
        "counters": [Fact(name, "2" if name == "gaps" else "0", f"hint of {name}", name == "gaps") for name in NAMES],
        "subscriptions": [
            Subscription("AAPL, AMZN, META, MSFT, NVDA, TSLA", "QUOTES, ORDER_BOOK", "100 ms", "conflate"),
            Subscription("GOOGL", "TRADES", "every change", "gap"),
        ],
        "events": [
            Event(f"12:00:{place:02}.000", "WARN" if place % 2 else "INFO", f"event {place}") for place in range(events)
        ],
        **changes,
    }
    return pack_connection(ConnectionFrame(status, "3 min 12 s", **whole))


def start(tab: Tab, data: bytes | None = None) -> Tab:
    tab.start(
        ConnectionPanel._esm, frame() if data is None else data, paints=False, pulse={"count": 1, "ages": {"": None}}
    )
    tab.until("document.querySelectorAll('.events tr').length > 0")
    return tab


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark", "scale": 2}], indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    start(tab)
    assert "CONNECTED for 3 min 12 s" in tab.header()
    page = tab.page.locator(".connection").inner_text()
    words = (
        "ws://127.0.0.1:8081",
        "80 messages/s, 44.1 kB/s",
        "every change",
        "quotes, order book",
        "event 2",
        "GOOGL",
    )
    assert [word for word in words if word not in page] == []
    assert tab.page.locator(".counters .warns").inner_text().split() == ["2", "gaps"]
    assert tab.page.locator(".counters .warns").get_attribute("title") == "hint of gaps"
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    tab.picture(f"connection-{'dark' if dark else 'light'}")


def test_only_what_changed_is_rewritten(tab: Tab) -> None:
    start(tab)
    tab.page.evaluate("() => { window.kept = document.querySelector('.events tr'); }")
    tab.feed(frame(counters=[Fact(name, "7") for name in NAMES]))
    assert tab.page.locator(".counters b").first.inner_text() == "7"
    assert tab.page.locator(".counters .warns").count() == 0
    assert tab.page.evaluate("window.kept === document.querySelector('.events tr')")
    tab.feed(frame(events=1, subscriptions=[]))
    assert tab.page.locator(".events tr").count() == 1
    assert "nothing is subscribed to" in tab.page.locator(".connection").inner_text()


def test_a_lost_connection_is_told_and_not_veiled(tab: Tab) -> None:
    start(tab)
    tab.feed(frame("RECONNECTING"))
    tab.set("status", "RECONNECTING")
    assert "RECONNECTING for 3 min 12 s" in tab.header()
    assert tab.page.locator(".veil").is_hidden()
    assert tab.page.evaluate("getComputedStyle(document.querySelector('.body')).opacity") == "1"
    assert "lost" in tab.page.locator(".dot").get_attribute("class")


def test_a_kernel_that_does_not_answer_is_veiled(tab: Tab) -> None:
    start(tab)
    tab.set("error", "OSError: no client")
    tab.until_veiled("OSError: no client")
    assert tab.page.evaluate("getComputedStyle(document.querySelector('.body')).opacity") == "0.35"


def test_narrow_and_by_keyboard(tab: Tab) -> None:
    start(tab, frame(events=20))
    tab.page.evaluate("document.getElementById('cell').style.width = '260px'")
    tab.until("document.querySelector('.connection').clientWidth === 260")
    assert tab.page.evaluate("document.querySelector('.connection').scrollWidth") == 260
    tab.picture("connection-narrow")
    tab.page.locator(".hftlab-view").focus()
    tab.page.keyboard.press("PageDown")
    tab.until("document.querySelector('.connection').scrollTop > 0")


def test_the_page_reads_what_the_kernel_packed(tab: Tab) -> None:
    start(tab)
    state = tab.page.evaluate("frame => window.parsed(frame)", text(frame()))
    assert state["subscriptions"][1] == ["GOOGL", "TRADES", "every change", "gap"]
    assert state["status"] == "CONNECTED"
