"""The order-book ladder: a live widget, and its static picture."""

from hftlab.widgets.ladder.picture import ladder_svg
from hftlab.widgets.ladder.widget import Ladder

__all__ = ["Ladder", "ladder_svg"]
