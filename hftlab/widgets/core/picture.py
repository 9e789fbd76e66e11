"""SVG pictures: what a widget leaves in a saved notebook, where no kernel runs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from typing import Any, Final, Literal, TypeAlias

from hftlab.palette import DARK, FITTED, LIGHT, MONO, SANS, WIDEST, Role

__all__ = ["Anchor", "Drawing", "Picture", "shortened"]

Anchor: TypeAlias = Literal["start", "middle", "end"]

_DARK: Final = " ".join(f".hftlab-{role} {{ fill: {colour}; }}" for role, colour in DARK.items())
# Colours are attributes first: a viewer that strips the style still shows the light picture.
_IMAGES: Final = ".hftlab-on-light { display: none; } .hftlab-on-dark { display: inline; }"
_STYLE: Final = (
    f".hftlab-mono {{ font-family: {MONO}; }} .hftlab-on-dark {{ display: none; }} "
    f"@media (prefers-color-scheme: dark) {{ {_DARK} {_IMAGES}%s }}"
)
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Picture:
    """An SVG document that notebooks display. `svg` is its text."""

    def __init__(self, svg: str, title: str) -> None:
        self.svg = svg
        self.title = title

    def __repr__(self) -> str:
        return f"<picture of {self.title}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "image/svg+xml": self.svg}


class Drawing:
    """An SVG drawing on an opaque background, which makes it readable on any page. `Role`s name the colours.

    One that is wider than a narrow page is shown smaller.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self._size = width, height
        self._title = _text(title)
        self._shapes: list[str] = []
        self._lines: set[Role] = set()
        self.rectangle(0.5, 0.5, width - 1, height - 1, "line", radius=5)
        self.rectangle(1.5, 1.5, width - 3, height - 3, "paper", radius=4)

    def rectangle(
        self, x: float, y: float, width: float, height: float, role: Role, *, opacity: float = 1, radius: float = 0
    ) -> None:
        """Add a filled rectangle; a negative width or height counts as 0."""
        extras = (f' fill-opacity="{opacity:g}"' if opacity < 1 else "") + (f' rx="{radius:g}"' if radius else "")
        self._shapes.append(
            f'<rect x="{x:.5g}" y="{y:.5g}" width="{max(0.0, width):.5g}" height="{max(0.0, height):.5g}" '
            f"{_paint(role)}{extras}/>"
        )

    def path(self, d: str, role: Role, *, opacity: float = 1) -> None:
        """Add a filled path; `d` as in SVG."""
        extras = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self._shapes.append(f'<path d="{d}" {_paint(role)}{extras}/>')

    def line(
        self, points: Iterable[tuple[float, float]], role: Role, *, thickness: float = 1, dashes: str = ""
    ) -> None:
        """Add a line through points; `dashes` as in SVG's stroke-dasharray."""
        self._lines.add(role)
        extras = f' stroke-dasharray="{dashes}"' if dashes else ""
        path = " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
        self._shapes.append(
            f'<polyline points="{path}" fill="none" class="hftlab-{role}-line" stroke="{LIGHT[role]}" '
            f'stroke-width="{thickness:g}" stroke-linejoin="round"{extras}/>'
        )

    def image(self, x: float, y: float, width: float, height: float, light: bytes, dark: bytes) -> None:
        """Add a PNG image, stretched and not smoothed: one for light paper, the other for dark."""
        for png, theme, hidden in ((light, "light", ""), (dark, "dark", ' display="none"')):
            self._shapes.append(
                f'<image class="hftlab-on-{theme}"{hidden} x="{x:.5g}" y="{y:.5g}" width="{width:.5g}" '
                f'height="{height:.5g}" preserveAspectRatio="none" image-rendering="pixelated" '
                f'href="data:image/png;base64,{base64.b64encode(png).decode()}"/>'
            )

    def text(
        self,
        x: float,
        y: float,
        content: str,
        role: Role = "ink",
        *,
        size: float = 12,
        anchor: Anchor = "start",
        bold: bool = False,
        mono: bool = False,
    ) -> None:
        """Add a line of text at its baseline; any content is escaped."""
        extras = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (' font-weight="600"' if bold else "")
        extras += ' font-family="monospace"' if mono else ""
        paint = _paint(role, "hftlab-mono" if mono else "")
        self._shapes.append(
            f'<text x="{x:.5g}" y="{y:.5g}" font-size="{size:g}" {paint}{extras}>{_text(content)}</text>'
        )

    def svg(self) -> str:
        """The whole document."""
        width, height = self._size
        scale = min(1.0, WIDEST / width)
        lines = "".join(f" .hftlab-{role}-line {{ stroke: {DARK[role]}; }}" for role in sorted(self._lines))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:g}" height="{height * scale:g}" '
            f'viewBox="0 0 {width:g} {height:g}" {FITTED} role="img" font-family="{SANS}">'
            f"<title>{self._title}</title><style>{_STYLE % lines}</style>{''.join(self._shapes)}</svg>"
        )


def shortened(text: str, letters: int) -> str:
    """Return a text that has at most so many letters, the last one an ellipsis where some are left out."""
    return text if len(text) <= letters else f"{text[: max(0, letters - 1)]}…"


def _paint(role: Role, extra: str = "") -> str:
    return f'class="{f"hftlab-{role} {extra}".strip()}" fill="{LIGHT[role]}"'


def _text(content: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", content))
