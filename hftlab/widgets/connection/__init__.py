"""The connection panel: a live widget, and its static picture."""

from hftlab.widgets.connection.picture import connection_svg
from hftlab.widgets.connection.widget import ConnectionPanel

__all__ = ["ConnectionPanel", "connection_svg"]
