"""The transport as an SVG, from plain data: for saved notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hftlab.clock import NANOSECONDS, in_words
from hftlab.palette import Role
from hftlab.widgets.core.numbers import amount
from hftlab.widgets.core.picture import Drawing
from hftlab.widgets.transport.frame import TransportState
from hftlab.widgets.transport.price_line import PriceLine

__all__ = ["transport_svg"]

WIDTH: Final = 640
PAD: Final = 14
HEADER: Final = 34
CHART: Final = 84
VOLUME: Final = 20
FOOTER: Final = 26
LIVE_TEXT: Final = "The server streams a live source: there is nothing to pause or to rewind."


def transport_svg(state: TransportState, line: PriceLine) -> str:
    """Draw where a replay stands, over the price as far as it is known, as an SVG document."""
    is_live = state.state == "LIVE"
    drawing = Drawing(WIDTH, HEADER + (20 if is_live else CHART + FOOTER), "Replay")
    drawing.text(PAD, 22, "Replay", size=14, bold=True)
    if is_live:
        drawing.text(PAD, 42, LIVE_TEXT, "muted")
        return drawing.svg()
    facts = [line.symbol, state.state.lower(), state.speed_text, *(["loop"] if state.loop else [])]
    drawing.text(PAD + 58, 22, " \u00b7 ".join(fact for fact in facts if fact), "muted", size=11)
    _chart(drawing, state, line)
    drawing.text(PAD, HEADER + CHART + 17, _clock(state.position), mono=True)
    rest = max(0, state.end - state.position) / NANOSECONDS
    drawing.text(WIDTH - PAD, HEADER + CHART + 17, f"{rest:,.1f} s left", "muted", size=11, anchor="end", mono=True)
    return drawing.svg()


def _clock(ns: int) -> str:
    day, time, zone = in_words(ns).split(" ")
    return f"{day} {time[:-3]} {zone}"


def _chart(drawing: Drawing, state: TransportState, line: PriceLine) -> None:
    span = max(1, state.end - state.start)
    room = WIDTH - 2 * PAD

    def across(ns: float) -> float:
        return PAD + room * min(max((ns - state.start) / span, 0.0), 1.0)

    bottom = HEADER + CHART
    for start, end in line.gaps:
        drawing.rectangle(across(start), HEADER, max(1.5, across(end) - across(start)), CHART, "warn", opacity=0.2)
    drawing.rectangle(PAD, bottom - 1, room, 1, "line")
    drawing.rectangle(PAD, HEADER, across(state.position) - PAD, CHART, "bid", opacity=0.08)
    width = (line.end - line.start) / max(1, len(line.prices))
    largest = max(line.volumes, default=0.0)
    for place, volume in enumerate(line.volumes):
        if volume > 0:
            tall = max(1.0, VOLUME * volume / largest)
            x = across(line.start + place * width)
            drawing.rectangle(x, bottom - tall, max(1.0, room * width / span), tall, "muted", opacity=0.5)
    for piece in _pieces(line, HEADER + 6, bottom - VOLUME - 6):
        points = [(across(line.start + (line.end - line.start) * share), y) for share, y in piece]
        drawing.line(points, "bid", thickness=1.5)
    known = [price for price in line.prices if price is not None]
    if known:
        decimals: int = line.to_json()["decimals"]
        drawing.text(WIDTH - PAD, HEADER + 4, amount(max(known), decimals), "muted", size=10, anchor="end", mono=True)
    _playhead(drawing, across(state.position), bottom, "ask")


def _pieces(line: PriceLine, top: float, bottom: float) -> Iterator[list[tuple[float, float]]]:
    """Give the line in steps of (share of the width, height), in pieces that end where the symbol was not recorded."""
    known = [price for price in line.prices if price is not None]
    if not known:
        return
    low, high = min(known), max(known)
    each = (line.end - line.start) / len(line.prices)
    gaps = sorted(line.gaps)
    piece: list[tuple[float, float]] = []
    for place, price in enumerate(line.prices):
        left, right = place / len(line.prices), (place + 1) / len(line.prices)
        while gaps and gaps[0][0] < line.start + (place + 1) * each:
            gaps.pop(0)
            if piece:
                yield piece
            piece = []
        if price is not None:
            y = bottom - ((price - low) / (high - low) if high > low else 0.5) * (bottom - top)
            piece += [*([(left, piece[-1][1])] if piece else []), (left, y), (right, y)]
    if piece:
        yield piece


def _playhead(drawing: Drawing, x: float, bottom: float, role: Role) -> None:
    drawing.rectangle(x - 0.75, HEADER - 4, 1.5, bottom - HEADER + 4, role)
