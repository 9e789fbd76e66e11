"""The page code of time and sales in a real Chromium, fed by the Python view."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hftlab.widgets import TimeAndSales
from hftlab.widgets.time_and_sales.view import TimeAndSalesView
from tests.browser.tab import Tab
from tests.widgets.streaming_market import StreamingMarket, trade

pytestmark = [
    pytest.mark.browser,
]

ROWS = (
    "[...document.querySelectorAll('tr.row:not([hidden])')].map((row) => [...row.cells].map((cell) => cell.innerText))"
)


class Stream:
    """A view whose frames and answers go to a tab."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.market, self.now, self.sent = tab, StreamingMarket(), 0.0, 0
        self.view = TimeAndSalesView(self.market, "AAPL", timer=lambda: self.now)

    def print(self, count: int, first: int = 0, **changes: Any) -> None:
        """Print trades of which each has its number as its price's cents."""
        trades = [
            trade(place / 10, 100 + place / 100, size=10 * (1 + place % 7), side="SELL" if place % 3 else "BUY")
            for place in range(first, first + count)
        ]
        self.market.send("AAPL", (first + count) / 10, **{"trades": trades, **changes})

    def start(self) -> None:
        self.tab.start(TimeAndSales._esm, self.view.snapshot(), paints=False, settings=self.view.settings)

    def feed(self, seconds: float = 0.1) -> None:
        self.now += seconds
        self.tab.feed(self.view.snapshot())

    def miss(self) -> None:
        """Let the page miss frames for a minute."""
        for _ in range(2):
            self.now += 30
            self.view.snapshot()

    def answer(self) -> list[tuple[int, int]]:
        """Answer what the page has asked for, as the kernel does; returns the numbers asked for."""
        asked = [each for each in self.tab.sent()[self.sent :] if "first" in each]
        self.sent = len(self.tab.sent())
        for question in asked:
            content, (buffer,) = self.view.receive(question, [])
            self.tab.page.evaluate(
                "([content, text]) => { const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));"
                "for (const hear of window.model.listeners['msg:custom'])"
                " hear({ panel: '', ...content }, [new DataView(bytes.buffer)]); }",
                [content, base64.b64encode(buffer).decode()],
            )
        return [(question["first"], question["last"]) for question in asked]

    def prices(self) -> list[str]:
        return [row[1] for row in self.tab.page.evaluate(ROWS)]


@pytest.fixture
def stream(tab: Tab) -> Stream:
    return Stream(tab)


@pytest.mark.parametrize("tab", [{"scheme": "light"}, {"scheme": "dark", "scale": 2}], indirect=True, ids=str)
def test_it_draws(stream: Stream) -> None:
    stream.print(80)
    stream.market.send("AAPL", 9, trades=[trade(8.5, 101.0, 5000.0)])
    stream.start()
    rows = stream.tab.page.evaluate(ROWS)
    assert rows[0] == ["12:00:08.500", "▲ 101.00", "5,000", "505,000"]
    assert rows[1] == ["12:00:07.900", "▼ 100.79", "30", "3,024"]
    assert stream.tab.page.locator("tr.large").count() == 1
    assert "81 trades" in stream.tab.header()
    assert stream.tab.page.locator(".note").is_hidden()
    dark = stream.tab.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    stream.tab.picture(f"time_and_sales-{'dark' if dark else 'light'}")


def test_trades_between_two_frames_are_asked_for(stream: Stream) -> None:
    stream.print(5)
    stream.start()
    stream.print(100, 5)
    stream.miss()
    stream.feed()
    assert stream.answer() == [(6, 75)]
    stream.tab.page.evaluate("document.querySelector('.scroll').scrollTop = 1e6")
    stream.tab.until(f"({ROWS}).at(-1)[1] === '▲ 100.00'")
    assert stream.answer() == []
    assert not any("not shown" in row[0] for row in stream.tab.page.evaluate(ROWS))


def test_a_page_without_a_kernel_shows_what_was_kept(stream: Stream) -> None:
    stream.print(100)
    kept = base64.b64encode(stream.view.kept()).decode()
    stream.tab.page.evaluate(
        "text => { window.kept = new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer); }",
        kept,
    )
    source = TimeAndSales._esm.replace('this.panel.get("kept")', "window.kept")
    stream.tab.start(source, stream.view.snapshot(), paints=False, settings=stream.view.settings, offline=True)
    assert stream.tab.page.locator("table").get_attribute("aria-rowcount") == "101"


def test_what_the_kernel_has_lost_is_said(stream: Stream) -> None:
    stream.print(5)
    stream.start()
    stream.print(100, 5)
    tape = stream.view._of_symbol()
    while len(tape.trades) > 60:
        tape.trades.popleft()
    stream.miss()
    stream.feed()
    assert stream.answer() == [(6, 75)]
    assert stream.answer() == [(6, 45)]
    assert stream.answer() == []
    stream.tab.page.evaluate("document.querySelector('.scroll').scrollTop = 1e6")
    stream.tab.until(f"({ROWS}).some((row) => row[0] === '40 not shown')")


def test_it_stops_under_the_pointer_and_goes_on(stream: Stream) -> None:
    stream.print(40)
    stream.start()
    stream.tab.page.locator("tr.row").nth(3).hover()
    stream.print(2, 40)
    stream.feed()
    assert stream.prices()[0] == "▲ 100.39"
    assert "paused · 2 new" in stream.tab.header()
    stream.tab.page.mouse.move(5, 650)
    stream.tab.until(f"({ROWS})[0][1] === '▼ 100.41'")
    assert "42 trades" in stream.tab.header()


def test_the_keyboard_stops_and_scrolls(stream: Stream) -> None:
    stream.print(40)
    stream.start()
    stream.tab.page.locator(".hftlab-view").focus()
    stream.tab.page.keyboard.press(" ")
    stream.print(1, 40)
    stream.feed()
    assert stream.prices()[0] == "▲ 100.39"
    assert stream.tab.page.get_by_role("button", name="pause").get_attribute("aria-pressed") == "true"
    stream.tab.page.keyboard.press(" ")
    assert stream.prices()[0] == "▼ 100.40"
    stream.tab.page.keyboard.press("PageDown")
    stream.tab.until("document.querySelector('.scroll').scrollTop > 0")
    stream.tab.until("document.querySelector('header').innerText.includes('paused')")


def test_small_trades_are_left_out_without_asking_python(stream: Stream) -> None:
    stream.print(40)
    stream.start()
    stream.answer()
    stream.tab.page.get_by_label("least size shown").fill("70")
    assert stream.prices() == ["▼ 100.34", "▲ 100.27", "▼ 100.20", "▼ 100.13", "▲ 100.06"]
    stream.tab.page.get_by_label("least size shown").blur()
    assert stream.tab.sent()[-1]["set"] == {"min_size": 70}


def test_a_replay_that_goes_back_and_another_symbol_start_anew(stream: Stream) -> None:
    stream.print(40)
    stream.start()
    stream.market.send("AAPL", -200, trades=[])
    stream.feed()
    assert "0 trades" in stream.tab.header()
    assert stream.tab.page.locator(".note").inner_text() == "no trades yet"
    stream.market.send("AAPL", -100, trades=[trade(-100, 55.0)])
    stream.feed()
    assert stream.prices() == ["▲ 55.00"]
    assert "1 trade" in stream.tab.header()
    stream.market.send("MSFT", 0, trades=[trade(0, 402.0)])
    stream.view.set({"symbol": "MSFT"})
    stream.feed()
    stream.tab.set("settings", stream.view.settings)
    assert stream.prices() == ["▲ 402.00"]
    assert "MSFT" in stream.tab.header()


def test_it_says_when_not_every_trade_is_known(stream: Stream) -> None:
    stream.start()
    assert "no trades yet" in stream.tab.page.locator(".note").inner_text() or stream.tab.page.locator("code").count()
    stream.market.send("AAPL", 0, last_trade=trade(0, 175.0))
    stream.feed()
    assert stream.tab.page.locator(".note code").inner_text() == 'client.subscribe(["AAPL"], data_types=["TRADES"])'
    stream.tab.page.evaluate("document.getElementById('cell').style.width = '260px'")
    stream.tab.until("document.querySelectorAll('th[scope=col]')[3].hidden")
    stream.tab.picture("time_and_sales-narrow")


def test_all_rows_have_the_decimals_of_the_finest_price(stream: Stream) -> None:
    stream.print(2)
    stream.start()
    stream.market.send("AAPL", 9, trades=[trade(8.5, 101.125, 5.5)])
    stream.feed()
    assert stream.prices() == ["▲ 101.125", "▼ 100.010", "▲ 100.000"]
    assert stream.tab.page.evaluate(f"({ROWS}).map((row) => row[2])") == ["5.5", "20.0", "10.0"]
