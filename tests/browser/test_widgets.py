"""The widgets' page code in a real Chromium, fed with frames from the Python packers. No kernel, no network."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.browser.ladder import ladder_frame, ladder_on
from tests.browser.tab import Tab

pytestmark = [
    pytest.mark.browser,
]


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
