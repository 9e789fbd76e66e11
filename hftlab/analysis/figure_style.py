"""The common style of figures: a transparent background, readable on white and on black."""

from __future__ import annotations

from typing import Any, Final

from hftlab.palette import AXIS, BAND, CLEAR, GRID, SERIES

__all__ = ["COLOURS", "FAINT", "lay_out", "new_figure"]

COLOURS: Final = SERIES
"""Line colours, distinguishable with every common colour blindness. The first two are for bids and asks."""
FAINT: Final = BAND


def lay_out(figure: Any, title: str, x: str, y: str, *, height: int = 380) -> Any:
    """Apply titles and the common style to a plotly figure, and return it."""
    figure.update_layout(
        title={"text": title, "x": 0.02, "font_size": 16},
        template="none",
        height=height,
        font={"color": AXIS},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        colorway=list(COLOURS),
        margin={"l": 70, "r": 20, "t": 70, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": AXIS, "ticks": "outside", "tickcolor": GRID}
    figure.update_xaxes(title=x, **axis)
    figure.update_yaxes(title=y, **axis)
    return figure


def new_figure(title: str, x: str, y: str, *, height: int = 380) -> Any:
    """Make an empty plotly figure in the style of the others: `x` and `y` name what is on the axes, and its unit.

    It brings an SVG picture of itself, which GitHub and nbconvert show: of lines, markers and bars.
    """
    from hftlab.analysis.figure import Figure

    return lay_out(Figure(), title, x, y, height=height)
