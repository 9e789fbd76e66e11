"""The latency panel's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from math import nan

import pytest

from hftlab.palette import LIGHT
from hftlab.widgets import LatencyPanel
from hftlab.widgets.latency.bars import Bars
from hftlab.widgets.latency.frame import Component, pack_latency
from hftlab.widgets.latency.rate_meter import Traffic
from tests.browser.tab import Tab, text

pytestmark = [
    pytest.mark.browser,
]

SETTINGS = {
    "components": ["network", "feed", "queue", "handler"],
    "words": ["from the server's send to our receipt", "between the clocks", "in the inbox", "in callbacks"],
}
SCHEMES = [{"scheme": "light"}, {"scheme": "dark", "scale": 2}]
DRAWN = """
() => {
  window.drawn = new Set();
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.drawn.add(text);
    return write.call(this, text, ...rest);
  };
}
"""


def frame(count: int = 1000, since: int = 0) -> bytes:
    summary = {"p50": 50e3, "p95": 200e3, "p99": 400e3, "p99.9": 900e3, "max": 1.2e6}
    edges = [1e4 * 10 ** (step / 4) for step in range(9)]
    line = [(50e3 + 400 * step, 400e3 + 3000 * (step % 9)) for step in range(90)]
    line[40] = (nan, nan)
    network = Component(count, summary, Bars(edges, [100, 300, 400, 120, 40, 20, 0, 20]), line)
    queue = Component(count, {**summary, "p50": 5e3}, Bars([1e3, 1e4, 1e5], [900, 100]))
    return pack_latency(Traffic(12_345, 6_000_000, 3, 800, 400_000), {"network": network, "queue": queue}, since)


def start(tab: Tab, data: bytes | None = None) -> Tab:
    tab.page.evaluate(DRAWN)
    return tab.start(LatencyPanel._esm, frame() if data is None else data, settings=SETTINGS)


@pytest.mark.parametrize("tab", SCHEMES, indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    start(tab)
    page = tab.page.locator("#cell").inner_text()
    words = ("800 messages/s", "400 kB/s", "12,345 in all", "3 gaps", "latency, µs", "50.0", "1,200")
    assert [word for word in words if word not in page] == []
    assert "network: from the server's send to our receipt" in page
    tab.until("['p50', 'p99', 'p99.9', '100 µs', '2 min ago', 'now'].every((word) => window.drawn.has(word))")
    assert tab.page.locator("button[aria-pressed=true]").inner_text() == "network"
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    if not dark:
        assert tab.pixels(LIGHT["ask"], 40) > 40
    tab.picture(f"latency-{'dark' if dark else 'light'}")


def test_another_component_can_be_chosen(tab: Tab) -> None:
    start(tab)
    tab.page.get_by_role("button", name="queue").click()
    tab.until("document.querySelector('button[aria-pressed=true]').textContent === 'queue'")
    tab.until("document.querySelector('canvas').getAttribute('aria-label').includes('queue: median 5.00 µs')")
    assert "queue: in the inbox" in tab.page.locator(".word").inner_text()
    tab.until("window.drawn.has('measured from the first second on')")


def test_a_new_frame_is_drawn(tab: Tab) -> None:
    start(tab)
    tab.feed(frame(count=2222))
    tab.until("document.querySelector('td:last-child').textContent === '2,222'")


def test_reset_is_asked_of_the_kernel_and_said(tab: Tab) -> None:
    start(tab)
    tab.page.get_by_role("button", name="reset").click()
    assert tab.sent()[-1]["reset"] is True
    tab.feed(frame(since=43_200_000_000_000))
    assert "since 12:00:00 UTC" in tab.header()


def test_before_the_first_measurement(tab: Tab) -> None:
    start(tab, pack_latency(Traffic(), {"network": Component()}))
    tab.until("window.drawn.has('no latencies measured yet')")


def test_trouble_is_named(tab: Tab) -> None:
    start(tab)
    tab.set("status", "RECONNECTING")
    tab.until_veiled("RECONNECTING")


def test_the_pointer_is_told_what_it_is_on(tab: Tab) -> None:
    start(tab)
    bars, line = (tab.page.locator("canvas").nth(place).bounding_box() for place in (0, 1))
    tab.page.mouse.move(bars["x"] + 300, bars["y"] + 100)
    tab.until("document.querySelector('.tip').innerText.includes('as fast or faster')")
    tab.page.mouse.move(line["x"] + line["width"] - 13, line["y"] + 50)
    tab.until("document.querySelector('.tip').innerText.includes('the last second')")
    assert "85.6 µs" in tab.page.locator(".tip").inner_text()


def test_the_page_reads_what_the_kernel_packed(tab: Tab) -> None:
    start(tab)
    state = tab.page.evaluate("frame => window.parsed(frame)", text(frame()))
    network, queue = state["components"]
    assert (state["messages"], state["gaps"], queue["name"], queue["p50"]) == (12_345, 3, 2, 5e3)
    assert (network["edges"][0], network["counts"]) == (1e4, [100, 300, 400, 120, 40, 20, 0, 20])
    assert network["edges"][-1] == pytest.approx(1e6)
    assert queue["counts"] == [900, 100]
    assert network["line"][0]["p50"] == pytest.approx(50e3, rel=3e-4)
    assert network["line"][40]["p50"] != network["line"][40]["p50"]  # NaN


def test_a_low_box_shows_one_chart_at_a_time(tab: Tab) -> None:
    tab.page.evaluate("document.getElementById('cell').style.cssText = 'width: 280px; height: 250px'")
    tab.page.evaluate(DRAWN)
    fills = LatencyPanel._esm.replace("new View(page.panel(), el)", "new View(page.panel(), el, { fills: true })")
    tab.start(fills, frame(), settings=SETTINGS)
    tab.until("document.querySelectorAll('.charts > .out').length === 1")
    tab.page.get_by_role("button", name="over time").click()
    tab.until("window.drawn.has('now')")
    assert tab.page.evaluate("document.querySelector('.latencies').scrollHeight") <= 222
    tab.picture("latency-low")
