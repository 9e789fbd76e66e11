"""The dashboard: all views of a client on one grid, linked by symbol and time."""

from hftlab.widgets.dashboard.widget import Dashboard

__all__ = ["Dashboard"]
