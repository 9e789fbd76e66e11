"""Time and sales: a live widget, and its static picture."""

from hftlab.widgets.time_and_sales.picture import time_and_sales_svg
from hftlab.widgets.time_and_sales.widget import TimeAndSales

__all__ = ["TimeAndSales", "time_and_sales_svg"]
