"""Live widgets for notebooks, and the static pictures that they leave in saved ones."""

from hftlab.widgets.blotter import Blotter, blotter_svg
from hftlab.widgets.connection import ConnectionPanel, connection_svg
from hftlab.widgets.core.link import Link
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.dashboard import Dashboard
from hftlab.widgets.depth import DepthChart, depth_svg
from hftlab.widgets.heatmap import HeatMap
from hftlab.widgets.ladder import Ladder, ladder_svg
from hftlab.widgets.latency import LatencyPanel, latency_svg
from hftlab.widgets.queue import QueuePosition, queue_svg
from hftlab.widgets.time_and_sales import TimeAndSales, time_and_sales_svg
from hftlab.widgets.transport import Transport, transport_svg
from hftlab.widgets.watchlist import WatchList, watchlist_svg

__all__ = [
    "Blotter",
    "ConnectionPanel",
    "Dashboard",
    "DepthChart",
    "HeatMap",
    "Ladder",
    "LatencyPanel",
    "Link",
    "Picture",
    "QueuePosition",
    "TimeAndSales",
    "Transport",
    "WatchList",
    "blotter_svg",
    "connection_svg",
    "depth_svg",
    "ladder_svg",
    "latency_svg",
    "queue_svg",
    "time_and_sales_svg",
    "transport_svg",
    "watchlist_svg",
]
