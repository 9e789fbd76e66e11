"""The transport's page code in a real Chromium, fed with frames from the Python packer."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from hftlab.palette import DARK, LIGHT
from hftlab.widgets import Transport
from hftlab.widgets.transport.frame import TransportState, pack_transport
from hftlab.widgets.transport.price_line import PriceLine
from tests.browser.tab import Tab, text

pytestmark = [pytest.mark.browser]

START = 1_709_303_400_000_000_000  # 2024-03-01 14:30 UTC in ns
SECOND = 1_000_000_000
SCHEMES = [{"scheme": "light"}, {"scheme": "dark"}]


def frame(seconds: float = 20, state: str = "PLAYING", **changes: Any) -> bytes:
    fields: dict[str, Any] = {"start": START, "end": START + 60 * SECOND, "speed": 10.0, **changes}
    return pack_transport(TransportState(state, START + round(seconds * SECOND), **fields))


def line() -> dict[str, Any]:
    prices = [None if 10 <= at < 20 else 100 + (at * 7 % 13) / 10 for at in range(60)]
    gaps = [(START + 10 * SECOND, START + 20 * SECOND)]
    return PriceLine("AAPL", START, START + 60 * SECOND, prices, [float(at % 5) for at in range(60)], gaps).to_json()


def on(tab: Tab, packed: bytes | None = None, **settings: Any) -> Tab:
    whole = {"symbol": "AAPL", "line": line(), "refused": {"count": 0, "text": ""}, **settings}
    return tab.start(Transport._esm, frame() if packed is None else packed, settings=whole)


def commands(tab: Tab) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in sent.items() if name not in ("panel", "from", "number")}
        for sent in tab.sent()
        if "do" in sent
    ]


def answer(tab: Tab) -> None:
    """Say that the kernel has heard all commands so far."""
    tab.page.evaluate(
        "() => { const asked = window.model.sent.filter((each) => each.do).at(-1);"
        "window.model.emit('msg:custom', { panel: '', to: asked.from, heard: asked.number }); }"
    )


def press(tab: Tab, *keys: str) -> None:
    tab.page.locator(".hftlab-view").focus()
    for key in keys:
        tab.page.keyboard.press(key)
        answer(tab)


@pytest.mark.parametrize("tab", SCHEMES, indirect=True, ids=str)
def test_it_draws(tab: Tab) -> None:
    on(tab)
    assert "Replay" in tab.header()
    assert "AAPL · playing · 10×" in tab.header()
    page = tab.page.locator("#cell").inner_text()
    assert "2024-03-01 14:30:20.000 UTC" in page
    assert "0:40.0 left" in page
    assert {"14:30:15", "14:30:45"} <= set(tab.written())
    dark = tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colours = DARK if dark else LIGHT
    assert tab.pixels(colours["bid"], 40) > 200
    assert tab.pixels(colours["ask"], 40) > 50
    tab.picture(f"transport-{'dark' if dark else 'light'}")


def test_the_page_reads_what_the_kernel_packed(tab: Tab) -> None:
    on(tab)
    state = tab.page.evaluate("frame => window.parsed(frame)", text(frame(1.5, "PAUSED", speed=2.0, loop=True)))
    assert (state["state"], state["position"] - state["start"], state["loop"]) == ("PAUSED", 1500, 1)
    assert (state["end"] - state["start"], state["speed"], state["busy"]) == (60_000, 2, 0)


def test_keys(tab: Tab) -> None:
    on(tab)
    press(tab, "Space", "ArrowRight", "ArrowUp", "ArrowUp", "Home", "l")
    assert commands(tab) == [
        {"do": "pause"},
        {"do": "step", "seconds": 1},
        {"do": "speed", "value": 25},
        {"do": "speed", "value": 50},
        {"do": "home"},
        {"do": "loop", "on": True},
    ]


def test_keys_that_seek(tab: Tab) -> None:
    on(tab)
    press(tab, "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowRight")
    seconds = [command["position"] - START / 1e6 for command in commands(tab)]
    assert seconds == [19_000, 9_000, 19_000]  # each from where the last one goes


def test_buttons_and_choices(tab: Tab) -> None:
    on(tab, frame(20, "PAUSED"))
    tab.page.get_by_role("combobox", name="the length of a step").select_option("10 messages")
    for name in ("play (space)", "step (right arrow)", "begin again at the end (L)"):
        tab.page.get_by_role("button", name=name).click()
        answer(tab)
    tab.page.get_by_role("combobox", name="the speed").select_option("max")
    assert commands(tab) == [
        {"do": "play"},
        {"do": "step", "count": 10},
        {"do": "loop", "on": True},
        {"do": "speed", "value": None},
    ]
    assert tab.page.evaluate("document.activeElement.className") == "hftlab-view"  # keys go on working


def test_a_speed_that_is_not_in_the_list_is_shown(tab: Tab) -> None:
    on(tab, frame(20, speed=20.0))
    choice = tab.page.get_by_role("combobox", name="the speed")
    assert choice.evaluate("select => select.selectedOptions[0].textContent") == "20×"
    tab.feed(frame(20, speed=5.0))
    assert choice.evaluate("select => select.selectedOptions[0].textContent") == "5×"


def test_full_speed_is_shown(tab: Tab) -> None:
    on(tab, frame(20, speed=inf))
    assert "max" in tab.header()
    assert tab.page.get_by_role("combobox", name="the speed").input_value() == "max"


def test_a_drag_seeks_with_one_question_at_a_time(tab: Tab) -> None:
    on(tab)
    box = tab.page.locator("canvas").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 12 + (box["width"] - 24) / 2, box["y"] + 40)
    tab.page.mouse.down()
    for at in range(10):
        tab.page.mouse.move(box["x"] + 12 + (box["width"] - 24) * (0.5 + at / 40), box["y"] + 40)
    assert len(commands(tab)) == 1
    assert "14:30:43.5" in tab.page.locator(".times").inner_text()  # shown at once, the kernel or not
    answer(tab)
    tab.page.mouse.up()
    first, last = commands(tab)
    assert abs(first["position"] - START / 1e6 - 30_000) < 200
    assert abs(last["position"] - START / 1e6 - 43_500) < 200
    answer(tab)
    tab.feed(frame(43.5, "PAUSED"))
    tab.feed(frame(12, "PAUSED"))
    assert "14:30:12.000" in tab.page.locator(".times").inner_text()


def test_a_tooltip_and_a_gap(tab: Tab) -> None:
    on(tab)
    box = tab.page.locator("canvas").bounding_box()
    assert box is not None
    for share, words in ((0.5, ("14:30:3", "volume")), (0.25, ("AAPL", "not recorded", "10.0 s"))):
        tab.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 40)
        tip = tab.page.locator(".tip").inner_text()
        assert all(word in tip for word in words)
    tab.page.mouse.move(5, 600)
    assert tab.page.locator(".tip").is_hidden()


def test_a_kernel_that_does_not_hear_is_named(tab: Tab) -> None:
    on(tab)
    tab.page.evaluate(
        "() => { const now = performance.now.bind(performance); window.later = 0;"
        "performance.now = () => now() + window.later; }"
    )
    press_without_answer = tab.page.locator(".hftlab-view")
    press_without_answer.focus()
    tab.page.keyboard.press("Space")
    tab.page.evaluate("() => { window.later = 1500; window.beat(); }")
    assert "waiting for the kernel" in tab.page.locator(".times").inner_text()
    tab.set("hears_in_cells", False)
    tab.page.evaluate("window.beat()")
    assert "it hears this after the running cell" in tab.page.locator(".times").inner_text()
    answer(tab)
    tab.page.evaluate("window.beat()")
    assert "waiting" not in tab.page.locator(".times").inner_text()


def test_what_the_server_refuses_is_said(tab: Tab) -> None:
    on(tab)
    refused = {"count": 1, "text": "the replay is another's"}
    tab.set("settings", {"symbol": "AAPL", "line": line(), "refused": refused})
    tab.until_veiled("the replay is another's")


def test_a_live_source_says_so(tab: Tab) -> None:
    on(tab)
    tab.feed(pack_transport(TransportState()))
    assert "This source is live" in tab.page.locator("#cell").inner_text()
    assert "live, not a replay" in tab.header()
    assert tab.page.locator(".controls").is_hidden()
    press(tab)
    tab.page.keyboard.press("Space")
    assert commands(tab) == []
    tab.picture("transport-live")


def test_before_anything_was_played(tab: Tab) -> None:
    on(tab, frame(0, "WAITING"), line=PriceLine("AAPL", START, START + 60 * SECOND, [None] * 60, [0.0] * 60).to_json())
    assert "waits for the first subscription" in tab.page.locator(".times").inner_text()
    assert "the price appears as it is played" in tab.written()


@pytest.mark.parametrize("width", [260, 2200])
def test_it_fits_its_cell(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width + 24, "height": 500})
    tab.page.evaluate("width => { document.getElementById('cell').style.width = `${width}px`; }", width)
    on(tab)
    assert tab.page.evaluate("document.querySelector('.hftlab-view').scrollWidth") <= width
    tab.picture(f"transport-{width}")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0:00.0 left"),
        (59_970, "1:00.0 left"),
        (65_340, "1:05.3 left"),
        (3_599_980, "1:00 h left"),
        (-5, "0:00.0 left"),
    ],
)
def test_the_time_that_is_left(tab: Tab, ms: int, text: str) -> None:
    on(tab)
    assert tab.page.evaluate("ms => window.module.left(ms)", ms) == text
