"""Venues' own formats: one decoder each, files to EventBatch."""

from hftlab.venues import binance, kraken

__all__ = ["binance", "kraken"]
