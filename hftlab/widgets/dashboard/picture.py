"""The dashboard as an SVG: the pictures of its views in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hftlab.palette import FITTED

__all__ = ["dashboard_svg"]

GAP: Final = 10
WIDEST: Final = 960
"""Width of the whole in px: that of a page of a notebook."""
_STYLE: Final = re.compile(r"<style>.*?</style>", re.DOTALL)
_SIZE: Final = re.compile(r'<svg ([^>]*?)width="([\d.]+)" height="([\d.]+)"')


def dashboard_svg(columns: Sequence[tuple[float, Sequence[str]]]) -> str:
    """Put SVG documents side by side: (width, documents from the top down) of each column, scaled to that width."""
    x, height, placed = 0.0, 0.0, []
    styles: dict[str, None] = {}
    for width, documents in columns:
        y = 0.0
        for document in documents:
            size = _SIZE.match(document)
            if size is None:
                raise ValueError(f"not an SVG document with a width and a height: {document[:60]!r}")
            styles |= dict.fromkeys(_STYLE.findall(document))  # they hold for all documents, once is enough
            high = float(size[3]) * width / float(size[2])
            rest = _STYLE.sub("", document[size.end() :]).replace(f" {FITTED}", "", 1)  # its size is set here
            placed.append(f'<svg x="{x:g}" y="{y:g}" {size[1]}width="{width:g}" height="{high:.5g}"{rest}')
            y += high + GAP
        x, height = x + width + GAP, max(height, y)
    wide, high = max(1.0, x - GAP), max(1.0, height - GAP)
    scale = min(1.0, WIDEST / wide)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide * scale:g}" height="{high * scale:.5g}" '
        f'viewBox="0 0 {wide:g} {high:.5g}" {FITTED} role="img">'
        f"<title>dashboard</title>{''.join([*styles, *placed])}</svg>"
    )
