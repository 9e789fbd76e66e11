"""The blotter of an account: a live widget, and its static picture."""

from hftlab.widgets.blotter.picture import blotter_svg
from hftlab.widgets.blotter.widget import Blotter

__all__ = ["Blotter", "blotter_svg"]
