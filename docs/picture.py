"""Draws the pictures of the README and of the first page: python docs/picture.py

docs/ladder.svg is a ladder of the simulated exchange after a minute of its own time, as the widget leaves it in a saved
notebook; the seed is fixed, so the same code draws the same picture. docs/dashboard-light.png and -dark.png are a
dashboard after a minute, in Chromium, with a few orders of one's own. docs/sweep.svg is the profit of a market maker
over two of its parameters, on the recording in data/flash.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import hftlab as hl
from hftlab.clock import NANOSECONDS, from_milliseconds
from hftlab.protocol.book import Book
from hftlab.widgets import ladder_svg

LADDER = Path(__file__).parent / "ladder.svg"
SWEEP = LADDER.with_name("sweep.svg")
DATA = Path(__file__).parents[1] / "data"
START = 1_772_461_800 * NANOSECONDS  # 2026-03-02 14:30 UTC, when New York opens
SECONDS = 60
DEPTH = 7
SIZE = {"width": 1320, "height": 1060}


def draw() -> str:
    """The SVG, light or dark as its reader's system is."""
    exchange = hl.simulator.Exchange(7, ["AAPL"], clock=hl.Clock(START, paused=True))
    symbol = exchange.advance(START + SECONDS * NANOSECONDS)[-1].symbols[0]
    book = Book.of(symbol, stale=False)
    last = symbol.last_trade
    return ladder_svg(
        symbol.symbol,
        book.bids(DEPTH),
        book.asks(DEPTH),
        last=symbol.price,
        change_percent=symbol.change_percent,
        trade=None if last is None else (last.price, last.size, last.side),
        ts_event=from_milliseconds(symbol.timestamp),
    )


class Maker(hl.Strategy):
    """Quotes on both sides, `ticks` behind the best, and moves them `every` so often."""

    wake = "timer"

    def __init__(self, ticks: int, pause: str) -> None:
        self.ticks, self.every = ticks, pause

    def on_timer(self, at: int) -> None:  # noqa: ARG002
        """Move both quotes."""
        best = self.market.best("AAPL")
        self.trading.cancel_all()
        if best is not None:
            self.trading.buy("AAPL", 100, price=round(best[0] - 0.01 * self.ticks, 2), post_only=True)
            self.trading.sell("AAPL", 100, price=round(best[1] + 0.01 * self.ticks, 2), post_only=True)


def swept() -> str:
    """The heat map of a sweep, as a notebook keeps it."""
    grid = {"ticks": [0, 1, 2, 3, 5, 8], "pause": ["100ms", "200ms", "500ms", "1s", "2s"]}
    latency = hl.backtest.Latency(entry="2ms", response="2ms")
    sweep = hl.sweep(Maker, DATA / "flash", grid, latency=latency, fees=hl.trading.Commission())
    picture = sweep.figure("pnl", title="Profit before fees").picture()
    assert picture is not None
    return picture


def dashboard_page(seconds: float = SECONDS) -> str:
    """A dashboard as a page of its own, after so many seconds of the market."""
    exchange = hl.simulator.Exchange(7)
    with hl.serve(exchange, port=0) as server, hl.connect(server.url, account="alice") as client:
        client.subscribe(client.offered_symbols, data_types=["QUOTES", "ORDER_BOOK", "TRADES"], frequency=100)
        dashboard = hl.dashboard(client, "AAPL", trading=True, size=100)
        began = client.latest("AAPL").timestamp
        passed = 0.0
        while passed < seconds:
            client.next_message()
            quote = client.latest("AAPL")
            if passed < seconds / 2 <= (quote.timestamp - began) / 1000:
                for step in range(3):
                    client.trading.buy("AAPL", 100 * (step + 1), price=round(quote.bid - 0.02 * step, 2))
                client.trading.sell("AAPL", 100, price=round(quote.ask + 0.02, 2))
            passed = (quote.timestamp - began) / 1000
        page = dashboard.to_html()
        dashboard.close()
    return page


def photograph(browser: Any, page: str, scheme: str, path: Path) -> None:
    """Show a page that needs no kernel in a playwright browser, and save a picture of it."""
    tab = browser.new_page(color_scheme=scheme, viewport=SIZE)
    tab.set_content(page)
    tab.wait_for_function(
        "() => document.querySelectorAll('.hftlab-view').length > 5 && "
        "[...document.querySelectorAll('canvas')].every(({ width, offsetWidth }) => width > 200 || !offsetWidth)"
    )
    tab.screenshot(path=path)
    tab.close()


def main() -> None:
    """Draw all pictures anew."""
    from playwright.sync_api import sync_playwright

    LADDER.write_text(draw() + "\n")
    SWEEP.write_text(swept() + "\n")
    page = dashboard_page()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            photograph(browser, page, scheme, LADDER.with_name(f"dashboard-{scheme}.png"))
        browser.close()


if __name__ == "__main__":
    main()
