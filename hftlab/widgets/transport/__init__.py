"""The controls of a replay: a live widget, and its static picture."""

from hftlab.widgets.transport.picture import transport_svg
from hftlab.widgets.transport.widget import Transport

__all__ = ["Transport", "transport_svg"]
