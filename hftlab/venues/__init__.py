"""Venues' own formats: a package a format, which reads files into EventBatches."""

from hftlab.venues import binance, hftbacktest, itch, kraken, lobster

__all__ = ["binance", "hftbacktest", "itch", "kraken", "lobster"]
