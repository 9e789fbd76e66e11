"""The dashboard as an SVG: the pictures of its views in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["dashboard_svg"]

GAP: Final = 10
_SIZE: Final = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


def dashboard_svg(columns: Sequence[Sequence[str]]) -> str:
    """Put SVG documents side by side, each column from the top down; a column is as wide as its widest document."""
    x, height, placed = 0.0, 0.0, []
    for column in columns:
        y, width = 0.0, 0.0
        for document in column:
            size = _SIZE.match(document)
            if size is None:
                raise ValueError(f"not an SVG document with a width and a height: {document[:60]!r}")
            placed.append(document.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" ', 1))
            y += float(size[2]) + GAP
            width = max(width, float(size[1]))
        x, height = x + width + GAP, max(height, y)
    wide, high = max(0.0, x - GAP), max(0.0, height - GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}" '
        f'role="img"><title>dashboard</title>{"".join(placed)}</svg>'
    )
