"""The widgets' page code in a real Chromium, fed with frames from the Python packers. No kernel, no network."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from hftlab.palette import DARK, LIGHT
from hftlab.widgets import Ladder, LatencyPanel
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.frame import LadderState, pack_ladder
from hftlab.widgets.latency.frame import Component, pack_latency
from hftlab.widgets.latency.rate_meter import Traffic
from tests.browser.tab import COUNT, Tab, text

pytestmark = [
    pytest.mark.browser,
]


def ladder_frame(size: float = 0.5, **changes: Any) -> bytes:
    state = {
        "bids": [(61737.63 - step, size + step / 8, step) for step in range(5)],
        "asks": [(61737.64 + step, 1.5 + step / 8, step) for step in range(5)],
        "ts_event": 43_200_123_000_000,
        "last": 61737.64,
        "change_percent": 1.25,
        "volume": 1234.5,
        "trade": (61737.64, 0.25, "BUY"),
        **changes,
    }
    scale = Scale()
    levels = [*state["bids"], *state["asks"]]
    scale.learn((level[0] for level in levels), (level[1] for level in levels))
    return pack_ladder(LadderState(**state), scale)


def ladder_on(tab: Tab, frame: bytes | None = None, depth: int = 5) -> Tab:
    settings = {"symbol": "BTC-USD", "depth": depth}
    return tab.start(Ladder._esm, ladder_frame() if frame is None else frame, settings=settings)


def latency_frame(count: int = 1000) -> bytes:
    summary = {"p50": 50e3, "p95": 200e3, "p99": 400e3, "p99.9": 900e3, "max": 1.2e6}
    network = Component(count, summary, [1e4, 3e4, 1e5, 3e5, 1e6, 2e6], [100, 700, 150, 0, 50])
    queue = Component(count, {**summary, "p50": 5e3}, [1e3, 1e4, 1e5], [900, 100])
    return pack_latency(Traffic(12_345, 6_000_000, 3, 800, 400_000), {"network": network, "queue": queue})


COMPONENTS = {"components": ["network", "feed", "queue", "handler"]}
SCHEMES = [{"scheme": "light"}, {"scheme": "dark"}, {"scheme": "light", "scale": 2}, {"scheme": "dark", "scale": 2}]


class TestLadder:
    @pytest.mark.parametrize("tab", SCHEMES, indirect=True, ids=str)
    def test_it_draws(self, tab: Tab) -> None:
        ladder_on(tab)
        words = tab.written()
        assert all(word in tab.header() for word in ("BTC-USD", "+1.25 %", "61,737.64", "0.0 s"))
        assert {"61,737.63", "61,737.64", "61,733.63", "61,741.64"} <= set(words)
        assert {"spread 0.01 · 1 tick · 0.0016 bps", "12:00:00.123 UTC", "volume 1,234.50"} <= set(words)
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

    def test_the_page_reads_what_the_kernel_packed(self, tab: Tab) -> None:
        ladder_on(tab)
        state = tab.page.evaluate("frame => window.parsed(frame)", text(ladder_frame(stale=True, last=None)))
        assert state["bids"][1] == {"price": 61736.63, "size": 0.625, "orders": 1}
        assert state["asks"][4] == {"price": 61741.64, "size": 2.0, "orders": 4}
        assert (state["stale"], state["priceDecimals"], state["sizeDecimals"], state["tick"]) == (1, 2, 3, 0.01)

    def test_a_new_frame_is_drawn_and_flashes(self, tab: Tab) -> None:
        ladder_on(tab)
        before = tab.page.evaluate("window.paints")
        tab.feed(ladder_frame(size=7.5))
        tab.until_written("7.500")
        # One frame in, several paints: the flash fades, and then the page rests.
        tab.until("before => window.paints > before + 5", before)
        tab.page.evaluate(
            "window.rested = new Promise((done) => { let last = -1; const look = () => {"
            "if (window.paints === last) done(true); else { last = window.paints; setTimeout(look, 120); } };"
            "look(); })"
        )
        assert tab.page.evaluate("window.rested")

    def test_many_frames_are_one_paint(self, tab: Tab) -> None:
        ladder_on(tab)
        frames = [text(ladder_frame(trade=(float(step), 1.0, "BUY"))) for step in range(50)]
        painted = tab.page.evaluate(
            "frames => new Promise((done) => { const before = window.paints; frames.forEach(window.feed);"
            "requestAnimationFrame(() => requestAnimationFrame(() => done(window.paints - before))); })",
            frames,
        )
        assert 1 <= painted <= 2
        assert any("49.00" in word for word in tab.written())

    @pytest.mark.parametrize(
        ("name", "value", "word"),
        [
            ("status", "RECONNECTING", "RECONNECTING"),
            ("status", "DISCONNECTED", "DISCONNECTED"),
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

    def test_it_is_as_tall_as_the_book_and_does_not_shrink(self, tab: Tab) -> None:
        height = "document.querySelector('canvas').getBoundingClientRect().height"
        ladder_on(tab, depth=10)
        five = tab.page.evaluate(height)
        levels = [(100.0 - step, 1.0, 1) for step in range(12)]
        tab.feed(ladder_frame(bids=levels))
        tab.until_written("91.00")
        ten = tab.page.evaluate(height)
        assert ten == five + 2 * 5 * 20
        assert "90.00" not in tab.written()  # beyond the depth
        tab.feed(ladder_frame())
        tab.until_written("61,737.63")
        assert tab.page.evaluate(height) == ten

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


class TestPresence:
    def test_a_visible_view_says_so_and_beats_when_it_is_answered(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.until("window.model.sent.length === 1")
        first = tab.sent()[0]
        assert first == {"view": first["view"], "visible": True, "beat": 1}
        tab.page.evaluate("window.beat()")
        assert len(tab.sent()) == 1  # no pile of questions for a kernel that does not answer
        tab.page.evaluate("view => window.model.emit('msg:custom', { view, beat: 1 })", first["view"])
        tab.page.evaluate("window.beat()")
        assert tab.sent()[1] == {"view": first["view"], "visible": True, "beat": 2}

    def test_heartbeats_without_an_answer_become_rare(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.until("window.model.sent.length === 1")
        tab.page.evaluate(
            "() => { let now = performance.now(); performance.now = () => now;"
            "window.sentAt = [];"
            "for (let second = 1; second <= 300; second += 1) { now += 1000; const before = model.sent.length;"
            " window.beat(); if (model.sent.length > before) sentAt.push(second); } }"
        )
        sent = tab.page.evaluate("window.sentAt")
        waits = [later - earlier for earlier, later in pairwise([0, *sent])]
        assert waits[0] <= 5  # the first may have been sent before there was a subshell to hear it
        assert waits == sorted(waits)
        assert 20 < waits[-1] <= 31

    def test_a_restarted_kernel_is_named(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.page.evaluate("() => { model.send = () => { throw new Error('Cannot send'); }; }")
        tab.page.evaluate("model.emit('comm_live_update')")
        tab.page.evaluate("window.beat()")
        tab.until_veiled("the kernel was restarted or shut down")
        tab.until_veiled("run the cell again")

    def test_a_page_that_is_not_heard_in_cells_says_why_nothing_comes(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.set("hears_in_cells", False)
        tab.page.evaluate(
            "() => { const now = performance.now() + 60000; performance.now = () => now; window.beat(); }"
        )
        tab.until_veiled("a busy kernel hears this page after the cell")

    def test_scrolled_out_of_view_it_rests(self, tab: Tab) -> None:
        tab.page.evaluate("document.body.style.paddingBottom = '3000px'")
        ladder_on(tab)
        tab.page.evaluate("window.scrollTo(0, 2500)")
        tab.until("window.model.sent.at(-1)?.visible === false")
        before = tab.page.evaluate("window.paints")
        tab.feed(ladder_frame(size=7.5))
        tab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert tab.page.evaluate("window.paints") == before
        tab.page.evaluate("window.scrollTo(0, 0)")
        tab.until("window.model.sent.at(-1).visible === true")
        tab.until_written("7.500")

    def test_a_tab_in_the_background_rests(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.until("window.model.sent.length === 1")
        hide = (
            "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange')); }"
        )
        tab.page.evaluate(hide, True)
        assert tab.sent()[-1]["visible"] is False
        tab.page.evaluate(hide, False)
        assert tab.sent()[-1]["visible"] is True

    def test_a_removed_view_says_so_and_leaves_nothing_behind(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.until("window.model.sent.length === 1")
        tab.page.evaluate("window.cleanup()")
        assert tab.sent()[-1]["visible"] is False
        assert tab.page.evaluate("window.model.listening()") == 0

    def test_a_closed_comm_is_no_error(self, tab: Tab) -> None:
        ladder_on(tab)
        tab.page.evaluate("() => { window.model.send = () => { throw new Error('Comm is disposed'); }; }")
        tab.page.evaluate("window.cleanup()")


class TestLatencyPanel:
    @pytest.mark.parametrize("tab", SCHEMES, indirect=True, ids=str)
    def test_it_draws(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, latency_frame(), settings=COMPONENTS)
        page = tab.page.locator("#cell").inner_text()
        for word in ("800 messages/s", "400 kB/s", "12,345 in all", "3 gaps", "network", "queue", "50.0 µs", "1.20 ms"):
            assert word in page
        assert {"p50", "p99", "p99.9", "100 µs"} <= set(tab.written())
        assert tab.page.locator("button[aria-pressed=true]").inner_text() == "network"

    def test_another_component_can_be_chosen(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, latency_frame(), settings=COMPONENTS)
        tab.page.get_by_role("button", name="queue").click()
        tab.until("document.querySelector('button[aria-pressed=true]').textContent === 'queue'")
        tab.until("document.querySelector('canvas').getAttribute('aria-label').includes('queue: median 5.00 µs')")

    def test_a_new_frame_is_drawn(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, latency_frame(), settings=COMPONENTS)
        tab.feed(latency_frame(count=2222))
        tab.until("document.querySelector('td:last-child').textContent === '2,222'")

    def test_before_the_first_measurement(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, pack_latency(Traffic(), {"network": Component()}), settings=COMPONENTS)
        assert "no latencies measured yet" in tab.written()

    def test_trouble_is_named(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, latency_frame(), settings=COMPONENTS)
        tab.set("status", "RECONNECTING")
        tab.until_veiled("RECONNECTING")

    def test_the_page_reads_what_the_kernel_packed(self, tab: Tab) -> None:
        tab.start(LatencyPanel._esm, latency_frame(), settings=COMPONENTS)
        state = tab.page.evaluate("frame => window.parsed(frame)", text(latency_frame()))
        network, queue = state["components"]
        assert (state["messages"], state["gaps"], queue["name"], queue["p50"]) == (12_345, 3, 2, 5e3)
        assert (network["edges"][0], network["counts"]) == (1e4, [100, 700, 150, 0, 50])
