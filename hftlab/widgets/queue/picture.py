"""Queue positions as an SVG, from plain data: for saved notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from hftlab.palette import Role
from hftlab.protocol.enums import Side
from hftlab.widgets.core.numbers import Scale, amount
from hftlab.widgets.core.picture import Drawing, shortened
from hftlab.widgets.queue.frame import outcome
from hftlab.widgets.queue.track import Track

__all__ = ["queue_svg"]

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 40
LANE: Final = 74
LABEL: Final = 18
SHOWN: Final = 4
LONGEST: Final = 24
"""Letters of a symbol."""


def queue_svg(tracks: Sequence[Track], scales: Mapping[str, Scale]) -> str:
    """Draw the estimated size ahead of the newest orders over time as an SVG document."""
    shown = [track for track in reversed(tracks) if track.points][:SHOWN]
    drawing = Drawing(WIDTH, HEADER + LANE * max(1, len(shown)), "Queue position")
    drawing.text(PAD, 22, "Queue position", size=14, bold=True)
    drawing.text(WIDTH - PAD, 22, "estimated size ahead", "muted", size=11, anchor="end")
    if not shown:
        drawing.text(WIDTH / 2, HEADER + 30, "no resting orders", "muted", anchor="middle")
    for place, track in enumerate(shown):
        _lane(drawing, HEADER + place * LANE, track, scales.get(track.record.symbol) or Scale())
    return drawing.svg()


def _lane(drawing: Drawing, top: float, track: Track, scale: Scale) -> None:
    record, points = track.record, track.points
    role: Role = "bid" if record.side is Side.BUY else "ask"
    symbol = shortened(record.symbol, LONGEST)
    text = f"{record.side.lower()} {record.quantity:,.12g} {symbol} at {amount(record.price, scale.price_decimals)}"
    drawing.text(PAD, top + 10, text, role, size=11.5)
    newest = points[-1]
    state = f"{newest.likely:,.0f} ahead ({newest.least:,.0f} to {newest.most:,.0f})"
    right = state if track.ended is None else outcome(track)
    drawing.text(WIDTH - PAD, top + 10, right, "muted", size=11, anchor="end")
    bottom, room = top + LANE - 10, LANE - LABEL - 12
    tallest = max(max(point.most for point in points), 1e-9)
    span = max(1, newest.time - points[0].time)

    def place(time: int, size: float) -> tuple[float, float]:
        return PAD + (WIDTH - 2 * PAD) * (time - points[0].time) / span, bottom - room * size / tallest

    drawing.rectangle(PAD, bottom, WIDTH - 2 * PAD, 1, "line")
    upper = _steps([place(point.time, point.most) for point in points])
    lower = _steps([place(point.time, point.least) for point in points])
    outline = "L".join(f"{x:.5g} {y:.5g}" for x, y in [*upper, *reversed(lower)])
    drawing.path(f"M{outline}Z", role, opacity=0.2)
    drawing.line(_steps([place(point.time, point.likely) for point in points]), role, thickness=1.5)


def _steps(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Make a line of steps: each value holds until the next."""
    line = list(corners[:1])
    for (_, before), (x, y) in pairwise(corners):
        line += [(x, before), (x, y)]
    return line
