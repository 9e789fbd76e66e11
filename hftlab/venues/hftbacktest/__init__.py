"""hftbacktest's event array: one instrument's orders or price levels, and its trades."""

from hftlab.venues.hftbacktest.encoder import encode
from hftlab.venues.hftbacktest.reader import Reader, Stats, read
from hftlab.venues.hftbacktest.survey import detect_instrument

__all__ = ["Reader", "Stats", "detect_instrument", "encode", "read"]
