"""The connection panel as an SVG, for saved notebooks and for reports."""

from __future__ import annotations

from typing import Final

from hftlab.palette import Role
from hftlab.widgets.connection.frame import ConnectionFrame
from hftlab.widgets.core.picture import Drawing, shortened

__all__ = ["connection_svg", "level_role"]

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 34
TILES: Final = 48
ROW: Final = 19
EVENTS: Final = 6
"""Events in a picture, the newest."""
LONGEST: Final = 74
"""Letters of a text."""


def connection_svg(frame: ConnectionFrame) -> str:
    """Draw a connection as an SVG document."""
    events = frame.events[:EVENTS]
    rows = len(frame.facts) + len(frame.subscriptions) + len(events)
    drawing = Drawing(WIDTH, HEADER + TILES + ROW * rows + 26, "Connection")
    drawing.text(PAD, 22, "Connection", size=14, bold=True)
    role: Role = "good" if frame.status == "CONNECTED" else "warn"
    lasting = f" for {frame.lasting}" if frame.lasting else ""
    drawing.text(WIDTH - PAD, 22, f"{frame.status}{lasting}", role, size=12, anchor="end", bold=True)
    step = (WIDTH - 2 * PAD) / max(1, len(frame.counters))
    for place, counter in enumerate(frame.counters):
        x = PAD + (place + 0.5) * step
        drawing.text(x, HEADER + 18, counter.text, "warn" if counter.warns else "ink", anchor="middle", mono=True)
        drawing.text(x, HEADER + 32, counter.name, "muted", size=10, anchor="middle")
    y = float(HEADER + TILES)
    for fact in frame.facts:
        y = _row(drawing, y, fact.name, fact.text, "warn" if fact.warns else "ink")
    y = _rule(drawing, y)
    for each in frame.subscriptions:
        y = _row(drawing, y, each.every, f"{each.symbols}: {each.data_types}", "ink")
    y = _rule(drawing, y)
    for event in events:
        y = _row(drawing, y, event.time, event.text, level_role(event.level))
    return drawing.svg()


def level_role(level: str) -> Role:
    """The colour of an event."""
    return "warn" if level in ("WARN", "ERROR") else "ink"


def _rule(drawing: Drawing, y: float) -> float:
    drawing.rectangle(PAD, y + 3, WIDTH - 2 * PAD, 0.7, "line")
    return y + 8


def _row(drawing: Drawing, y: float, name: str, text: str, role: Role) -> float:
    baseline = y + ROW / 2 + 4
    drawing.text(PAD, baseline, name, "muted", size=11)
    drawing.text(PAD + 92, baseline, shortened(text, LONGEST), role, size=11)
    return y + ROW
