"""Draws docs/ladder.svg, the picture of the README: python docs/picture.py

A ladder of the simulated exchange after a minute of its own time, as the widget leaves it in a saved notebook. The seed
is fixed, so the same code draws the same picture.
"""

from __future__ import annotations

from pathlib import Path

import hftlab as hl
from hftlab.clock import NANOSECONDS, from_milliseconds
from hftlab.protocol.book import Book
from hftlab.widgets import ladder_svg

PATH = Path(__file__).parent / "ladder.svg"
START = 1_772_461_800 * NANOSECONDS  # 2026-03-02 14:30 UTC, when New York opens
SECONDS = 60
DEPTH = 7


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


if __name__ == "__main__":
    PATH.write_text(draw() + "\n")
