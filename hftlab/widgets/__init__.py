"""What a person sees: live widgets for notebooks, and the pictures that they leave behind."""

from hftlab.widgets.ladder import Ladder
from hftlab.widgets.ladder_picture import ladder_svg
from hftlab.widgets.latency import LatencyPanel
from hftlab.widgets.latency_picture import latency_svg
from hftlab.widgets.picture import Picture

__all__ = ["Ladder", "LatencyPanel", "Picture", "ladder_svg", "latency_svg"]
