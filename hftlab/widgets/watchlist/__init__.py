"""The watch list: a live widget, and its static picture."""

from hftlab.widgets.watchlist.picture import watchlist_svg
from hftlab.widgets.watchlist.widget import WatchList

__all__ = ["WatchList", "watchlist_svg"]
