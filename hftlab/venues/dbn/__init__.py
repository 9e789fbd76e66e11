"""Databento's DBN and CSV files: order-level events, price levels and trades of its datasets."""

from hftlab.venues.dbn.reader import Reader, Stats, read
from hftlab.venues.dbn.survey import detect_instrument

__all__ = ["Reader", "Stats", "detect_instrument", "read"]
