"""The way of market data through the system as an inline SVG that follows the page's light or dark theme."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

__all__ = ["svg"]

WIDTH: Final = 900
HEIGHT: Final = 300


class Box(NamedTuple):
    """A rectangle with a title and a line below it; `x` and `y` are its corner."""

    x: int
    y: int
    width: int
    title: str
    text: str
    height: int = 52
    strong: bool = False


BOXES: Final = (
    Box(10, 20, 170, "venue captures", "ITCH, LOBSTER, Kraken, Binance"),
    Box(10, 96, 170, "simulated exchange", "order flow, matching engine"),
    Box(10, 220, 170, "recorded session", "Parquet and a manifest"),
    Box(240, 58, 130, "events and books", "EventBatch, BookSet"),
    Box(430, 58, 110, "source", "messages in time order", 214, strong=True),
    Box(580, 58, 110, "server", "channels, sequences"),
    Box(770, 58, 120, "client", "state, what is missing"),
    Box(770, 150, 120, "widgets", "ladder, latency"),
    Box(770, 220, 120, "recorder", "journal, then Parquet"),
    Box(580, 150, 110, "analysis", "polars LazyFrames"),
)
# Corners of each arrow; the last one has the head.
ARROWS: Final = (
    ((180, 46), (210, 46), (210, 76), (240, 76)),
    ((180, 122), (210, 122), (210, 92), (240, 92)),
    ((370, 84), (430, 84)),
    ((180, 246), (430, 246)),
    ((540, 84), (580, 84)),
    ((690, 84), (770, 84)),
    ((830, 110), (830, 150)),
    ((890, 84), (897, 84), (897, 246), (890, 246)),
    ((770, 246), (735, 246), (735, 289), (95, 289), (95, 272)),
    ((735, 246), (735, 176), (690, 176)),
)
LABELS: Final = ((730, 76, "WebSocket"), (305, 238, "replay"), (400, 284, "recordings"))


def svg() -> str:
    """The drawing; colours are the theme's own variables."""
    shapes = [*map(_arrow, ARROWS), *map(_box, BOXES), *(_label(*label) for label in LABELS)]
    title = "Captures, the simulator and recordings are sources; a server streams one; clients show, record and replay it"
    return (
        f'<div class="diagram"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" class="head"/></marker></defs>'
        f"{''.join(shapes)}</svg></div>\n"
    )


def _box(box: Box) -> str:
    middle = box.x + box.width / 2
    centre = box.y + box.height / 2
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="5"'
        f' class="box{" strong" if box.strong else ""}"/>'
        f'<text x="{middle:g}" y="{centre - 4:g}" class="title">{escape(box.title)}</text>'
        f'<text x="{middle:g}" y="{centre + 13:g}" class="text">{escape(box.text)}</text>'
    )


def _arrow(corners: tuple[tuple[int, int], ...]) -> str:
    points = " ".join(f"{x},{y}" for x, y in corners)
    return f'<polyline points="{points}" class="arrow" marker-end="url(#head)"/>'


def _label(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="text">{escape(text)}</text>'
