"""The demo's report: what was lost and what differs, prices, an order book and latencies as one HTML page."""

from __future__ import annotations

from hftlab.report.comparison import Comparison, Difference, compare
from hftlab.report.page import Pictures, write_report

__all__ = ["Comparison", "Difference", "Pictures", "compare", "write_report"]
