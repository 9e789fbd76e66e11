"""The heat map: resting size by time and price, live or of a recorded session."""

from hftlab.widgets.heatmap.widget import HeatMap

__all__ = ["HeatMap"]
