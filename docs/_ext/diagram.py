"""Diagrams as inline SVG that follow the page's theme: of the system, and of sessions on object stores."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

__all__ = ["OBJECT_STORE", "SYSTEM", "Diagram", "svg"]


class Box(NamedTuple):
    """A rectangle with a title and a line below it; `x` and `y` are its corner."""

    x: int
    y: int
    width: int
    title: str
    text: str
    height: int = 52
    strong: bool = False


Corners = tuple[tuple[int, int], ...]
"""Corners of an arrow; the last one has the head."""


class Diagram(NamedTuple):
    """What it shows in a sentence, its width and height, its boxes and arrows, and texts beside these."""

    title: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Corners, ...]
    labels: tuple[tuple[int, int, str], ...]


SYSTEM: Final = Diagram(
    "Captures, the simulator and recordings are sources; a server streams one; clients show and record it",
    1064,
    300,
    (
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
    ),
    (
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
    ),
    ((845, 76, "WebSocket"), (342, 238, "replay"), (342, 283, "recordings")),
)

OBJECT_STORE: Final = Diagram(
    "A recording grows in a folder of this machine; its parts are uploaded as they are sealed, the manifest last; "
    "readers fetch the row groups that they need",
    720,
    262,
    (
        Box(4, 96, 112, "client or feed", "messages"),
        Box(156, 20, 164, "journal", "on disk within 20 ms"),
        Box(156, 96, 164, "parts", "sealed, with checksums"),
        Box(156, 172, 164, "manifest.json", "when it is closed"),
        Box(408, 96, 140, "parts", "no session yet"),
        Box(408, 172, 140, "manifest.json", "from now on a session", strong=True),
        Box(588, 20, 128, "tables", "columns, row groups"),
        Box(588, 96, 128, "slice, book_at", "groups of a time"),
        Box(588, 172, 128, "replay, backtest", "groups, ahead"),
    ),
    (
        ((116, 122), (136, 122), (136, 46), (156, 46)),
        ((238, 72), (238, 96)),
        ((320, 122), (408, 122)),
        ((320, 198), (408, 198)),
        ((548, 122), (588, 122)),
        ((567, 122), (567, 46), (588, 46)),
        ((567, 122), (567, 198), (588, 198)),
    ),
    (
        (362, 114, "part by part"),
        (362, 190, "last"),
        (238, 250, "a folder here, deleted at the end"),
        (478, 250, "s3://bucket/path"),
    ),
)


def svg(diagram: Diagram) -> str:
    """The drawing; colours are the theme's own variables."""
    shapes = [
        *map(_arrow, diagram.arrows),
        *map(_box, diagram.boxes),
        *(_label(*label) for label in diagram.labels),
    ]
    return (
        f'<div class="diagram"><svg viewBox="0 0 {diagram.width} {diagram.height}" role="img" '
        f'style="min-width: {min(832, diagram.width - 40)}px" aria-label="{escape(diagram.title)}">'
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


def _arrow(corners: Corners) -> str:
    points = " ".join(f"{x},{y}" for x, y in corners)
    return f'<polyline points="{points}" class="arrow" marker-end="url(#head)"/>'


def _label(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="text">{escape(text)}</text>'
