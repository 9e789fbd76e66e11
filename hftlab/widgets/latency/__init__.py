"""The latency panel: a live widget, and its static picture."""

from hftlab.widgets.latency.picture import latency_svg
from hftlab.widgets.latency.widget import LatencyPanel

__all__ = ["LatencyPanel", "latency_svg"]
