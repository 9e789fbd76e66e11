"""Venues' own formats: a package a format, which reads files into EventBatches."""

from hftlab.venues import binance, itch, kraken, lobster

__all__ = ["binance", "itch", "kraken", "lobster"]
