"""The stored tutorials as pages: as they are, but with figures that a page can draw without a kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import plotly.io
from plotly.offline import get_plotlyjs

__all__ = ["page", "script"]

FIGURE: Final = "application/vnd.plotly.v1+json"
_LIBRARY: Final = '<script src="../_static/plotly.min.js"></script>'


def page(path: Path) -> str:
    """A notebook's text, with the HTML of each Plotly figure in place of its data, and links that hold on the site."""
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if FIGURE in data:
                data["text/html"] = _LIBRARY + _drawn(data.pop(FIGURE), path.stem + cell.get("id", ""))
    return json.dumps(notebook, indent=1)


def script() -> str:
    """Plotly's JavaScript, which the figures need once."""
    return str(get_plotlyjs())


def _drawn(figure: dict[str, Any], name: str) -> str:
    figure["layout"].pop("width", None)  # as wide as its page
    return str(
        plotly.io.to_html(
            figure,
            include_plotlyjs=False,
            full_html=False,
            validate=False,
            div_id=name,
            config={"responsive": True, "displaylogo": False},
        )
    )
