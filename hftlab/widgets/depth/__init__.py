"""The depth chart: a live widget, and its static picture."""

from hftlab.widgets.depth.picture import depth_svg
from hftlab.widgets.depth.widget import DepthChart

__all__ = ["DepthChart", "depth_svg"]
