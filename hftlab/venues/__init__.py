"""Venues' own formats: a package a format, which reads files into EventBatches."""

from hftlab.venues import binance, dbn, hftbacktest, itch, kraken, lobster, pcap

__all__ = ["binance", "dbn", "hftbacktest", "itch", "kraken", "lobster", "pcap"]
