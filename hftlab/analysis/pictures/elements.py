"""SVG elements: paths, texts and rectangles with Plotly's colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Final

__all__ = ["paint", "plain", "rectangle", "stroke", "text", "text_width"]

_RGBA: Final = re.compile(r"rgba?\s*\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,\s*([\d.]+)\s*)?\)")
_DASHES: Final[Mapping[str, str]] = {"dot": "2 3", "dash": "7 5", "longdash": "11 6", "dashdot": "7 4 2 4"}
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def paint(attribute: str, colour: str, opacity: float = 1.0) -> str:
    """`fill` or `stroke` of a colour; transparency is an attribute of its own, which every viewer knows."""
    found = _RGBA.fullmatch(colour.strip())
    if found:
        red, green, blue, alpha = found.groups()
        colour = "#" + "".join(f"{round(float(part)):02x}" for part in (red, green, blue))
        opacity *= float(alpha or 1)
    extra = f' {attribute}-opacity="{opacity:.3g}"' if opacity < 1 else ""
    return f'{attribute}="{escape(colour)}"{extra}'


def stroke(path: str, colour: str, width: float, *, dash: str | None = None, opacity: float = 1.0) -> str:
    """A line along a path."""
    extra = f' stroke-dasharray="{_DASHES.get(dash, dash)}"' if dash not in (None, "solid") else ""
    return f'<path d="{path}" fill="none" {paint("stroke", colour, opacity)} stroke-width="{width:g}"{extra}/>'


def rectangle(x0: float, y0: float, x1: float, y1: float, colour: str, opacity: float = 1.0) -> str:
    """A filled rectangle between two corners."""
    left, top = min(x0, x1), min(y0, y1)
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{abs(x1 - x0):.1f}" height="{abs(y1 - y0):.1f}" '
        f"{paint('fill', colour, opacity)}/>"
    )


def text(
    x: float, y: float, content: str, colour: str, *, size: float = 12, anchor: str = "start", turned: bool = False
) -> str:
    """Text at its baseline; `turned` reads from below. Line breaks make further lines."""
    lines = [escape(line) for line in plain(content).split("\n")]
    inner = lines[0] + "".join(f'<tspan x="{x:.1f}" dy="1.25em">{line}</tspan>' for line in lines[1:])
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"{turn} '
        f"{paint('fill', colour)}>{inner}</text>"
    )


def plain(content: str) -> str:
    """A text without Plotly's markup: <br> is a line break, other tags go."""
    broken = re.sub(r"<br\s*/?>", "\n", content)
    return _NOT_XML.sub("\ufffd", unescape(re.sub(r"</?\w+[^<>]*>", "", broken)))


def text_width(content: str, size: float = 12) -> float:
    """About how many pixels a line of text takes."""
    return len(content) * size * 0.58
