"""The way of market data through the system as an inline SVG that follows the page's light or dark theme."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

__all__ = ["svg"]

WIDTH: Final = 1064
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
    Box(8, 20, 206, "venue captures", "ITCH, LOBSTER, Kraken, Binance"),
    Box(8, 96, 206, "simulated exchange", "order flow, matching engine"),
    Box(8, 220, 206, "recorded session", "Parquet and a manifest"),
    Box(270, 58, 150, "events and books", "EventBatch, BookSet"),
    Box(470, 58, 150, "source", "messages in time order", 214, strong=True),
    Box(660, 58, 140, "server", "channels, sequences"),
    Box(890, 58, 150, "client", "state, what is missing"),
    Box(890, 139, 150, "widgets", "ladder, latency"),
    Box(890, 220, 150, "recorder", "journal, then Parquet"),
    Box(660, 139, 140, "analysis", "polars LazyFrames"),
)
# Corners of each arrow; the last one has the head.
ARROWS: Final = (
    ((214, 46), (242, 46), (242, 76), (270, 76)),
    ((214, 122), (242, 122), (242, 92), (270, 92)),
    ((420, 84), (470, 84)),
    ((214, 246), (470, 246)),
    ((620, 84), (660, 84)),
    ((800, 84), (890, 84)),
    ((965, 110), (965, 139)),
    ((1040, 84), (1054, 84), (1054, 246), (1040, 246)),
    ((890, 246), (845, 246), (845, 289), (111, 289), (111, 272)),
    ((845, 246), (845, 165), (800, 165)),
)
LABELS: Final = ((845, 76, "WebSocket"), (342, 238, "replay"), (342, 283, "recordings"))


def svg() -> str:
    """The drawing; colours are the theme's own variables."""
    shapes = [*map(_arrow, ARROWS), *map(_box, BOXES), *(_label(*label) for label in LABELS)]
    title = "Captures, the simulator and recordings are sources; a server streams one; clients show and record it"
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
