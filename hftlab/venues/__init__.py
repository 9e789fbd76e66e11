"""Venues' own formats: one decoder each, files to EventBatch."""

from hftlab.venues import binance, itch, kraken, lobster

__all__ = ["binance", "itch", "kraken", "lobster"]
