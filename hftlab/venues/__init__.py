"""Venues' own formats: one decoder each, files to EventBatch."""

from hftlab.venues import binance

__all__ = ["binance"]
