"""Live widgets for notebooks, and the static pictures that they leave in saved ones."""

from hftlab.widgets.core.picture import Picture
from hftlab.widgets.ladder import Ladder, ladder_svg
from hftlab.widgets.latency import LatencyPanel, latency_svg

__all__ = ["Ladder", "LatencyPanel", "Picture", "ladder_svg", "latency_svg"]
