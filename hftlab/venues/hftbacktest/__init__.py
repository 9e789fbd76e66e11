"""hftbacktest's event array: one instrument's orders or price levels, and its trades."""

from hftlab.venues.hftbacktest.encoder import encode

__all__ = ["encode"]
